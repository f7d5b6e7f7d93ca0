// kernel/testing_machine.h - for tests only: short words for a machine, its
// counters and the look of its pages.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <memory>
#include <string>
#include <vector>

#include "quire/kernel.h"

namespace quire::testing {

inline constexpr VirtAddr kArena{0x10000000};  // aligned to 2 MiB

inline std::unique_ptr<Kernel> boot(std::string_view policy, ByteCount ram = 256_MiB,
                                    Contents contents = Contents::kKept) {
  auto k = Kernel::create({.ram = ram, .contents = contents}, policy);
  EXPECT_TRUE(k.has_value()) << k.error().line();
  return std::move(*k);
}

// A number in a file of the settings tree; "64/split" is short for a counter of 64 kB.
inline std::uint64_t stat(const Kernel& k, std::string_view file) {
  const std::size_t slash = file.find('/');
  const bool counter = file.substr(0, slash).find_first_not_of("0123456789") == std::string_view::npos;
  const auto path =
      counter ? fmt::format("hugepages-{}kB/stats/{}", file.substr(0, slash), file.substr(slash + 1))
              : std::string(file);
  const auto text = k.sysfs_read(path);
  EXPECT_TRUE(text.has_value()) << path;
  return text ? std::stoull(*text) : 0;
}

inline void expect_sound(const Kernel& k) {
  for (const std::string& line : k.check_invariants()) ADD_FAILURE() << line;
}

inline VirtAddr map(Process& p, ByteCount length, VirtAddr at = kArena) {
  return *p.mmap({.addr = at, .length = length, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED});
}

constexpr VirtAddr page(std::uint64_t n) { return kArena + PageCount(n); }
constexpr ByteCount pages(std::uint64_t n) { return PageCount(n).bytes(); }

// Writes a byte of its own, never zero, into each page of the range.
inline void fill(Process& p, VirtAddr at, ByteCount length) {
  for (VirtAddr a = at; a < at + length; a += PageCount(1)) {
    const std::byte b{static_cast<unsigned char>(1 + a.page_number() % 250)};
    ASSERT_TRUE(p.store(a, {&b, 1}).has_value());
  }
}

// Whether every page of the range holds what fill() wrote there.
inline bool filled(Process& p, VirtAddr at, ByteCount length) {
  for (VirtAddr a = at; a < at + length; a += PageCount(1)) {
    std::byte b{};
    if (!p.load(a, {&b, 1}) || b != std::byte{static_cast<unsigned char>(1 + a.page_number() % 250)})
      return false;
  }
  return true;
}

// A part of a picture.
inline std::string times(unsigned n, char c) { return std::string(n, c); }

// Each page as a letter: '.' nothing, 'G' guard, 'z' zero page, else the order
// of its folio; in upper position of a PMD 'P' instead of '9'.
inline std::string picture(const Process& p, VirtAddr at, std::uint64_t n) {
  std::string text;
  for (const PageInfo& info : p.layout({at, at + PageCount(n)})) {
    if (info.guard) {
      text += 'G';
    } else if (info.state == PageInfo::State::kNone) {
      text += '.';
    } else if (info.state == PageInfo::State::kZero) {
      text += 'z';
    } else {
      text += info.pmd_mapped ? 'P' : static_cast<char>('0' + info.order.raw());
    }
  }
  return text;
}

}  // namespace quire::testing
