# The tests change the settings of the host, one program at a time.
set(QUIRE_TEST_LOCK host_settings)
