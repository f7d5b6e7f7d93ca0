// ZsPool against a map from handles to bytes.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "compress/testing_bytes.h"
#include "compress/zsmalloc.h"

namespace quire::compress {
namespace {

using testing::Bytes;
using testing::bytes_of;
using testing::Kind;

enum class What : std::uint8_t { kStore, kStoreMany, kFree, kFreeMany, kRewrite, kCompact };

struct Operation {
  What what;
  std::uint64_t size, pick;
};

std::ostream& operator<<(std::ostream& out, const Operation& op) {
  return out << "{" << static_cast<int>(op.what) << " size " << op.size << " pick " << op.pick << "}";
}

class Pair {
 public:
  explicit Pair(const ZsOptions& options)
      : pages_(PageCount(600)), pool_(pages_, options), options_(options) {}

  void apply(const Operation& op) {
    switch (op.what) {
      case What::kStore:
        return store(op.size, op.pick);
      case What::kStoreMany:
        for (std::uint64_t n = 0; n < 20; ++n) store(op.size + n % 3, op.pick + n);
        return;
      case What::kFree:
        return free(op.pick);
      case What::kFreeMany:
        for (std::uint64_t n = 0; n < 15; ++n) free(op.pick + 7 * n);
        return;
      case What::kRewrite:
        return rewrite(op.pick, op.size);
      case What::kCompact:
        return compact();
    }
  }

  void compare() {
    base::InvariantReport broken;
    pool_.check_invariants(broken);
    RC_ASSERT(broken.text() == "");
    RC_ASSERT(pool_.objects() == model_.size());
    RC_ASSERT(pool_.total_pages() == pages_.used());
    Bytes scratch(options_.largest_object.raw());
    for (const auto& [handle, bytes] : model_) {
      const auto read = pool_.read(ZsHandle(handle), ByteCount(bytes.size()), scratch);
      RC_ASSERT(std::ranges::equal(read, bytes));
    }
  }

  void drain() {
    while (!model_.empty()) free(0);
    compare();
    RC_ASSERT(pages_.used() == PageCount(0));
  }

 private:
  void store(std::uint64_t size, std::uint64_t seed) {
    size = 1 + size % options_.largest_object.raw();
    const auto handle = pool_.allocate(ByteCount(size));
    if (!handle) {
      RC_ASSERT(handle.error() == ZsError::kNoMemory);
      return;
    }
    const Bytes bytes = bytes_of(Kind::kRandom, size, seed);
    pool_.write(*handle, bytes);
    RC_ASSERT(model_.emplace(handle->raw(), bytes).second);
  }
  std::map<std::uint64_t, Bytes>::iterator picked(std::uint64_t pick) {
    return std::next(model_.begin(), static_cast<std::ptrdiff_t>(pick % model_.size()));
  }
  void free(std::uint64_t pick) {
    if (model_.empty()) return;
    const auto it = picked(pick);
    pool_.free(ZsHandle(it->first));
    model_.erase(it);
  }
  void rewrite(std::uint64_t pick, std::uint64_t seed) {
    if (model_.empty()) return;
    auto& [handle, bytes] = *picked(pick);
    bytes = bytes_of(Kind::kRandom, bytes.size(), seed);
    pool_.write(ZsHandle(handle), bytes);
  }
  // Compaction gives exactly what was promised.
  void compact() {
    const PageCount promised = pool_.freeable(), before = pages_.used();
    RC_ASSERT(pool_.compact() == promised);
    RC_ASSERT(before - pages_.used() == promised);
  }

  HeapPages pages_;
  ZsPool pool_;
  ZsOptions options_;
  std::map<std::uint64_t, Bytes> model_;
};

rc::Gen<Operation> operation() {
  return rc::gen::apply([](int what, std::uint64_t size,
                           std::uint64_t pick) { return Operation{static_cast<What>(what), size, pick}; },
                        rc::gen::inRange(0, 6),
                        rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 1 << 17),
                                       rc::gen::element<std::uint64_t>(20, 700, 1620, 9000)),
                        rc::gen::inRange<std::uint64_t>(0, 1000));
}

ZsOptions options() {
  return {.largest_object = ByteCount(kPageSize << *rc::gen::element(0, 0, 2, 4)),
          .chain_size = *rc::gen::element(4U, 8U, 16U),
          .layout = *rc::gen::element(ZsLayout::kFrames, ZsLayout::kUnits)};
}

// Whatever was stored, freed, rewritten and compacted, with frames running out:
// every handle leads to its bytes, and the frames are all accounted for.
TEST(ZsPoolProperty, EveryHandleLeadsToItsBytes) {
  EXPECT_TRUE(rc::check([] {
    Pair pair(options());
    for (const Operation& op : *rc::gen::container<std::vector<Operation>>(operation())) {
      pair.apply(op);
      pair.compare();
    }
    pair.drain();
  }));
}

}  // namespace
}  // namespace quire::compress
