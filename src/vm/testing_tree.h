// vm/testing_tree.h - for tests only: a small address space that can be drawn.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "vm/testing_syscalls.h"

namespace quire::vm::testing {

inline constexpr VirtAddr kBase{0x40000000};  // 2 MiB aligned
inline constexpr VmFlags kRw = VmFlag::kRead | VmFlag::kWrite | VmFlag::kAccount | kMayAll;
inline constexpr VmFlags kRo = VmFlag::kRead | VmFlag::kAccount | kMayAll;

constexpr VirtAddr page(std::uint64_t n) { return kBase + PageCount(n); }
constexpr VirtRange pages(std::uint64_t first, std::uint64_t end) { return {page(first), page(end)}; }

class TreeTest : public ::testing::Test {
 protected:
  // Each mapping as a letter for each of its pages, in order of address, '.'
  // where nothing is mapped, from page 0 to the last mapping.
  [[nodiscard]] std::string picture() const { return picture(tree); }
  [[nodiscard]] static std::string picture(const MappingTree& of) {
    std::string text;
    char letter = 'A';
    for (const Vma& vma : of) {
      text.append(pages_between(page(text.size()), vma.begin()).raw(), '.');
      text.append(vma.pages().raw(), letter++);
    }
    return text;
  }
  Vma& map(VirtRange range, VmFlags flags = kRw) { return tree.map({range, flags, FileRef::none(), 0}); }
  Vma& map_file(VirtRange range, FileRef file, std::uint64_t pgoff) {
    return tree.map({range, kRw, file, pgoff});
  }
  // A write fault, as far as mappings care.
  void fault(std::uint64_t n) { tree.anon_vma_prepare(*tree.find(page(n))); }
  void remove(VirtRange range) {
    ASSERT_TRUE(tree.remove(range, [](Vma&) {}).has_value());
  }
  Vma& modify(VirtRange range, VmFlags flags) { return **tree.modify(*tree.find(range.begin), range, flags); }
  void TearDown() override {
    base::InvariantReport broken;
    tree.check_invariants(broken);
    registry.check_invariants(broken);
    EXPECT_EQ(broken.text(), "");
  }

  AnonVmaRegistry registry;
  RecordingPort port;
  MappingTree tree{registry, port, nullptr};
};

}  // namespace quire::vm::testing
