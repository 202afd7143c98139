# The .deb and the .rpm. Their names are for ever: people write them into scripts.
set(STEPDOWN_MAINTAINER "stepdown developers <stepdown@invalid.example>" CACHE STRING "who a package says to write to")

set(machine_x86_64 amd64)
set(machine_aarch64 arm64)
set(machine ${machine_${CMAKE_SYSTEM_PROCESSOR}})

set(CPACK_GENERATOR DEB RPM)
set(CPACK_PACKAGE_NAME stepdown)
set(CPACK_PACKAGE_VENDOR stepdown)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_FILE_NAME stepdown-${PROJECT_VERSION}-linux-${machine})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "PID 1 for containers that gives root up for good")
set(CPACK_PACKAGE_DESCRIPTION "Starts as root in a container, does the work only root can do, gives root up for good,
proves from the kernel's own account that it is gone, then runs the app, forwards
its signals and reaps its zombies. One static binary.")
set(CPACK_PACKAGE_CONTACT "${STEPDOWN_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
set(CPACK_STRIP_FILES OFF) # the linker did
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/clamp.cmake)

set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${machine})
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEB_COMPONENT_INSTALL OFF)

set(CPACK_RPM_PACKAGE_ARCHITECTURE ${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_RPM_PACKAGE_LICENSE "see /usr/share/doc/stepdown/copyright")
set(CPACK_RPM_PACKAGE_AUTOREQPROV OFF)
set(CPACK_RPM_COMPRESSION_TYPE xz)
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    /usr/share/man /usr/share/man/man1 /usr/share/man/man5 /usr/share/bash-completion /usr/share/bash-completion/completions
    /usr/share/zsh /usr/share/zsh/vendor-completions /usr/share/fish /usr/share/fish/vendor_completions.d)
# rpmbuild would write its clock and this machine's name into the package, and compress what is compressed.
set(CPACK_RPM_SPEC_MORE_DEFINE "%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define _buildhost stepdown
%define _build_id_links none
%define __os_install_post %{nil}
%define debug_package %{nil}")
include(CPack)
