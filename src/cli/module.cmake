# The shells' sides of completion are part of the program.
foreach(shell bash zsh fish)
  quire_text(complete_${shell} ${CMAKE_SOURCE_DIR}/completion/quire.${shell})
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/cli/completion_scripts.h CONTENT [[
#pragma once
#include <string_view>
namespace quire::cli {
struct CompletionScript {
  std::string_view shell, text;
};
// The files of completion/.
inline constexpr CompletionScript kCompletionScripts[] = {
    {"bash", R"script(@complete_bash@)script"},
    {"zsh", R"script(@complete_zsh@)script"},
    {"fish", R"script(@complete_fish@)script"},
};
}  // namespace quire::cli
]] @ONLY)
target_include_directories(${QUIRE_MODULE} PRIVATE ${CMAKE_BINARY_DIR}/generated)

# The program, build/quire, and the tests' way to find it.
target_link_libraries(${QUIRE_MODULE} PRIVATE CLI11::CLI11)

# What `quire version --build-options` tells.
target_link_libraries(${QUIRE_MODULE} PRIVATE PkgConfig::LIBBPF PkgConfig::SQLITE PkgConfig::ZSTD)
set(sanitizers none)
if(QUIRE_SANITIZE)
  set(sanitizers ${QUIRE_SANITIZE})
endif()
set_source_files_properties(${dir}/version.cc PROPERTIES COMPILE_DEFINITIONS
  "QUIRE_BUILD_TYPE=\"${CMAKE_BUILD_TYPE}\";QUIRE_COMPILER=\"${CMAKE_CXX_COMPILER_ID}\";QUIRE_SANITIZERS=\"${sanitizers}\""
)

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
