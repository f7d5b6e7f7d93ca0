# quire_bpf(<name> [DEPENDS file...]): compiles <name>.bpf.c of the folder for
# any kernel (its types are relocated at load, no vmlinux of the build host is
# needed) and gives the module <name>.skel.h, made by bpftool.
find_program(QUIRE_BPF_CLANG clang-19 REQUIRED)
find_program(QUIRE_BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)

function(quire_bpf name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS")
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}_bpf)
  file(MAKE_DIRECTORY ${out})
  add_custom_command(
    OUTPUT ${out}/${name}.skel.h
    COMMAND ${QUIRE_BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Werror
            -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
            -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -D__TARGET_ARCH_x86
            -c ${dir}/${name}.bpf.c -o ${out}/${name}.bpf.o
    COMMAND ${QUIRE_BPFTOOL} gen skeleton ${out}/${name}.bpf.o name ${name}_bpf > ${out}/${name}.skel.h
    DEPENDS ${dir}/${name}.bpf.c ${arg_DEPENDS}
    COMMENT "BPF ${name}"
    VERBATIM)
  target_sources(${QUIRE_MODULE} PRIVATE ${out}/${name}.skel.h)
  target_include_directories(${QUIRE_MODULE} SYSTEM PRIVATE ${out})
  target_link_libraries(${QUIRE_MODULE} PRIVATE PkgConfig::LIBBPF)
endfunction()
