#include "lab/warm_memory.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "live/memory_use.h"

namespace quire::lab {
namespace {

// In the child: a system call, and stores to memory of its own.
bool write_to_all(ByteCount size, int advice) {
  void* const place =
      ::mmap(nullptr, size.raw(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) return false;
  // Refused by a kernel without huge pages: then all of it is small.
  ::madvise(place, size.raw(), advice);
  for (std::uint64_t at = 0; at < size.raw(); at += kPageSize) *(static_cast<volatile char*>(place) + at) = 1;
  return true;
}

[[noreturn]] void warm_and_end(ByteCount each) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const bool done = write_to_all(each, MADV_HUGEPAGE) && write_to_all(each, MADV_NOHUGEPAGE);
  ::_exit(done ? 0 : 1);
}

std::unexpected<Diagnostic> cannot(std::string why) {
  return fail(Diagnostic{.where = "warming memory", .what = std::move(why), .hint = "free some memory"});
}

}  // namespace

ByteCount warmed_for(ByteCount peak, ByteCount available) {
  const std::uint64_t wanted = std::min(peak.raw() + peak.raw() / 8, available.raw() / 4);
  return ByteCount(std::max(wanted / kPageSize, std::uint64_t{1}) * kPageSize);
}

Result<void, Diagnostic> warm_memory(ByteCount peak) {
  const ByteCount available = live::bytes_of(live::read_meminfo(), "MemAvailable");
  const ByteCount each = warmed_for(peak, available);
  const pid_t pid = ::fork();
  if (pid < 0) return cannot(std::strerror(errno));
  if (pid == 0) warm_and_end(each);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) return cannot("the process that does it was ended");
  return {};
}

}  // namespace quire::lab
