// Touches large mappings in the ways programs do: in order, backwards, at
// random, every other page, after a hole was cut, after a fork.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kBytes = std::size_t{96} << 20;
constexpr std::size_t kPages = kBytes / kPage;

char* map(std::size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) _exit(1);
  return static_cast<char*>(at);
}

void write_page(char* at, std::size_t page) { *static_cast<volatile char*>(at + page * kPage) = 1; }
char read_page(char* at, std::size_t page) { return *static_cast<volatile char*>(at + page * kPage); }

void at_random(char* at, std::size_t touches) {
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < touches; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    write_page(at, (state >> 33) % kPages);
  }
}

// The child changes a third of what it inherited; then the parent does.
void share(char* at) {
  const pid_t child = fork();
  if (child < 0) _exit(1);
  if (child == 0) {
    for (std::size_t page = 0; page < kPages; page += 3) write_page(at, page);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  for (std::size_t page = 0; page < kPages; page += 5) write_page(at, page);
}

}  // namespace

int main() {
  char* ordered = map(kBytes);
  for (std::size_t page = 0; page < kPages; ++page) write_page(ordered, page);
  char* backwards = map(kBytes);
  for (std::size_t page = kPages; page > 0; --page) write_page(backwards, page - 1);
  char* random = map(kBytes);
  at_random(random, kPages);
  char* sparse = map(kBytes);
  for (std::size_t page = 0; page < kPages; page += 2) {
    if (page % 64 == 0) read_page(sparse, page + 1);
    write_page(sparse, page);
  }
  // A hole of odd size and place, given back and touched again.
  madvise(ordered + 37 * kPage, 1111 * kPage, MADV_DONTNEED);
  for (std::size_t page = 0; page < 4096; page += 3) write_page(ordered, page);
  munmap(backwards + 1001 * kPage, 777 * kPage);
  share(ordered);
  return 0;
}
