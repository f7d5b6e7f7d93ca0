// live/bpf_error.h - why the kernel refused BPF, in words that help.
#pragma once

#include <string>

namespace quire::live {

[[nodiscard]] std::string bpf_refusal(int error);

// libbpf writes to stderr unless told otherwise; the library prints nothing.
void silence_libbpf();

}  // namespace quire::live
