# One library, one test program, one benchmark program and any number of
# fuzz targets for each folder of src/, found by file name:
#
#   x.h x.cc        library       quire_<module>
#   x_test.cc       unit tests    test_<module>     (GoogleTest)
#   x_prop.cc       property      test_<module>     (GoogleTest + rapidcheck)
#   x_bench.cc      benchmarks    bench_<module>    (Google Benchmark)
#   x_fuzz.cc       fuzz target   fuzz_<x>          (libFuzzer; corpus replay in the tests)
#
# A folder that needs more than this keeps a module.cmake of its own, which
# is included with QUIRE_MODULE set.

if(QUIRE_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
endif()
if(QUIRE_BENCH)
  find_package(benchmark REQUIRED)
endif()

# What test programs are compiled with: the test frameworks are parsed once,
# and test code itself is not worth the optimizer's time.
set(test_libraries GTest::gtest_main GTest::gmock rapidcheck)
set(test_options -O1 "$<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess;-Wno-error=invalid-pch>")
if(QUIRE_TESTS)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/test_pch.cc CONTENT "")
  add_library(test_pch OBJECT ${CMAKE_BINARY_DIR}/test_pch.cc)
  target_link_libraries(test_pch PRIVATE ${test_libraries} fmt::fmt)
  target_compile_definitions(test_pch PRIVATE QUIRE_SOURCE_DIR=".")
  target_compile_options(test_pch PRIVATE ${test_options})
  target_precompile_headers(test_pch PRIVATE <gmock/gmock.h> <gtest/gtest.h> <fmt/format.h> <map> <string> <vector>)
endif()

# Sanitizer builds compile everything a second time, and most of that is parsing
# the standard library: they do it once. The other builds go without, so that a
# source which forgets an include is found.
if(QUIRE_SANITIZE AND NOT QUIRE_FUZZ)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/product_pch.cc CONTENT "")
  add_library(product_pch OBJECT ${CMAKE_BINARY_DIR}/product_pch.cc)
  target_link_libraries(product_pch PRIVATE fmt::fmt)
  target_compile_options(product_pch PRIVATE -fpch-preprocess)
  target_precompile_headers(product_pch PRIVATE <algorithm> <array> <chrono> <expected> <filesystem> <fmt/format.h>
                            <functional> <map> <memory> <optional> <span> <string> <utility> <vector>)
endif()

# A module.cmake sets QUIRE_TEST_ALONE when its tests change the settings of the
# host or read its counters: other tests have machines of their own, whose RAM
# asks the host for huge pages.
#
# Tests run in the project's folder, which they call QUIRE_SOURCE_DIR: were it their
# path, no two clones could share a compiled test.
#
# A test, named after its build (asan.vm), with its results as XML for
# scripts/skipped_checks.py. Sanitizer builds run fewer random cases.
function(quire_test name)
  if(QUIRE_SANITIZE MATCHES "thread")
    string(PREPEND name "tsan.")
  elseif(QUIRE_SANITIZE)
    string(PREPEND name "asan.")
  endif()
  set(environment "GTEST_OUTPUT=xml:${CMAKE_BINARY_DIR}/test-results/${name}.xml")
  if(QUIRE_SANITIZE)
    list(APPEND environment "RC_PARAMS=max_success=30")
  endif()
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600 ENVIRONMENT "${environment}"
                       RUN_SERIAL "$<BOOL:${QUIRE_TEST_ALONE}>")
endfunction()

function(quire_module module below)
  set(dir ${CMAKE_CURRENT_SOURCE_DIR}/${module})
  file(GLOB headers CONFIGURE_DEPENDS ${dir}/*.h ${dir}/*/*.h)
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cc ${dir}/*/*.cc)
  set(tests ${sources})
  set(benches ${sources})
  set(fuzzers ${sources})
  list(FILTER tests INCLUDE REGEX "_(test|prop)\\.cc$")
  list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|prop|bench|fuzz|main)\\.cc$")

  if(sources)
    add_library(quire_${module} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(quire_${module} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(quire_${module} ${scope} ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(quire_${module} ${scope} fmt::fmt Boost::headers)
  foreach(lower ${below})
    target_link_libraries(quire_${module} ${scope} quire_${lower})
  endforeach()

  if(TARGET product_pch AND sources)
    target_compile_options(quire_${module} PRIVATE -fpch-preprocess -Wno-error=invalid-pch)
    target_precompile_headers(quire_${module} REUSE_FROM product_pch)
  endif()

  set(QUIRE_MODULE quire_${module})
  include(${dir}/module.cmake OPTIONAL)

  if(QUIRE_TESTS AND tests)
    add_executable(test_${module} ${tests})
    target_link_libraries(test_${module} PRIVATE quire_${module} ${test_libraries})
    target_compile_definitions(test_${module} PRIVATE QUIRE_SOURCE_DIR=".")
    target_compile_options(test_${module} PRIVATE ${test_options})
    target_precompile_headers(test_${module} REUSE_FROM test_pch)
    quire_test(${module} test_${module})
  endif()
  if(QUIRE_BENCH AND benches)
    add_executable(bench_${module} ${benches})
    target_link_libraries(bench_${module} PRIVATE quire_${module} benchmark::benchmark_main)
  endif()
  foreach(fuzzer ${fuzzers})
    get_filename_component(name ${fuzzer} NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" name ${name})
    if(QUIRE_FUZZ)
      add_executable(fuzz_${name} ${fuzzer})
      target_link_libraries(fuzz_${name} PRIVATE quire_${module})
      target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    elseif(QUIRE_TESTS)
      add_executable(replay_corpus_${name} ${fuzzer} ${CMAKE_SOURCE_DIR}/tests/corpus_main.cc)
      target_link_libraries(replay_corpus_${name} PRIVATE quire_${module})
      quire_test(corpus_${name} replay_corpus_${name} ${CMAKE_SOURCE_DIR}/tests/corpus/${name})
    endif()
  endforeach()
endfunction()
