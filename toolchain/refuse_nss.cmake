# Run after the release link with -DMAP=FILE, the linker's map: fails if anything of the name service switch was linked in. The
# binary reads passwd and group itself; getpwnam(3) and its like would load what the image's nsswitch.conf names, as root.
file(STRINGS "${MAP}" lines)
list(LENGTH lines count)
if(count LESS 100)
  message(FATAL_ERROR "${MAP} is no linker map: cannot tell whether NSS was linked in")
endif()
list(FILTER lines INCLUDE REGEX "getpw|getgr(nam|gid|ent|ouplist|_)|initgroups|nss_|nscd")
if(lines)
  list(JOIN lines "\n" found)
  message(FATAL_ERROR "NSS was linked in:\n${found}")
endif()
