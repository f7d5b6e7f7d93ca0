target_link_libraries(${QUIRE_MODULE} PUBLIC nlohmann_json::nlohmann_json PRIVATE PkgConfig::XXHASH)
target_compile_definitions(${QUIRE_MODULE} PRIVATE QUIRE_VERSION="${PROJECT_VERSION}")

# The page of a report, its style and its scripts are part of the program; so is
# the chart library, which its page carries along.
find_file(CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js NO_DEFAULT_PATH REQUIRED)

# What a Content-Security-Policy calls a text: its SHA-256 as base64.
function(quire_csp_hash out text)
  string(SHA256 hex "${text}")
  string(APPEND hex "00") # 33 bytes are eleven groups
  set(letters "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(base64 "")
  foreach(group RANGE 10)
    math(EXPR at "${group} * 6")
    string(SUBSTRING ${hex} ${at} 6 bytes)
    foreach(shift 18 12 6 0)
      math(EXPR digit "(0x${bytes} >> ${shift}) & 63")
      string(SUBSTRING ${letters} ${digit} 1 letter)
      string(APPEND base64 ${letter})
    endforeach()
  endforeach()
  string(REGEX REPLACE ".$" "=" base64 "${base64}") # the last byte was no byte of it
  set(${out} "${base64}" PARENT_SCOPE)
endfunction()

set(page_sources ${dir}/html/page.html ${dir}/html/page.css ${dir}/html/page.js ${dir}/html/charts.js
    ${dir}/html/folio_map.js ${dir}/html/start.js ${CHART_JS})
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${page_sources})
file(READ ${dir}/html/page.html page_html)
file(READ ${dir}/html/page.css page_style)
file(READ ${CHART_JS} page_chart)
set(page_script "")
foreach(part page charts folio_map start)
  file(READ ${dir}/html/${part}.js text)
  string(APPEND page_script "${text}")
endforeach()
quire_csp_hash(style_hash "${page_style}")
quire_csp_hash(chart_hash "${page_chart}")
quire_csp_hash(script_hash "${page_script}")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/report/page_files.h CONTENT [[
#pragma once
#include <string_view>
namespace quire::report::page_files {
inline constexpr std::string_view kPage = R"quire_file(@page_html@)quire_file";
inline constexpr std::string_view kStyle = R"quire_file(@page_style@)quire_file";
inline constexpr std::string_view kStyleHash = "@style_hash@";
inline constexpr std::string_view kChart = R"quire_file(@page_chart@)quire_file";
inline constexpr std::string_view kChartHash = "@chart_hash@";
inline constexpr std::string_view kScript = R"quire_file(@page_script@)quire_file";
inline constexpr std::string_view kScriptHash = "@script_hash@";
}  // namespace quire::report::page_files
]] @ONLY)
target_include_directories(${QUIRE_MODULE} PRIVATE ${CMAKE_BINARY_DIR}/generated)
