quire_bpf(tree_counter)
target_link_libraries(${QUIRE_MODULE} PRIVATE nlohmann_json::nlohmann_json)

# What the tests of the tree counter measure.
if(QUIRE_TESTS)
  find_package(Threads REQUIRED)
  add_executable(live_touch ${dir}/touch_main.cc)
  target_link_libraries(live_touch PRIVATE Threads::Threads)
  # Measured to the page: nothing of a sanitizer's may be in it.
  target_compile_options(live_touch PRIVATE -fno-sanitize=all)
  target_link_options(live_touch PRIVATE -fno-sanitize=all)
  add_dependencies(${QUIRE_MODULE} live_touch)
endif()

# Tests change the settings of the host.
set(QUIRE_TEST_ALONE ON)
