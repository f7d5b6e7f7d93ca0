target_link_libraries(${QUIRE_MODULE} PRIVATE PkgConfig::SQLITE PkgConfig::XXHASH)
# The tests change the settings of the host.
set(QUIRE_TEST_ALONE ON)
