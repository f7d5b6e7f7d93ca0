target_link_libraries(${QUIRE_MODULE} PUBLIC PkgConfig::XXHASH)
# The example of the public interface is built and run like a test.
if(QUIRE_TESTS)
  add_executable(example_library ${CMAKE_SOURCE_DIR}/examples/library.cc)
  target_link_libraries(example_library PRIVATE ${QUIRE_MODULE})
  quire_test(example_library example_library)
endif()
