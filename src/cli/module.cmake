# The program, build/quire, and the tests' way to find it.
target_link_libraries(${QUIRE_MODULE} PRIVATE CLI11::CLI11)

add_executable(quire ${dir}/quire_main.cc)
target_link_libraries(quire PRIVATE ${QUIRE_MODULE})

if(QUIRE_TESTS)
  set_source_files_properties(${tests} PROPERTIES
    COMPILE_DEFINITIONS "QUIRE_PROGRAM=\"${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/quire\"")
  # The test program is declared after this file is read.
  cmake_language(DEFER CALL add_dependencies test_cli quire)
endif()

# The tests change the settings of the host.
set(QUIRE_TEST_ALONE ON)
