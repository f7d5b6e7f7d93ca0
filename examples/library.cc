// How a program uses Quire as a library: two policies, the same work, and what
// each of them did with the memory. Explained in docs/reference/library.md.
//
//   c++ -std=c++23 library.cc $(pkg-config --cflags --libs quire fmt) && ./a.out
#include <fmt/format.h>
#include <sys/mman.h>

#include <array>
#include <cstdlib>

#include "quire/kernel.h"

namespace {

using namespace quire;

// What the work below left behind.
struct Outcome {
  std::uint64_t faults = 0;
  std::uint64_t folios_64k = 0;
  PageCount resident, tables;
};

// Ends the program where the example does not go as told.
void expect(bool as_told, const char* what) {
  if (as_told) return;
  fmt::print(stderr, "library: {}\n", what);
  std::exit(1);
}

// One number from the settings tree of the modelled kernel.
std::uint64_t number(const Kernel& kernel, const char* file) {
  return std::strtoull(kernel.sysfs_read(file)->c_str(), nullptr, 10);
}

// A program that fills 1 MiB, forks, and whose child changes one byte.
Outcome work(const char* policy) {
  // A machine with 256 MiB of RAM. A policy is given as on the kernel's
  // command line; a word it does not know comes back with the known ones.
  auto created = Kernel::create({.ram = 256_MiB}, policy);
  if (!created) {
    fmt::print(stderr, "library: {}\n", created.error().line());
    std::exit(2);
  }
  Kernel& kernel = **created;

  Process& parent = kernel.spawn();
  // Where to put it is left to the caller here, so that it begins at a
  // multiple of 64 KiB: left to itself the kernel packs it below the last one,
  // and pages before the first boundary stay small.
  const auto at = parent.mmap({.addr = VirtAddr{0x10000000}, .length = 1_MiB});
  expect(at.has_value(), "there is room for 1 MiB");
  const std::uint64_t before = parent.minor_faults();
  for (std::uint64_t page = 0; page < 256; ++page) {
    const std::array<std::byte, 1> number_of_page{static_cast<std::byte>(page)};
    expect(parent.store(*at + PageCount(page), number_of_page).has_value(), "the mapping is writable");
  }
  Outcome outcome;
  outcome.faults = parent.minor_faults() - before;
  outcome.resident = parent.resident();
  outcome.tables = parent.table_pages();
  outcome.folios_64k = number(kernel, "hugepages-64kB/stats/anon_fault_alloc");

  // The child sees its parent's bytes, and the parent never sees the child's.
  const auto child = parent.fork();
  expect(child.has_value(), "there is room for a child");
  const std::array<std::byte, 1> changed{std::byte{99}};
  expect((*child)->store(*at + PageCount(7), changed).has_value(), "the child may write");
  std::array<std::byte, 1> seen{};
  expect(parent.load(*at + PageCount(7), seen) && seen[0] == std::byte{7}, "the parent keeps its byte");

  // Page 7 is the child's own now, and 4 KiB whatever it was copied from.
  const PageInfo page = (*child)->layout({*at + PageCount(7), *at + PageCount(8)}).front();
  expect(page.order == kOrder0 && page.exclusive && page.mapcount == 1, "the copy is one page of its own");

  (*child)->exit();
  expect(kernel.check_invariants().empty(), "the machine is sound");
  return outcome;
}

}  // namespace

int main() {
  fmt::print("{:<24} {:>7} {:>13} {:>9} {:>7}\n", "policy", "faults", "64 KiB folios", "resident", "tables");
  for (const char* policy : {"thp_anon=64K:never", "thp_anon=64K:always"}) {
    const Outcome o = work(policy);
    fmt::print("{:<24} {:>7} {:>13} {:>9} {:>7}\n", policy, o.faults, o.folios_64k, o.resident.raw(),
               o.tables.raw());
  }
  expect(work("thp_anon=64K:never").faults == 256, "one fault a page without large folios");
  expect(work("thp_anon=64K:always").faults == 16, "one fault for sixteen pages with 64 KiB folios");
  return 0;
}
