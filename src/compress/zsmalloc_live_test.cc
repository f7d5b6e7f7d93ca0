// The running kernel's zsmalloc as the judge of ours: a zram device and a pool
// get the same objects, of the sizes that the kernel says they had, in the same
// order, and must hold as many frames after each step.
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>

#include "base/rng.h"
#include "compress/testing_bytes.h"
#include "compress/testing_zram.h"
#include "compress/zsmalloc.h"

namespace quire::compress {
namespace {

using testing::Zram;

constexpr std::uint64_t kPages = 3000;

struct alignas(4096) Page {
  std::array<std::byte, 4096> bytes{};
};

class Both {
 public:
  explicit Both(Zram& zram) : zram_(zram) {}

  // zram makes room for the new object before it lets the old one go.
  void write(std::uint64_t number, std::size_t random_bytes, std::uint64_t seed) {
    auto page = std::make_unique<Page>();
    const auto noise = testing::bytes_of(testing::Kind::kRandom, random_bytes, seed);
    std::ranges::copy(noise, page->bytes.begin());
    const std::uint64_t before = zram_.stat(1);
    ASSERT_TRUE(zram_.write(number, page->bytes));
    const auto old = objects_.find(number);
    const std::uint64_t size = zram_.stat(1) - before + (old == objects_.end() ? 0 : old->second.size);
    const auto handle = pool_.allocate(ByteCount(size));
    ASSERT_TRUE(handle.has_value());
    if (old != objects_.end()) pool_.free(old->second.handle);
    objects_[number] = {*handle, size};
  }
  void discard(std::uint64_t number) {
    ASSERT_TRUE(zram_.discard(number, sizeof(Page)));
    const auto old = objects_.find(number);
    if (old == objects_.end()) return;
    pool_.free(old->second.handle);
    objects_.erase(old);
  }
  void compact() {
    ASSERT_TRUE(zram_.compact());
    (void)pool_.compact();
    ASSERT_EQ(pool_.pages_compacted().raw(), zram_.stat(6));
  }
  // Under pressure of memory the kernel compacts on its own.
  [[nodiscard]] bool compacted_by_others() const { return pool_.pages_compacted().raw() != zram_.stat(6); }
  void compare() { ASSERT_EQ(pool_.total_pages().bytes().raw(), zram_.stat(2)); }

 private:
  struct Object {
    ZsHandle handle;
    std::uint64_t size = 0;
  };
  Zram& zram_;
  HeapPages pages_;
  ZsPool pool_{pages_};
  std::map<std::uint64_t, Object> objects_;
};

void step(Both& both, base::Rng& rng, std::uint64_t n) {
  const std::uint64_t number = rng.below(kPages);
  if (n % 1500 == 1499) return both.compact();
  // Half of the time the device fills, half of the time it empties.
  if (rng.chance(n / 3000 % 2 == 0 ? 85 : 25))
    both.write(number, 8 + rng.below(4089), n);
  else
    both.discard(number);
}

// 12,000 writes, overwrites and discards with compaction between them: as many
// frames at every step, and as many won by compaction.
TEST(ZsPoolLive, HoldsAsManyFramesAsTheKernels) {
  if (kPageSize != 4096) GTEST_SKIP() << "the kernel's pages are of 4 KiB";
  utsname kernel{};
  if (uname(&kernel) != 0 || std::strncmp(kernel.release, "6.18", 4) != 0)
    GTEST_SKIP() << "the running kernel is " << kernel.release << ", not 6.18";
  const auto zram = Zram::make("lz4", kPages * 4096);
  if (zram == nullptr)
    GTEST_SKIP() << "a zram device with lz4 of our own takes root and a kernel that has it";
  Both both(*zram);
  base::Rng rng(1);
  for (std::uint64_t n = 0; n < 12000; ++n) {
    if (both.compacted_by_others()) GTEST_SKIP() << "the kernel ran short of memory and compacted on its own";
    ASSERT_NO_FATAL_FAILURE(step(both, rng, n)) << n;
    ASSERT_NO_FATAL_FAILURE(both.compare()) << n;
  }
}

}  // namespace
}  // namespace quire::compress
