// Every device, and devices in front of each other, against a map from slots to
// bytes.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "swap/testing_stack.h"

namespace quire::swap {
namespace {

using testing::Bytes;
using testing::Shape;
using testing::Stack;

enum class What : std::uint8_t { kWrite, kRead, kCache, kFree, kHouse };

struct Operation {
  What what;
  std::uint64_t slot;
  unsigned order;
  std::uint64_t seed;
};

std::ostream& operator<<(std::ostream& out, const Operation& op) {
  return out << "{" << static_cast<int>(op.what) << " slot " << op.slot << " order " << op.order << " seed "
             << op.seed << "}";
}

class Pair {
 public:
  explicit Pair(Shape shape) : stack_(shape) {}

  // Folios lie aligned; what is freed and read need not.
  void apply(const Operation& op) {
    const std::uint64_t count = 1ULL << op.order;
    const std::uint64_t slot = op.slot % Stack::kSlots / count * count;
    switch (op.what) {
      case What::kWrite:
        return write(slot, count, op.seed);
      case What::kRead:
        return read(slot, 1 + op.seed % count);
      case What::kCache:
        return cache(slot, count, op.seed);
      case What::kFree:
        return free(slot + op.seed % count, 1 + op.seed / 7 % (count - op.seed % count));
      case What::kHouse:
        stack_.keep_house(op.seed);
        return compare();
    }
  }
  void check() { RC_ASSERT(stack_.broken() == ""); }
  void compare() {
    for (const auto& [slot, bytes] : model_) expect(slot, bytes);
  }
  void drain() {
    free(0, Stack::kSlots);
    check();
    RC_ASSERT(stack_.frames_used() == PageCount());
  }

 private:
  void write(std::uint64_t slot, std::uint64_t count, std::uint64_t seed) {
    Bytes bytes = testing::pages_of(seed, count);
    const auto done = stack_.top().write(slot, testing::all_of(bytes));
    if (!done) {
      // As for a folio whose swap-out failed: its slots are given back.
      RC_ASSERT(done.error() == IoError::kFull || done.error() == IoError::kWrite);
      return free(slot, count);
    }
    for (std::uint64_t n = 0; n < count; ++n) {
      const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(n * kPageSize);
      model_[slot + n] = Bytes(at, at + kPageSize);
    }
  }
  // A disk that fails says so, and the next time it does not: nothing is lost by it. A
  // request of several runs may meet a failure each time, a page does not.
  void fetch(std::uint64_t slot, Bytes& bytes) {
    if (const auto done = stack_.top().read(slot, testing::all_of(bytes))) return;
    for (std::uint64_t at = 0; at < bytes.size(); at += kPageSize) {
      const Pages page{bytes.data() + at, PageCount(1)};
      Result<void, IoError> done = fail(IoError::kRead);
      for (int tries = 0; tries < 3 && !done; ++tries) {
        done = stack_.top().read(slot + at / kPageSize, page);
        RC_ASSERT(done || done.error() == IoError::kRead);
      }
      RC_ASSERT(done.has_value());
    }
  }
  void read(std::uint64_t slot, std::uint64_t count) {
    Bytes bytes(count * kPageSize, std::byte{0xee});
    fetch(slot, bytes);
    for (std::uint64_t n = 0; n < count; ++n)
      if (const auto found = model_.find(slot + n); found != model_.end())
        RC_ASSERT(std::memcmp(bytes.data() + n * kPageSize, found->second.data(), kPageSize) == 0);
  }
  // The swap cache gets the pages of a folio. What is not kept in front of the device any more is
  // only in memory: it is written again, or nobody wants it.
  void cache(std::uint64_t slot, std::uint64_t count, std::uint64_t seed) {
    for (std::uint64_t at = slot; at < slot + count; ++at) {
      const auto found = model_.find(at);
      if (found == model_.end()) continue;
      expect(at, found->second);
      const bool kept = stack_.top().kept_in_front(at);
      RC_ASSERT(stack_.top().give_up_in_front(at, PageCount(1)) == kept);
      RC_ASSERT(!stack_.top().kept_in_front(at));
      if (!kept) continue;
      Bytes bytes = found->second;
      if (seed % 2 != 0 || !stack_.top().write(at, testing::all_of(bytes))) free(at, 1);
    }
  }
  void expect(std::uint64_t slot, const Bytes& want) {
    Bytes bytes(kPageSize);
    fetch(slot, bytes);
    RC_ASSERT(bytes == want);
  }
  void free(std::uint64_t slot, std::uint64_t count) {
    stack_.top().slots_freed(slot, PageCount(count));
    for (std::uint64_t n = 0; n < count; ++n) model_.erase(slot + n);
  }

  Stack stack_;
  std::map<std::uint64_t, Bytes> model_;
};

rc::Gen<Operation> operation() {
  return rc::gen::apply(
      [](int what, std::uint64_t slot, unsigned order, std::uint64_t seed) {
        return Operation{what < 4   ? What::kWrite
                         : what < 6 ? What::kRead
                         : what < 7 ? What::kCache
                         : what < 9 ? What::kFree
                                    : What::kHouse,
                         slot, order, seed};
      },
      rc::gen::inRange(0, 10), rc::gen::inRange<std::uint64_t>(0, Stack::kSlots),
      rc::gen::element(0U, 0U, 1U, 2U, 4U, 5U), rc::gen::inRange<std::uint64_t>(0, 1000));
}

class EveryDevice : public ::testing::TestWithParam<unsigned> {};

// Whatever was written, freed, written back and compacted, with limits and frames running out:
// every slot reads as it was written, the tables agree, and in the end no frame is held.
TEST_P(EveryDevice, ReadsWhatWasWritten) {
  EXPECT_TRUE(rc::check([shape = static_cast<Shape>(GetParam())] {
    Pair pair(shape);
    for (const Operation& op : *rc::gen::container<std::vector<Operation>>(operation())) {
      pair.apply(op);
      pair.check();
    }
    pair.compare();
    pair.drain();
  }));
}

INSTANTIATE_TEST_SUITE_P(Shapes, EveryDevice, ::testing::Range(0U, testing::kShapes));

}  // namespace
}  // namespace quire::swap
