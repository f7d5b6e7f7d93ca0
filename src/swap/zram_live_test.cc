// The running kernel's zram as the judge of ours: the same pages to the same
// slots, the numbers of mm_stat beside each other.
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <array>
#include <cstring>
#include <memory>

#include "base/rng.h"
#include "compress/testing_bytes.h"
#include "compress/testing_zram.h"
#include "swap/testing_stack.h"
#include "swap/zram.h"

namespace quire::swap {
namespace {

using compress::Algorithm;
using testing::Bytes;

constexpr std::uint64_t kSlots = 2048;

struct alignas(4096) Page {
  std::array<std::byte, 4096> bytes{};
};

// Columns of mm_stat.
enum Column : unsigned {
  kOrig = 0,
  kCompr = 1,
  kUsed = 2,
  kUsedMax = 4,
  kSame = 5,
  kCompacted = 6,
  kHuge = 7,
  kHugeSince = 8
};

class Both {
 public:
  Both(const compress::testing::Zram& live, Algorithm algorithm)
      : live_(live),
        ours_(*Zram::create(frames_, {.disksize = PageCount(kSlots).bytes(), .algorithm = algorithm})) {}

  void write(std::uint64_t slot, std::uint64_t seed) {
    auto page = std::make_unique<Page>();
    const Bytes bytes = testing::page_of(seed);
    std::ranges::copy(bytes, page->bytes.begin());
    ASSERT_TRUE(live_.write(slot, page->bytes));
    ASSERT_TRUE(ours_->write(slot, {page->bytes.data(), PageCount(1)}));
  }
  void discard(std::uint64_t slot) {
    ASSERT_TRUE(live_.discard(slot, kPageSize));
    ours_->slots_freed(slot, PageCount(1));
  }
  [[nodiscard]] std::uint64_t live(Column column) const { return live_.stat(column); }
  [[nodiscard]] ZramStats ours() const { return ours_->stats(); }

 private:
  const compress::testing::Zram& live_;
  compress::HeapPages frames_;
  std::unique_ptr<Zram> ours_;
};

// Why the running kernel cannot judge; empty: it can.
std::string unfit_kernel() {
  if (kPageSize != 4096) return "the kernel's pages are of 4 KiB";
  utsname kernel{};
  if (uname(&kernel) != 0 || std::strncmp(kernel.release, "6.18", 4) != 0)
    return std::string("the running kernel is ") + kernel.release + ", not 6.18";
  return {};
}

double difference(std::uint64_t a, std::uint64_t b) {
  return std::abs(static_cast<double>(a) - static_cast<double>(b)) / static_cast<double>(std::max(a, b));
}

// How far compressed bytes may be apart, the kernel's library and ours being of different
// versions; the frames differ by what that does to the size classes.
struct Tolerance {
  double bytes;
  double frames;
};

void compare(const Both& both, const Tolerance& within) {
  const ZramStats ours = both.ours();
  EXPECT_EQ(ours.orig_data_size.raw(), both.live(kOrig));
  EXPECT_EQ(ours.same_pages, both.live(kSame));
  EXPECT_EQ(ours.huge_pages, both.live(kHuge));
  EXPECT_EQ(ours.huge_pages_since, both.live(kHugeSince));
  EXPECT_LE(difference(ours.compr_data_size.raw(), both.live(kCompr)), within.bytes);
  EXPECT_LE(difference(ours.mem_used_total.raw(), both.live(kUsed)), within.frames);
  EXPECT_LE(difference(ours.mem_used_max.raw(), both.live(kUsedMax)), within.frames);
  ::testing::Test::RecordProperty(
      "ours", std::to_string(ours.compr_data_size.raw()) + " " + std::to_string(ours.mem_used_total.raw()));
  ::testing::Test::RecordProperty("live",
                                  std::to_string(both.live(kCompr)) + " " + std::to_string(both.live(kUsed)));
}

void run(Algorithm algorithm, const Tolerance& within) {
  const std::string unfit = unfit_kernel();
  if (!unfit.empty()) GTEST_SKIP() << unfit;
  const auto live = compress::testing::Zram::make(compress::name(algorithm), PageCount(kSlots).bytes().raw());
  if (live == nullptr)
    GTEST_SKIP() << "a zram device with " << compress::name(algorithm)
                 << " of our own takes root and a kernel that has it";
  Both both(*live, algorithm);
  base::Rng rng(2);
  for (std::uint64_t n = 0; n < 5000; ++n) {
    const std::uint64_t slot = rng.below(kSlots);
    if (rng.chance(75))
      ASSERT_NO_FATAL_FAILURE(both.write(slot, rng.next()));
    else
      ASSERT_NO_FATAL_FAILURE(both.discard(slot));
    if (n % 500 != 499) continue;
    if (both.live(kCompacted) != 0) GTEST_SKIP() << "the kernel ran short of memory and compacted on its own";
    compare(both, within);
  }
}

// lz4: every number is the same.
TEST(ZramLive, Lz4HasTheKernelsNumbers) { run(Algorithm::kLz4, {.bytes = 0, .frames = 0}); }

// lzo, whose library is older than the kernel's: a page differs by a few bytes.
TEST(ZramLive, LzoHasTheKernelsNumbers) { run(Algorithm::kLzo, {.bytes = 0.002, .frames = 0.05}); }

}  // namespace
}  // namespace quire::swap
