target_link_libraries(${QUIRE_MODULE} PRIVATE nlohmann_json::nlohmann_json)

# The tests change the settings of the host and read its counters.
set(QUIRE_TEST_ALONE ON)
