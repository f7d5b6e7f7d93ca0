#include "convert/calls.h"

#include <sys/syscall.h>

#include <algorithm>

namespace quire::convert {
namespace {

constexpr Call kCalls[] = {
    {"mmap", SYS_mmap, Role::kMaps, 6},
    {"munmap", SYS_munmap, Role::kMemory, 2},
    {"mremap", SYS_mremap, Role::kMemory, 4},
    {"mprotect", SYS_mprotect, Role::kMemory, 3},
    {"pkey_mprotect", SYS_pkey_mprotect, Role::kMemory, 3},
    {"brk", SYS_brk, Role::kMemory, 1},
    {"madvise", SYS_madvise, Role::kMemory, 3},
    {"mlock", SYS_mlock, Role::kMemory, 2},
    {"mlock2", SYS_mlock2, Role::kMemory, 3},
    {"munlock", SYS_munlock, Role::kMemory, 2},
    {"mlockall", SYS_mlockall, Role::kMemory, 1},
    {"munlockall", SYS_munlockall, Role::kMemory, 0},
    {"clone", SYS_clone, Role::kClone, 1},
    {"clone3", SYS_clone3, Role::kClone, 1},
    {"fork", SYS_fork, Role::kClone, 0},
    {"vfork", SYS_vfork, Role::kClone, 0},
    {"execve", SYS_execve, Role::kExec, 2},
    {"execveat", SYS_execveat, Role::kExec, 3},
};

template <typename Matches>
std::optional<Call> find(Matches matches) {
  const auto* const found = std::ranges::find_if(kCalls, matches);
  if (found == std::end(kCalls)) return std::nullopt;
  return *found;
}

}  // namespace

std::optional<Call> find_call(std::string_view name) {
  return find([&](const Call& call) { return call.name == name; });
}

std::optional<Call> find_call(std::uint64_t number) {
  return find([&](const Call& call) { return call.number == number; });
}

}  // namespace quire::convert
