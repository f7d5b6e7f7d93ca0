# quire_text(<variable> <file>): the text of a file, to be put into a generated
# header; the build is made anew when it changes.
function(quire_text variable file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()
