target_link_libraries(${QUIRE_MODULE} PUBLIC nlohmann_json::nlohmann_json)
target_compile_definitions(${QUIRE_MODULE} PRIVATE QUIRE_VERSION="${PROJECT_VERSION}")
