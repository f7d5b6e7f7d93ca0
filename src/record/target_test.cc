// The programs that the end-to-end tests record. They are part of the test
// program, run before its main() when it is started with their name, and so
// need no compiler and no file of their own.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "record/test_target.h"

namespace quire::record {
namespace {

constexpr const char* kFlag = "--as-target";
constexpr std::size_t kPage = 4096;

volatile char* map_pages(std::size_t pages, int flags = 0) {
  void* p = mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (p == MAP_FAILED) _exit(3);
  return static_cast<volatile char*>(p);
}

void write_pages(volatile char* p, std::size_t pages) {
  for (std::size_t i = 0; i < pages; ++i) p[i * kPage] = 1;
}

void read_pages(const volatile char* p, std::size_t pages) {
  for (std::size_t i = 0; i < pages; ++i) [[maybe_unused]]
    const char seen = p[i * kPage];
}

char* plain(volatile char* p) { return const_cast<char*>(p); }

void tell(int fd) {
  const char byte = '!';
  if (write(fd, &byte, 1) != 1) _exit(4);
}

void wait_for_byte_or_end(int fd) {
  char byte = 0;
  [[maybe_unused]] const ssize_t n = read(fd, &byte, 1);
}

// Every kind of first touch and of mapping call once, in a fixed order. The
// sizes are what the test looks for.
void touches() {
  volatile char* p = map_pages(101);
  read_pages(p, 101);
  write_pages(p, 101);
  volatile char* q = map_pages(103);
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  if (read(zero, plain(q), 103 * kPage) != 103 * static_cast<ssize_t>(kPage)) _exit(5);
  map_pages(107, MAP_POPULATE);
  volatile char* moved = map_pages(3);
  void* grown = mremap(plain(moved), 3 * kPage, 113 * kPage, MREMAP_MAYMOVE);
  madvise(grown, 113 * kPage, MADV_DONTNEED);
  munmap(grown, 113 * kPage);
  munmap(plain(p) + 1, kPage);  // not on a page: refused
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  _exit(0);
}

void* churn(void*) {
  for (int round = 0; round < 200; ++round) {
    volatile char* p = map_pages(16);
    write_pages(p, 16);
    madvise(plain(p), 16 * kPage, MADV_DONTNEED);
    write_pages(p, 4);
    munmap(plain(p), 16 * kPage);
  }
  return nullptr;
}

// Threads that map and unmap, while others come and go round a fork: their
// last faults (clearing the thread id) fall on pages the fork made read-only.
void threads() {
  for (int round = 0; round < 20; ++round) {
    std::array<pthread_t, 4> all{};
    for (pthread_t& t : all) pthread_create(&t, nullptr, churn, nullptr);
    const pid_t child = fork();
    if (child == 0) _exit(0);
    for (const pthread_t t : all) pthread_join(t, nullptr);
    waitpid(child, nullptr, 0);
  }
  _exit(0);
}

// Says that it runs, then waits for SIGTERM and ends with 42.
void terminated(int ready) {
  std::signal(SIGTERM, [](int) { _exit(42); });
  tell(ready);
  for (;;) pause();
}

// Says that it runs, waits until told to go on, says that it still lives.
void survivor(int ready, int go, int done) {
  write_pages(map_pages(16), 16);
  tell(ready);
  wait_for_byte_or_end(go);
  tell(done);
  _exit(0);
}

// Ends at once and leaves a child that goes on when it has: it waits for the
// end of a pipe whose other side only its parent holds.
void daemon() {
  int line[2];
  if (pipe(line) != 0) _exit(6);
  if (fork() != 0) _exit(9);
  close(line[1]);
  wait_for_byte_or_end(line[0]);
  write_pages(map_pages(211), 211);
  _exit(0);
}

// Writes 331 pages, then reads the first 67 of them again and again.
void rereads() {
  volatile char* p = map_pages(331);
  write_pages(p, 331);
  timespec begin{};
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &begin);
  do {
    read_pages(p, 67);
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1'000'000 < 600);
  _exit(0);
}

void run_target(int argc, char** argv) {
  const auto is = [&](const char* name) { return std::strcmp(argv[2], name) == 0; };
  const auto number = [&](int i) { return i < argc ? std::atoi(argv[i]) : -1; };
  if (is("touches")) touches();
  if (is("threads")) threads();
  if (is("terminated")) terminated(number(3));
  if (is("survivor")) survivor(number(3), number(4), number(5));
  if (is("daemon")) daemon();
  if (is("rereads")) rereads();
  _exit(2);
}

__attribute__((constructor)) void be_a_target(int argc, char** argv) {
  if (argc >= 3 && std::strcmp(argv[1], kFlag) == 0) run_target(argc, argv);
}

}  // namespace

std::vector<std::string> target(const std::string& name, std::vector<std::string> args) {
  std::array<char, 4096> self{};
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size() - 1);
  std::vector<std::string> command{std::string(self.data(), static_cast<std::size_t>(length)), kFlag, name};
  command.insert(command.end(), args.begin(), args.end());
  return command;
}

}  // namespace quire::record
