target_link_libraries(${QUIRE_MODULE} ${scope} PkgConfig::LZO PkgConfig::LZ4 PkgConfig::ZSTD Threads::Threads)
# g++ warns that this sanitizer does not see the fences of Boost.Asio; its queue has a mutex.
if(QUIRE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(${QUIRE_MODULE} PRIVATE -Wno-tsan)
endif()
