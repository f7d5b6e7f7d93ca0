target_link_libraries(${QUIRE_MODULE} PUBLIC PkgConfig::TOMLPLUSPLUS)
