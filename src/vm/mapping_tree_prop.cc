// MappingTree against a model that knows nothing of mappings: a table of the
// flags, file page and index of every single page.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <optional>

#include "vm/testing_tree.h"

namespace quire::vm {
namespace {

using testing::kBase;
using testing::page;
using testing::pages;

constexpr std::uint64_t kPages = 40;

struct PageState {
  VmFlags flags;
  FileRef file;
  std::uint64_t index = 0;
  bool operator==(const PageState&) const = default;
};
using Model = std::array<std::optional<PageState>, kPages>;

enum class Kind : std::uint8_t { kMap, kMapFile, kUnmap, kProtect, kAdvise, kFault, kSplit };

struct Operation {
  Kind kind;
  std::uint64_t first, count;
  unsigned choice;
};

std::ostream& operator<<(std::ostream& out, const Operation& op) {
  return out << "{" << static_cast<int>(op.kind) << " page " << op.first << "+" << op.count << " choice "
             << op.choice << "}";
}

const std::array<int, 4> kProts{PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE, PROT_READ | PROT_EXEC};

class Pair {
 public:
  void apply(const Operation& op) {
    const VirtRange range = pages(op.first, op.first + op.count);
    const int prot = kProts[op.choice % 4];
    switch (op.kind) {
      case Kind::kMap:
        return map(range, prot, FileRef::none(), 0);
      case Kind::kMapFile:
        return map(range, prot, {FileId(1 + op.choice / 4 % 2), FileKind::kRegular},
                   op.first + op.choice / 8 % 2);
      case Kind::kUnmap:
        return unmap(range);
      case Kind::kProtect:
        return protect(range, prot);
      case Kind::kAdvise:
        return advise(range, op.choice % 2 == 0 ? MADV_HUGEPAGE : MADV_NORMAL);
      case Kind::kFault:
        return fault(range.begin);
      case Kind::kSplit:
        return split(range.begin);
    }
  }

  void compare() {
    base::InvariantReport broken;
    tree_.check_invariants(broken);
    registry_.check_invariants(broken);
    RC_ASSERT(broken.text() == "");
    std::uint64_t mapped = 0;
    for (std::uint64_t n = 0; n < kPages; ++n) {
      const Vma* vma = tree_.find(page(n));
      RC_ASSERT((vma != nullptr) == model_[n].has_value());
      if (vma == nullptr) continue;
      ++mapped;
      RC_ASSERT((PageState{vma->flags.without(VmFlag::kAccount), vma->file, vma->page_index(page(n))}) ==
                *model_[n]);
    }
    RC_ASSERT(tree_.total_pages() == PageCount(mapped));
  }

 private:
  template <typename Fn>
  void each(VirtRange range, Fn fn) {
    for (std::uint64_t n = pages_between(kBase, range.begin).raw(); page(n) < range.end; ++n)
      fn(n, model_[n]);
  }
  void map(VirtRange range, int prot, FileRef file, std::uint64_t pgoff) {
    const VmFlags flags = testing::mmap_flags(prot, MAP_PRIVATE);
    testing::mmap_fixed(tree_, range, flags, file, pgoff);
    const std::uint64_t first = pages_between(kBase, range.begin).raw();
    each(range, [&](std::uint64_t n, auto& state) {
      const std::uint64_t index = file.is_none() ? page(n).page_number() : pgoff + n - first;
      state = PageState{flags.without(VmFlag::kAccount), file, index};
    });
  }
  void unmap(VirtRange range) {
    std::uint64_t told = 0, expected = 0;
    RC_ASSERT(tree_.remove(range, [&](Vma& vma) { told += vma.pages().raw(); }).has_value());
    each(range,
         [&](std::uint64_t, auto& state) { expected += std::exchange(state, std::nullopt).has_value(); });
    RC_ASSERT(told == expected);
  }
  void protect(VirtRange range, int prot) {
    testing::mprotect(tree_, range, prot);
    bool hole = false;
    each(range, [&](std::uint64_t, auto& state) {
      hole = hole || !state;
      if (!hole) state->flags = state->flags.without(kVmAccessFlags) | testing::access_flags(prot);
    });
  }
  void advise(VirtRange range, int advice) {
    testing::madvise(tree_, range, advice);
    each(range, [&](std::uint64_t, auto& state) {
      if (state && advice == MADV_HUGEPAGE) state->flags |= VmFlag::kHugePage;
    });
  }
  void fault(VirtAddr at) {
    if (Vma* vma = tree_.find(at)) tree_.anon_vma_prepare(*vma);
  }
  void split(VirtAddr at) {
    Vma* vma = tree_.find(at);
    if (vma != nullptr && vma->begin() < at) RC_ASSERT(tree_.split(*vma, at).has_value());
  }

  AnonVmaRegistry registry_;
  testing::RecordingPort port_;
  MappingTree tree_{registry_, port_, nullptr};
  Model model_;
};

rc::Gen<Operation> operation() {
  return rc::gen::apply(
      [](int kind, std::uint64_t first, std::uint64_t count, unsigned choice) {
        return Operation{static_cast<Kind>(kind), first, std::min(count, kPages - first), choice};
      },
      rc::gen::inRange(0, 7), rc::gen::inRange<std::uint64_t>(0, kPages),
      rc::gen::inRange<std::uint64_t>(1, 12), rc::gen::inRange(0U, 16U));
}

// However mappings were split and merged, every page has the flags, file and
// index that it was last given.
TEST(MappingTreeProperty, EveryPageKeepsWhatItWasGiven) {
  EXPECT_TRUE(rc::check([] {
    Pair pair;
    for (const Operation& op : *rc::gen::container<std::vector<Operation>>(operation())) {
      pair.apply(op);
      pair.compare();
    }
  }));
}

}  // namespace
}  // namespace quire::vm
