# The recorder's BPF program: compiled here for any kernel (its types are
# relocated at load), made a header by bpftool.
find_program(QUIRE_BPF_CLANG clang-19 REQUIRED)
find_program(QUIRE_BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)

set(record_bpf_dir ${CMAKE_CURRENT_BINARY_DIR}/record_bpf)
set(record_bpf_object ${record_bpf_dir}/recorder.bpf.o)
set(record_bpf_skeleton ${record_bpf_dir}/recorder.skel.h)
file(MAKE_DIRECTORY ${record_bpf_dir})
add_custom_command(
  OUTPUT ${record_bpf_skeleton}
  COMMAND ${QUIRE_BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Werror
          -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -D__TARGET_ARCH_x86
          -c ${dir}/recorder.bpf.c -o ${record_bpf_object}
  COMMAND ${QUIRE_BPFTOOL} gen skeleton ${record_bpf_object} name recorder_bpf > ${record_bpf_skeleton}
  DEPENDS ${dir}/recorder.bpf.c ${dir}/ring_record.h
  COMMENT "BPF recorder"
  VERBATIM)
target_sources(${QUIRE_MODULE} PRIVATE ${record_bpf_skeleton})
target_include_directories(${QUIRE_MODULE} SYSTEM PRIVATE ${record_bpf_dir})
target_link_libraries(${QUIRE_MODULE} PRIVATE PkgConfig::LIBBPF)
