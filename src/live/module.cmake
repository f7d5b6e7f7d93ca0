# The tree counter's BPF program: compiled here, found by name in whatever
# kernel it meets (no vmlinux of the build host is needed), and made a header
# by bpftool.
find_program(QUIRE_BPF_CLANG clang-19 REQUIRED)
find_program(QUIRE_BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)

set(live_bpf_dir ${CMAKE_CURRENT_BINARY_DIR}/live_bpf)
set(live_bpf_object ${live_bpf_dir}/tree_counter.bpf.o)
set(live_bpf_skeleton ${live_bpf_dir}/tree_counter.skel.h)
file(MAKE_DIRECTORY ${live_bpf_dir})
add_custom_command(
  OUTPUT ${live_bpf_skeleton}
  COMMAND ${QUIRE_BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Werror
          -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -D__TARGET_ARCH_x86
          -c ${dir}/tree_counter.bpf.c -o ${live_bpf_object}
  COMMAND ${QUIRE_BPFTOOL} gen skeleton ${live_bpf_object} name tree_counter_bpf > ${live_bpf_skeleton}
  DEPENDS ${dir}/tree_counter.bpf.c
  COMMENT "BPF tree_counter"
  VERBATIM)
target_sources(${QUIRE_MODULE} PRIVATE ${live_bpf_skeleton})
target_include_directories(${QUIRE_MODULE} SYSTEM PRIVATE ${live_bpf_dir})
target_link_libraries(${QUIRE_MODULE} PRIVATE PkgConfig::LIBBPF nlohmann_json::nlohmann_json)

# What the tests of the tree counter measure.
if(QUIRE_TESTS)
  find_package(Threads REQUIRED)
  add_executable(live_touch ${dir}/touch_main.cc)
  target_link_libraries(live_touch PRIVATE Threads::Threads)
  add_dependencies(${QUIRE_MODULE} live_touch)
endif()

# Tests change the settings of the host, one program at a time.
set(QUIRE_TEST_LOCK host_settings)
