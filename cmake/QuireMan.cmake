# The man pages, in build/man: made again when a page of the reference or what a
# verb takes has changed, not whenever the program was linked.
option(QUIRE_MAN "Make the man pages (needs pandoc)" ON)
if(NOT QUIRE_MAN OR NOT TARGET quire OR QUIRE_SANITIZE OR QUIRE_FUZZ)
  return()
endif()
find_program(QUIRE_PANDOC pandoc REQUIRED)
find_package(Python3 REQUIRED)

set(verbs ${CMAKE_BINARY_DIR}/generated/verbs.json)
add_custom_command(
  OUTPUT ${verbs}
  COMMAND quire help --json > ${verbs}.new
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${verbs}.new ${verbs}
  DEPENDS quire
  VERBATIM)
file(GLOB reference CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/reference/*.md)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/man/made
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${CMAKE_BINARY_DIR}/man
  COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/scripts/man_pages.py ${verbs} ${CMAKE_BINARY_DIR}/man
  COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/man/made
  DEPENDS ${verbs} ${reference} ${CMAKE_SOURCE_DIR}/scripts/man_pages.py
  COMMENT "Man pages"
  VERBATIM)
add_custom_target(man ALL DEPENDS ${CMAKE_BINARY_DIR}/man/made)
