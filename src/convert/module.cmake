target_link_libraries(${QUIRE_MODULE} PRIVATE absl::flat_hash_map)
