# The one place that draws on terminals.
target_link_libraries(${QUIRE_MODULE} PRIVATE PkgConfig::NCURSESW PUBLIC nlohmann_json::nlohmann_json)
