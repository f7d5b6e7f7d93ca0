quire_bpf(recorder DEPENDS ${dir}/ring_record.h)
quire_bpf(walker DEPENDS ${dir}/ring_record.h)
