# `make deb`: what CPack packs into quire and libquire-dev. scripts/deb.sh builds
# for it; packaging/finish.cmake does to the staged files what Debian's policy asks.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "The Quire authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/packaging/finish.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/packaging/repack.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# Who answers for a package is who made it.
set(QUIRE_MAINTAINER "The Quire authors <maintainers@quire.example>" CACHE STRING "Maintainer of the .deb")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${QUIRE_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME quire)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "predict and verify the effect of large-folio settings
Linux can back the memory of programs with folios of many sizes, from 16 KiB
to 2 MiB. Quire records a program once, replays the recording through its own
implementation of the memory management of Linux 6.18 under any huge-page
policy, and says what each costs in time and memory. On a kernel that has the
policy it runs the program for real and shows prediction and measurement side
by side.
.
It also names the known traps of a host, shows the folios of running
processes, and changes the settings of a host so that they can be put back.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libquire-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libabsl-dev, libfmt-dev, liblz4-dev, liblzo2-dev, libxxhash-dev, libzstd-dev")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS "cmake, pkg-config, quire")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "large-folio memory management of Linux as a library
A simulated machine with the memory management of Linux 6.18 on it: programs,
mappings, faults, copy-on-write, fork, folios of every size, the settings
files and counters of the kernel under their own names, with page tables that
are right to the bit.
.
This package has the static library, its C++23 headers, and what CMake and
pkg-config need to find them.")
include(CPack)
