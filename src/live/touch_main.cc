// live_touch - the command the tests of the tree counter measure: does one
// known thing to memory and nothing else that counts.
//
//   live_touch fault KIB COUNT    one write to each of COUNT aligned blocks of
//                                 KIB under MADV_HUGEPAGE
//   live_touch fork KIB COUNT N   the same in each of N children
//   live_touch thread KIB COUNT N the same in each of N threads
//   live_touch race KIB COUNT N   as thread, but all threads in the same blocks
//   live_touch orphan KIB COUNT   the same in a grandchild whose parent is gone
//   live_touch file PATH          writes, drops and reads 16 MiB of a file
//   live_touch socket             moves 16 MiB through a socket pair
//   live_touch pipe               moves 16 MiB through a pipe
//   live_touch collapse           small pages made one huge one by MADV_COLLAPSE
//   live_touch shared KIB COUNT   as fault, in shared memory
//   live_touch exec WORDS...      executes another command
//   live_touch wait               waits for ever, with a child that does too
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <barrier>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kMove = 16U << 20;
constexpr std::size_t kHuge = 2U << 20;

char* aligned_memory(std::size_t size, int flags) {
  void* at = ::mmap(nullptr, size + kHuge, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) std::exit(1);
  const auto address = (reinterpret_cast<std::uintptr_t>(at) + kHuge - 1) & ~(kHuge - 1);
  return reinterpret_cast<char*>(address);
}

void fault(std::size_t kib, std::size_t count, int flags = MAP_PRIVATE) {
  const std::size_t block = kib << 10;
  char* memory = aligned_memory(block * count, flags);
  if (::madvise(memory, block * count, MADV_HUGEPAGE) != 0) std::exit(1);
  for (std::size_t i = 0; i < count; ++i) *static_cast<volatile char*>(memory + i * block) = 1;
}

void collapse() {
  char* memory = aligned_memory(kHuge, MAP_PRIVATE);
  for (std::size_t i = 0; i < kHuge; i += 8192) *static_cast<volatile char*>(memory + i) = 1;
  if (::madvise(memory, kHuge, 25 /* MADV_COLLAPSE */) != 0) std::exit(1);
}

void move_through(int from, int to) {
  std::vector<char> buffer(1U << 20);
  const pid_t writer = ::fork();
  if (writer == 0) {
    for (std::size_t n = 0; n < kMove; n += buffer.size()) {
      if (::write(to, buffer.data(), buffer.size()) < 0) ::_exit(1);
    }
    ::_exit(0);
  }
  ::close(to);
  while (::read(from, buffer.data(), buffer.size()) > 0) {
  }
  ::waitpid(writer, nullptr, 0);
}

void file(const char* path) {
  std::vector<char> buffer(1U << 20, 'q');
  const int fd = ::open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) std::exit(1);
  for (std::size_t n = 0; n < kMove; n += buffer.size()) {
    if (::write(fd, buffer.data(), buffer.size()) < 0) std::exit(1);
  }
  ::fsync(fd);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::lseek(fd, 0, SEEK_SET);
  while (::read(fd, buffer.data(), buffer.size()) > 0) {
  }
}

void in_children(int n, std::size_t kib, std::size_t count) {
  for (int i = 0; i < n; ++i) {
    if (::fork() == 0) {
      fault(kib, count);
      ::_exit(0);
    }
  }
  while (::wait(nullptr) > 0) {
  }
}

void in_threads(int n, std::size_t kib, std::size_t count) {
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i) threads.emplace_back([=] { fault(kib, count); });
  for (std::thread& thread : threads) thread.join();
}

// Several threads fault in one block at once: all allocate, one keeps its folio.
void race(int n, std::size_t kib, std::size_t count) {
  const std::size_t block = kib << 10;
  char* memory = aligned_memory(block * count, MAP_PRIVATE);
  if (::madvise(memory, block * count, MADV_HUGEPAGE) != 0) std::exit(1);
  std::barrier together(n);
  std::vector<std::thread> threads;
  for (int t = 0; t < n; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < count; ++i) {
        together.arrive_and_wait();
        *static_cast<volatile char*>(memory + i * block + static_cast<std::size_t>(t) * 4096) = 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// The grandchild starts once its parent is gone: then the pipe ends.
void in_orphan(std::size_t kib, std::size_t count) {
  std::array<int, 2> ends;
  if (::pipe(ends.data()) != 0) std::exit(1);
  if (::fork() != 0) return;
  ::close(ends[1]);
  char byte = 0;
  if (::read(ends[0], &byte, 1) != 0) ::_exit(1);
  fault(kib, count);
  ::_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.empty()) return 2;
  const auto number = [&](std::size_t i) {
    return i < args.size() ? std::strtoul(args[i].c_str(), nullptr, 10) : 0;
  };
  const std::string& verb = args[0];
  if (verb == "fault") fault(number(1), number(2));
  if (verb == "shared") fault(number(1), number(2), MAP_SHARED);
  if (verb == "fork") in_children(static_cast<int>(number(3)), number(1), number(2));
  if (verb == "thread") in_threads(static_cast<int>(number(3)), number(1), number(2));
  if (verb == "race") race(static_cast<int>(number(3)), number(1), number(2));
  if (verb == "orphan") in_orphan(number(1), number(2));
  if (verb == "collapse") collapse();
  if (verb == "file" && args.size() > 1) file(argv[2]);
  if (verb == "exec") ::execvp(argv[2], argv + 2);
  if (verb == "pipe" || verb == "socket") {
    std::array<int, 2> ends;
    const int made =
        verb == "pipe" ? ::pipe(ends.data()) : ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data());
    if (made != 0) return 1;
    move_through(ends[0], ends[1]);
  }
  if (verb == "wait") {
    if (::fork() == 0) ::setsid();
    ::pause();
  }
  return 0;
}
