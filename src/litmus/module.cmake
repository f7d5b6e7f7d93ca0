target_link_libraries(${QUIRE_MODULE} PRIVATE nlohmann_json::nlohmann_json)
