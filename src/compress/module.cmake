target_link_libraries(${QUIRE_MODULE} ${scope} PkgConfig::LZO PkgConfig::LZ4 PkgConfig::ZSTD)
