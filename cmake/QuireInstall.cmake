# What `cmake --install` puts where, in two parts:
#
#   program      quire and what belongs to it
#   development  libquire: archive, headers, quire-config.cmake, quire.pc
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The left column of the layer picture as the one archive that a user expects.
# Its parts stay archives of their own for everybody inside, so that a test
# links only what it tests.
set(QUIRE_LIBRARY_LAYERS base stats arch phys compress folio pagetable swap policy vm split reclaim sysfs kernel)

function(quire_library)
  add_library(libquire STATIC)
  foreach(layer ${QUIRE_LIBRARY_LAYERS})
    get_target_property(type quire_${layer} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
      target_sources(libquire PRIVATE $<TARGET_OBJECTS:quire_${layer}>)
    endif()
  endforeach()
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/quire/*.h)
  target_sources(libquire PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/include FILES ${headers})
  target_compile_features(libquire INTERFACE cxx_std_23)
  # The headers name none of these: programs only link them.
  target_link_libraries(libquire PRIVATE fmt::fmt absl::flat_hash_map PkgConfig::XXHASH PkgConfig::LZ4 PkgConfig::LZO PkgConfig::ZSTD)
  set_target_properties(libquire PROPERTIES OUTPUT_NAME quire EXPORT_NAME quire LINKER_LANGUAGE CXX)

  install(FILES ${CMAKE_SOURCE_DIR}/examples/library.cc COMPONENT development
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libquire-dev/examples)
  install(TARGETS libquire EXPORT quire
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
          FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
endfunction()

# How another program finds the library: both ways find their own place, so that
# the installed tree can be moved.
function(quire_library_config)
  set(config ${CMAKE_INSTALL_LIBDIR}/cmake/quire)
  install(EXPORT quire NAMESPACE quire:: FILE quire-targets.cmake DESTINATION ${config} COMPONENT development)
  configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/quire-config.cmake.in
    ${CMAKE_BINARY_DIR}/generated/quire-config.cmake INSTALL_DESTINATION ${config}
    NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/quire-config-version.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/generated/quire-config.cmake
                ${CMAKE_BINARY_DIR}/generated/quire-config-version.cmake
          DESTINATION ${config} COMPONENT development)

  file(RELATIVE_PATH to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/quire.pc.in ${CMAKE_BINARY_DIR}/generated/quire.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/generated/quire.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endfunction()

if(TARGET quire_kernel)
  quire_library()
  quire_library_config()
endif()
if(TARGET quire)
  include(cmake/QuireProgramInstall.cmake)
  include(cmake/QuirePackages.cmake)
endif()
