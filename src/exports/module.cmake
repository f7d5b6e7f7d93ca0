target_link_libraries(${QUIRE_MODULE} PUBLIC nlohmann_json::nlohmann_json PRIVATE PkgConfig::SQLITE)
# Header only, and without a package file.
find_path(PROTOZERO_INCLUDE protozero/pbf_writer.hpp REQUIRED)
target_include_directories(${QUIRE_MODULE} SYSTEM PRIVATE ${PROTOZERO_INCLUDE})

# The tests decode what was written with another program.
if(QUIRE_TESTS)
  find_program(PROTOC protoc REQUIRED)
  set_source_files_properties(${tests} PROPERTIES COMPILE_DEFINITIONS "QUIRE_PROTOC=\"${PROTOC}\"")
endif()
