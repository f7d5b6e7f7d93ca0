quire_bpf(recorder DEPENDS ${dir}/ring_record.h)
