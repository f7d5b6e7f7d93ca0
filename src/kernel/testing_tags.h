// kernel/testing_tags.h - for tests only: machines with memory tags, and tags made of a number.
#pragma once

#include <array>

#include "base/rng.h"
#include "kernel/testing_machine.h"
#include "swap/testing_device.h"

namespace quire::testing {

using PageTags = std::array<MemoryTag, kTagsPerPage>;

// Also on an architecture that has none.
inline constexpr MemoryTags kTagsHere =
    kBuiltArchitecture == Architecture::kX86_64 ? MemoryTags::kMteAnywhere : MemoryTags::kMte;

inline std::unique_ptr<Kernel> boot_with_tags(std::string_view policy, ByteCount ram = 64_MiB,
                                              Contents contents = Contents::kKept) {
  auto k = Kernel::create({.ram = ram, .contents = contents, .tags = kTagsHere}, policy);
  EXPECT_TRUE(k.has_value()) << k.error().line();
  return std::move(*k);
}

// Tags of their own for each number; of 0 all are 0.
inline PageTags make_tags(std::uint64_t number) {
  PageTags tags{};
  if (number == 0) return tags;
  base::Rng rng(number);
  for (MemoryTag& tag : tags) tag = MemoryTag(static_cast<unsigned>(rng.below(16)));
  return tags;
}

inline VirtAddr map_tagged(Process& p, ByteCount length, VirtAddr at = kArena,
                           int flags = MAP_PRIVATE | MAP_ANONYMOUS) {
  return *p.mmap(
      {.addr = at, .length = length, .prot = PROT_READ | PROT_WRITE | kProtMte, .flags = flags | MAP_FIXED});
}

// Each page of the range gets tags made of `first` and its place.
inline void tag_pages(Process& p, VirtAddr at, std::uint64_t n, std::uint64_t first = 1) {
  for (std::uint64_t i = 0; i < n; ++i)
    ASSERT_TRUE(p.set_tags(at + PageCount(i), make_tags(first + i)).has_value()) << i;
}

// How many pages of the range do not have the tags that tag_pages() gave them.
inline std::uint64_t wrong_tags(Process& p, VirtAddr at, std::uint64_t n, std::uint64_t first = 1) {
  std::uint64_t wrong = 0;
  PageTags found;
  for (std::uint64_t i = 0; i < n; ++i)
    if (!p.get_tags(at + PageCount(i), found) || found != make_tags(first + i)) ++wrong;
  return wrong;
}

inline bool has_no_tags(Process& p, VirtAddr at, std::uint64_t n) {
  PageTags found;
  for (std::uint64_t i = 0; i < n; ++i)
    if (!p.get_tags(at + PageCount(i), found) || found != PageTags{}) return false;
  return true;
}

inline constexpr swap::Traits kSynchronous{.block_device = true, .synchronous = true};
inline constexpr swap::Traits kAsynchronous{.block_device = true, .synchronous = false};

inline swap::testing::MapDevice* add_swap(Kernel& k, swap::Traits traits = kSynchronous,
                                          ByteCount size = 64_MiB) {
  auto device = std::make_unique<swap::testing::MapDevice>(PageCount::covering(size), traits);
  swap::testing::MapDevice* const raw = device.get();
  EXPECT_TRUE(k.swapon(std::move(device)).has_value());
  return raw;
}

}  // namespace quire::testing
