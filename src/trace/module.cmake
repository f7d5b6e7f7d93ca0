target_link_libraries(${QUIRE_MODULE} PUBLIC nlohmann_json::nlohmann_json
                      PRIVATE PkgConfig::ZSTD PkgConfig::XXHASH)
