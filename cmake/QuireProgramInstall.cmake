# The component `program`: the command, its engines, pages, completion and data.
# What shells read stands elsewhere when the host's packages put it there.
include(GNUInstallDirs)

set(quire_data ${CMAKE_INSTALL_DATADIR}/quire)
set(zsh_folder site-functions)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(zsh_folder vendor-completions)
endif()

install(TARGETS quire RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
# As oracle/elsewhere.h finds them.
install(TARGETS quire-arm64 quire-arm64-16k quire-arm64-64k RUNTIME DESTINATION libexec/quire COMPONENT program)

set(shells ${CMAKE_SOURCE_DIR}/completion)
install(FILES ${shells}/quire.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME quire COMPONENT program)
install(FILES ${shells}/quire.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${zsh_folder}
        RENAME _quire COMPONENT program)
install(FILES ${shells}/quire.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program)

install(DIRECTORY ${CMAKE_SOURCE_DIR}/traces/ DESTINATION ${quire_data}/recordings COMPONENT program
        FILES_MATCHING PATTERN *.quire)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/profiles DESTINATION ${quire_data} COMPONENT program)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/litmus DESTINATION ${quire_data} COMPONENT program)
if(EXISTS ${CMAKE_SOURCE_DIR}/share)  # what other programs read of ours: dashboards
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/share/ DESTINATION ${quire_data} COMPONENT program)
endif()
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)

if(TARGET man)
  foreach(section 1 5 7)
    install(DIRECTORY ${CMAKE_BINARY_DIR}/man/man${section} DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT program)
  endforeach()
  install(DIRECTORY ${CMAKE_BINARY_DIR}/man/man3 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT development)
endif()
