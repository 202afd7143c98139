# Run by CPack once the files are staged: every one gets the one date, directories too, and the .deb its overrides.
if(CPACK_GENERATOR STREQUAL "DEB")
  file(COPY ${CMAKE_CURRENT_LIST_DIR}/lintian-overrides DESTINATION ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/lintian/overrides
       FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
       DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  file(RENAME ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/lintian/overrides/lintian-overrides
       ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/lintian/overrides/stepdown)
endif()
execute_process(COMMAND find ${CPACK_TEMPORARY_INSTALL_DIRECTORY} -exec touch --no-dereference --date=@$ENV{SOURCE_DATE_EPOCH} {} +
                COMMAND_ERROR_IS_FATAL ANY)
