# The tests change the settings of the host and read its counters.
set(QUIRE_TEST_ALONE ON)

# The engines of other architectures are programs beside this one.
if(QUIRE_TESTS)
  cmake_language(DEFER CALL add_dependencies test_oracle quire-arm64 quire-arm64-16k quire-arm64-64k)
endif()
