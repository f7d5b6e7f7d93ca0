// anon_beside_full against a model of two tables of entries under two mappings: which folio each
// write gets, and which sizes were declined.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

constexpr std::size_t kPages = 1024;  // two tables
constexpr std::size_t kTable = 512;

struct Step {
  enum class Kind : std::uint8_t { kWrite, kRead, kDrop };
  Kind kind;
  std::size_t first;
  std::size_t pages;
};

Step any_step() {
  const auto kind = *rc::gen::weightedElement<Step::Kind>(
      {{6, Step::Kind::kWrite}, {2, Step::Kind::kRead}, {1, Step::Kind::kDrop}});
  const std::size_t align = *rc::gen::element(std::size_t{1}, std::size_t{4}, std::size_t{16});
  const std::size_t part = *rc::gen::element(std::size_t{0}, std::size_t{464}, std::size_t{900});
  const std::size_t first = part + *rc::gen::inRange<std::size_t>(0, 96);
  const std::size_t begin = first / align * align;
  return {kind, begin, std::min(std::size_t{1} << *rc::gen::inRange(0, 5), kPages - begin)};
}

class Model {
 public:
  Model(OrderSet orders, std::size_t border) : orders_(orders), border_(border) {}
  std::array<std::uint64_t, kPmdOrder> declined{};

  void write(std::size_t page) {
    if (there_[page]) return;
    const Order order = choose(page);
    const std::size_t n = order.pages().raw();
    std::fill_n(there_.begin() + static_cast<std::ptrdiff_t>(page / n * n), n, true);
  }
  void read(std::size_t page) { there_[page] = true; }
  void drop(std::size_t page) { there_[page] = false; }
  [[nodiscard]] bool there(std::size_t page) const { return there_[page]; }

 private:
  [[nodiscard]] std::size_t count(std::size_t first, std::size_t n) const {
    const auto begin = there_.begin() + static_cast<std::ptrdiff_t>(first);
    return static_cast<std::size_t>(std::count(begin, begin + static_cast<std::ptrdiff_t>(n), true));
  }
  // Whether the block lies in the mapping of the page.
  [[nodiscard]] bool lies_with(std::size_t page, std::size_t first, std::size_t n) const {
    return page < border_ ? first + n <= border_ : first >= border_ && first + n <= kPages;
  }
  [[nodiscard]] bool is_full(std::size_t page, std::size_t first, std::size_t n) const {
    return lies_with(page, first, n) && count(first, n) == n;
  }
  Order choose(std::size_t page) {
    for (unsigned o = kPmdOrder - 1; o >= 2; --o) {
      const std::size_t n = std::size_t{1} << o;
      const std::size_t block = page / n * n;
      if (!orders_.contains(Order(o)) || !lies_with(page, block, n) || count(block, n) != 0) continue;
      const bool left = block % kTable != 0 && is_full(page, block - n, n);
      const bool right = (block + n) % kTable != 0 && is_full(page, block + n, n);
      if (left || right) return Order(o);
      ++declined[o];
    }
    return kOrder0;
  }

  OrderSet orders_;
  std::size_t border_;
  std::vector<bool> there_ = std::vector<bool>(kPages);
};

// Whatever is written, read and dropped: the same pages are there, the same sizes were declined.
RC_GTEST_PROP(BesideFullProp, AsTheModel, ()) {
  std::string policy = "hugepages-2048kB/enabled=never ";
  OrderSet orders;
  for (unsigned o = 2; o < kPmdOrder; ++o) {
    if (!*rc::gen::arbitrary<bool>()) continue;
    orders = orders | OrderSet::of(Order(o));
    policy += fmt::format("hugepages-{}kB/enabled=always ", 4U << o);
  }
  const auto k = boot(policy + "anon_beside_full=1", 64_MiB);
  Process& p = k->spawn();
  map(p, pages(kPages));
  const std::size_t border = *rc::gen::inRange<std::size_t>(0, 600);
  RC_ASSERT(p.madvise(page(border), pages(kPages - border), MADV_HUGEPAGE).has_value());
  Model model(orders, border);
  const unsigned steps = *rc::gen::inRange(1U, 80U);
  for (unsigned i = 0; i < steps; ++i) {
    const Step step = any_step();
    for (std::size_t n = step.first; n < step.first + step.pages; ++n) {
      if (step.kind == Step::Kind::kWrite) {
        RC_ASSERT(p.touch(page(n), AccessKind::kWrite) <= FaultResult::kMinor);
        model.write(n);
      } else if (step.kind == Step::Kind::kRead) {
        RC_ASSERT(p.touch(page(n), AccessKind::kRead) <= FaultResult::kMinor);
        model.read(n);
      } else {
        RC_ASSERT(p.madvise(page(n), pages(1), MADV_DONTNEED).has_value());
        model.drop(n);
      }
    }
  }
  const std::string seen = picture(p, kArena, kPages);
  for (std::size_t n = 0; n < kPages; ++n) RC_ASSERT((seen[n] != '.') == model.there(n));
  for (unsigned o = 2; o < kPmdOrder; ++o)
    RC_ASSERT(stat(*k, fmt::format("{}/anon_fault_declined", 4U << o)) == model.declined[o]);
  RC_ASSERT(k->check_invariants().empty());
}

}  // namespace
}  // namespace quire
