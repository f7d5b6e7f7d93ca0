#include "live/bpf_error.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <system_error>

namespace quire::live {

std::string bpf_refusal(int error) {
  const std::string text = std::generic_category().message(error);
  if (error == EPERM || error == EACCES) {
    return "BPF is not allowed here (" + text + "): it needs CAP_BPF and CAP_PERFMON, or root";
  }
  if (error == ENOSYS) return "the kernel was built without BPF";
  return "BPF programs cannot be loaded: " + text;
}

void silence_libbpf() { libbpf_set_print(nullptr); }

}  // namespace quire::live
