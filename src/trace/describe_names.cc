#include <array>

#include "trace/describe.h"

namespace quire::trace {
namespace {

constexpr std::array<std::string_view, 11> kKinds{
    "?", "touch", "fault_around", "syscall", "fork", "exec", "vma", "exit", "mm_gone", "file", "accessed"};

constexpr std::array<std::string_view, 19> kCalls{"?",
                                                  "mmap",
                                                  "munmap",
                                                  "mremap",
                                                  "mprotect",
                                                  "brk",
                                                  "madvise",
                                                  "mlock",
                                                  "munlock",
                                                  "mlockall",
                                                  "munlockall",
                                                  "prctl",
                                                  "shmat",
                                                  "shmdt",
                                                  "userfaultfd",
                                                  "process_madvise",
                                                  "remap_file_pages",
                                                  "vmsplice",
                                                  "process_vm_writev"};

template <std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, std::size_t number) {
  return number < N ? names[number] : names[0];
}

}  // namespace

std::string_view kind_name(Kind kind) { return name_of(kKinds, static_cast<std::size_t>(kind)); }
std::string_view sys_name(Sys sys) { return name_of(kCalls, static_cast<std::size_t>(sys)); }

}  // namespace quire::trace
