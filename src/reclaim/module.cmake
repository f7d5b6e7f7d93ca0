target_link_libraries(${QUIRE_MODULE} PUBLIC absl::flat_hash_map absl::function_ref)
