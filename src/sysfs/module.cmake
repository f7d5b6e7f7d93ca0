# The tests change the settings of the host.
set(QUIRE_TEST_ALONE ON)
