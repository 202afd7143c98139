# CMake toolchain file of the release: clang, musl and hardened libc++ from the sysroot that toolchain/sysroot builds,
# static-PIE by lld. `make setup` builds the sysroot; toolchain/check shows that the promises below hold.

if(NOT DEFINED STEPDOWN_ARCH)
    set(STEPDOWN_ARCH x86_64)
endif()
set(stepdown_arch ${STEPDOWN_ARCH})
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES STEPDOWN_ARCH)
set(stepdown_llvm /usr/lib/llvm-19/bin)

# The same name as toolchain/sysroot computes.
if(NOT "$ENV{STEPDOWN_CACHE}" STREQUAL "")
    set(stepdown_cache "$ENV{STEPDOWN_CACHE}")
elseif(NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
    set(stepdown_cache "$ENV{XDG_CACHE_HOME}/stepdown")
else()
    set(stepdown_cache "$ENV{HOME}/.cache/stepdown")
endif()
file(READ "${CMAKE_CURRENT_LIST_DIR}/sysroot" stepdown_recipe)
file(READ "${CMAKE_CURRENT_LIST_DIR}/start.c" stepdown_start)
string(SHA256 stepdown_key "${stepdown_recipe}${stepdown_start}")
string(SUBSTRING "${stepdown_key}" 0 16 stepdown_key)
set(stepdown_triple ${stepdown_arch}-linux-musl)
set(stepdown_sysroot "${stepdown_cache}/sysroot/${stepdown_key}/${stepdown_triple}")
if(NOT EXISTS "${stepdown_sysroot}/usr/lib/libc++.a")
    message(FATAL_ERROR "  no release sysroot at ${stepdown_sysroot}: run `make setup`")
endif()

# A build folder remembers flags and found libraries. When this file or the sysroot has changed since, it must not mix the
# two: what it remembers of the former is dropped, and configured anew.
file(SHA256 "${CMAKE_CURRENT_LIST_FILE}" stepdown_toolchain)
string(APPEND stepdown_toolchain " ${stepdown_sysroot}")
if(DEFINED STEPDOWN_TOOLCHAIN AND NOT STEPDOWN_TOOLCHAIN STREQUAL stepdown_toolchain)
    get_cmake_property(remembered CACHE_VARIABLES)
    foreach(variable IN LISTS remembered)
        if("$CACHE{${variable}}" MATCHES "/sysroot/[0-9a-f]+/${stepdown_triple}"
           OR variable MATCHES "^CMAKE_(C|CXX|EXE_LINKER)_FLAGS(_RELEASE)?$")
            unset(${variable} CACHE)
        endif()
    endforeach()
endif()
set(STEPDOWN_TOOLCHAIN "${stepdown_toolchain}" CACHE INTERNAL "the toolchain this folder was configured with")

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${stepdown_arch})
set(CMAKE_SYSROOT "${stepdown_sysroot}")
set(CMAKE_C_COMPILER ${stepdown_llvm}/clang)
set(CMAKE_CXX_COMPILER ${stepdown_llvm}/clang++)
set(CMAKE_C_COMPILER_TARGET ${stepdown_triple})
set(CMAKE_CXX_COMPILER_TARGET ${stepdown_triple})
if(EXISTS "${stepdown_sysroot}/clang") # another machine's: its builtins are not among this one's, nor do its programs run
    set(stepdown_resources "-resource-dir=${stepdown_sysroot}/clang")
    set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${stepdown_arch}-static)
endif()
foreach(tool AR RANLIB NM STRIP OBJCOPY OBJDUMP READELF)
    string(TOLOWER ${tool} name)
    set(CMAKE_${tool} ${stepdown_llvm}/llvm-${name} CACHE FILEPATH "")
endforeach()

# Nothing of the host: no headers, no libraries, no compiler configuration, no search paths from the environment.
set(CMAKE_FIND_ROOT_PATH "${stepdown_sysroot}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} "${stepdown_sysroot}/usr/lib/pkgconfig")
set(stepdown_clean_env env -u CPATH -u C_INCLUDE_PATH -u CPLUS_INCLUDE_PATH -u LIBRARY_PATH)
foreach(language C CXX)
    set(CMAKE_${language}_COMPILER_LAUNCHER ${stepdown_clean_env} CACHE STRING "")
    set(CMAKE_${language}_LINKER_LAUNCHER ${stepdown_clean_env} CACHE STRING "")
endforeach()
unset(ENV{CPATH})
unset(ENV{C_INCLUDE_PATH})
unset(ENV{CPLUS_INCLUDE_PATH})
unset(ENV{LIBRARY_PATH})

# Hardening: what musl and a static-PIE can have. _FORTIFY_SOURCE is a glibc matter and means nothing here.
string(JOIN " " stepdown_flags
    --no-default-config
    ${stepdown_resources}
    -ffile-prefix-map=${stepdown_sysroot}=/sysroot
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=/stepdown
    -ffile-prefix-map=${CMAKE_BINARY_DIR}=/build
    -fPIE
    -fno-plt
    -flto=full
    -ffunction-sections
    -fdata-sections
    -fstack-protector-strong
    -fstack-clash-protection
    -ftrivial-auto-var-init=zero)
set(CMAKE_C_FLAGS_INIT "${stepdown_flags}")
set(CMAKE_CXX_FLAGS_INIT "${stepdown_flags} \
--start-no-unused-arguments -stdlib=libc++ --end-no-unused-arguments -stdlib++-isystem ${stepdown_sysroot}/usr/include/c++/v1 \
-D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_FAST")
foreach(language C CXX)
    set(CMAKE_${language}_FLAGS_RELEASE "-Oz -DNDEBUG" CACHE STRING "Flags of a release")
endforeach()

string(JOIN " " CMAKE_EXE_LINKER_FLAGS_INIT
    -static-pie
    -fuse-ld=lld
    -rtlib=compiler-rt
    -unwindlib=libunwind
    -Wl,-z,relro,-z,now,-z,noexecstack
    -Wl,--gc-sections,--icf=all,-O2
    -Wl,--pack-dyn-relocs=relr
    -Wl,-z,separate-loadable-segments # what is relocated begins with a page, and takes no more than it needs
    -Wl,--build-id=sha1)
if(stepdown_arch STREQUAL aarch64) # pages of 4 to 64 kB: what is read-only once relocated gets pages of its own whichever it is
    string(APPEND CMAKE_EXE_LINKER_FLAGS_INIT " -Wl,-z,common-page-size=65536")
endif()
