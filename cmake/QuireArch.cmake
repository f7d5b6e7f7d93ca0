# The engine for other architectures, as Linux does it: the same sources,
# compiled once more with another entry format and another base page. Each is
# a library quire_engine_<name> and a program quire-<name> that runs
# experiments (src/litmus/engine_main.cc); `quire litmus run` calls it.
set(QUIRE_ENGINE_LAYERS base stats arch phys compress folio pagetable swap policy vm split reclaim sysfs kernel litmus)

function(quire_arch name page_shift)
  set(sources "")
  foreach(layer ${QUIRE_ENGINE_LAYERS})
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${layer}/*.cc)
    file(GLOB alike CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${layer}/*/*.cc)
    list(FILTER found EXCLUDE REGEX "_(test|prop|bench|fuzz|main)\\.cc$")
    list(FILTER alike EXCLUDE REGEX "_test\\.cc$")
    # Files of a folder within a layer have the same names inside: each stays alone.
    list(APPEND sources ${found} ${alike})
    set_source_files_properties(${found} PROPERTIES UNITY_GROUP ${layer})
  endforeach()
  set(library quire_engine_${name})
  add_library(${library} STATIC ${sources})
  target_include_directories(${library} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_compile_definitions(${library} PUBLIC QUIRE_ARM64 QUIRE_PAGE_SHIFT=${page_shift})
  target_link_libraries(${library} PUBLIC fmt::fmt Boost::headers absl::flat_hash_map PkgConfig::XXHASH
                                          nlohmann_json::nlohmann_json PkgConfig::LZ4 PkgConfig::LZO PkgConfig::ZSTD)
  # These are for experiments: quick to build rather than quick.
  target_compile_options(${library} PRIVATE -O1 -g0)
  # A folder is one translation unit: three times the sources are only a minute.
  set_target_properties(${library} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  add_executable(quire-${name} ${CMAKE_SOURCE_DIR}/src/litmus/engine_main.cc)
  target_link_libraries(quire-${name} PRIVATE ${library})
endfunction()

# What only that architecture has is tested on it: the sources named, with its engine.
# They are written for pages of 4 KiB.
function(quire_arch_test name)
  add_executable(test_${name} ${ARGN})
  target_link_libraries(test_${name} PRIVATE quire_engine_${name} ${test_libraries})
  target_compile_options(test_${name} PRIVATE -O1)
  quire_test(${name} test_${name})
endfunction()
