#include "swap/zram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "compress/testing_bytes.h"
#include "swap/failing_device.h"
#include "swap/packer.h"
#include "swap/plain_device.h"
#include "swap/testing_stack.h"

namespace quire::swap {
namespace {

using compress::Algorithm;
using compress::testing::bytes_of;
using compress::testing::Kind;
using testing::all_of;
using testing::Bytes;

struct Device {
  explicit Device(ZramOptions options = {}, std::unique_ptr<Backend> backing = nullptr) {
    options.algorithm = Algorithm::kLz4;
    zram = *Zram::create(frames, options);
    if (backing != nullptr) {
      EXPECT_TRUE(zram->set_backing(std::move(backing)));
    }
    EXPECT_TRUE(zram->set_disksize(4_MiB));
  }
  ~Device() {
    base::InvariantReport broken;
    zram->check_invariants(broken);
    EXPECT_EQ(broken.text(), "");
  }
  void write(std::uint64_t slot, Bytes bytes) { EXPECT_TRUE(zram->write(slot, all_of(bytes))); }
  [[nodiscard]] Bytes read(std::uint64_t slot, std::uint64_t pages = 1) {
    Bytes bytes(pages * kPageSize, std::byte{0xee});
    EXPECT_TRUE(zram->read(slot, all_of(bytes)));
    return bytes;
  }
  void free(std::uint64_t slot, std::uint64_t pages = 1) { zram->slots_freed(slot, PageCount(pages)); }

  compress::HeapPages frames;
  std::unique_ptr<Zram> zram;
};

Bytes word_page(std::uint64_t word) {
  Bytes bytes(kPageSize);
  fill(bytes.data(), ByteCount(kPageSize), word);
  return bytes;
}

// A page of one repeated word takes no memory, whatever the word.
TEST(Zram, PagesOfOneWordTakeNoMemory) {
  Device d;
  d.write(3, word_page(0x0123456789abcdefULL));
  EXPECT_EQ(d.zram->stats().same_pages, 1U);
  EXPECT_EQ(d.zram->stats().orig_data_size, ByteCount(kPageSize));
  EXPECT_EQ(d.zram->stats().compr_data_size, ByteCount());
  EXPECT_EQ(d.zram->frames_used(), PageCount());
  EXPECT_EQ(d.read(3), word_page(0x0123456789abcdefULL));
  d.free(3);
  EXPECT_EQ(d.zram->stats().same_pages, 0U);
  EXPECT_EQ(d.zram->stats().orig_data_size, ByteCount());
}

// What repeats a pattern longer than a word is compressed like all else.
TEST(Zram, PagesOfTwoWordsAreCompressed) {
  Device d;
  Bytes page = word_page(1);
  page[kPageSize / 2] = std::byte{9};
  d.write(0, page);
  EXPECT_EQ(d.zram->stats().same_pages, 0U);
  EXPECT_GT(d.zram->stats().compr_data_size, ByteCount());
  EXPECT_EQ(d.read(0), page);
}

// A page that does not compress is kept as it is, and the number of those ever seen does
// not go down.
TEST(Zram, PagesThatDoNotCompressAreKeptWhole) {
  Device d;
  const Bytes noise = bytes_of(Kind::kRandom, kPageSize, 1);
  d.write(7, noise);
  EXPECT_EQ(d.zram->stats().huge_pages, 1U);
  EXPECT_EQ(d.zram->stats().compr_data_size, ByteCount(kPageSize));
  EXPECT_EQ(d.zram->frames_used(), PageCount(1));
  EXPECT_EQ(d.read(7), noise);
  d.write(7, word_page(0));
  EXPECT_EQ(d.zram->stats().huge_pages, 0U);
  EXPECT_EQ(d.zram->stats().huge_pages_since, 1U);
  EXPECT_EQ(d.zram->frames_used(), PageCount());
}

// A slot that nothing was written to reads as zeroes, and so does one that was freed.
TEST(Zram, EmptySlotsAreZeroes) {
  Device d;
  EXPECT_EQ(d.read(5), word_page(0));
  d.write(5, bytes_of(Kind::kText, kPageSize, 2));
  d.free(5);
  EXPECT_EQ(d.read(5), word_page(0));
  EXPECT_EQ(d.zram->stats().notify_free, 1U);
}

// Each page of a folio is an object of its own.
TEST(Zram, FoliosAreStoredPageByPage) {
  Device d;
  d.write(16, bytes_of(Kind::kPointers, 16 * kPageSize, 3));
  EXPECT_EQ(d.zram->pool()->objects(), 16U);
  EXPECT_EQ(d.read(16, 16), bytes_of(Kind::kPointers, 16 * kPageSize, 3));
}

// At the limit a write fails and says so; the slot holds what it held, the pages of the
// request before it are stored, and the maximum shows what was tried.
TEST(Zram, WritesFailAtTheLimit) {
  Device d;
  d.zram->set_mem_limit(ByteCount(3 * kPageSize));
  Bytes noise = bytes_of(Kind::kRandom, 4 * kPageSize, 4);
  d.write(3, word_page(5));
  EXPECT_EQ(d.zram->write(0, all_of(noise)).error(), IoError::kFull);
  EXPECT_EQ(d.zram->stats().failed_writes, 1U);
  EXPECT_EQ(d.zram->stats().huge_pages, 3U);
  EXPECT_EQ(d.read(3), word_page(5));
  EXPECT_EQ(d.read(1), Bytes(noise.begin() + kPageSize, noise.begin() + 2 * kPageSize));
  EXPECT_EQ(d.zram->stats().mem_used_max, ByteCount(4 * kPageSize));
  EXPECT_EQ(d.zram->stats().mem_used_total, ByteCount(3 * kPageSize));
  d.zram->reset_mem_used_max();
  EXPECT_EQ(d.zram->stats().mem_used_max, ByteCount(3 * kPageSize));
  d.zram->set_mem_limit(ByteCount());
  EXPECT_TRUE(d.zram->write(0, all_of(noise)));
}

// A limit smaller than a folio fails the folio, and freeing its slots leaves nothing behind.
TEST(Zram, LimitSmallerThanAFolioLeavesNothingBehind) {
  Device d({.mem_limit = ByteCount(kPageSize)});
  Bytes noise = bytes_of(Kind::kRandom, 16 * kPageSize, 5);
  EXPECT_EQ(d.zram->write(32, all_of(noise)).error(), IoError::kFull);
  d.free(32, 16);
  EXPECT_EQ(d.zram->frames_used(), PageCount());
  EXPECT_EQ(d.zram->stats().orig_data_size, ByteCount());
}

// Without a frame left the answer is the same as at the limit.
TEST(Zram, WritesFailWithoutFrames) {
  for (std::uint64_t n = 0; n < 12; ++n) {
    compress::testing::FailingPages frames(n);
    const auto zram = *Zram::create(frames, {.disksize = 1_MiB, .algorithm = Algorithm::kLz4});
    Bytes noise = bytes_of(Kind::kRandom, 16 * kPageSize, n);
    EXPECT_EQ(zram->write(0, all_of(noise)).error(), IoError::kFull);
    EXPECT_EQ(zram->stats().orig_data_size, PageCount(n).bytes());
    base::InvariantReport broken;
    zram->check_invariants(broken);
    EXPECT_EQ(broken.text(), "");
    frames.recover();
    EXPECT_TRUE(zram->write(0, all_of(noise)));
  }
}

// Requests beyond the end are refused, and so is every request before it has a size.
TEST(Zram, RequestsBeyondTheEndAreRefused) {
  Device d;
  Bytes two(2 * kPageSize);
  const std::uint64_t last = d.zram->size().raw() - 1;
  EXPECT_EQ(d.zram->write(last, all_of(two)).error(), IoError::kWrite);
  EXPECT_EQ(d.zram->read(last + 1, all_of(two)).error(), IoError::kRead);
  d.zram->reset();
  EXPECT_EQ(d.zram->write(0, all_of(two)).error(), IoError::kWrite);
}

// --- Damage ---

// Frames that somebody else wrote to.
class DamagedFrames final : public compress::PageSource {
 public:
  [[nodiscard]] std::optional<Pfn> allocate() override {
    const std::optional<Pfn> pfn = pages_.allocate();
    if (pfn) handed_out_.push_back(*pfn);
    return pfn;
  }
  void free(Pfn pfn) override {
    std::erase(handed_out_, pfn);
    pages_.free(pfn);
  }
  [[nodiscard]] std::byte* bytes(Pfn pfn) override { return pages_.bytes(pfn); }
  void damage(std::size_t which) { std::memset(pages_.bytes(handed_out_.at(which)), 0xff, kPageSize); }

 private:
  compress::HeapPages pages_;
  std::vector<Pfn> handed_out_;
};

// An object that was damaged is an error for who reads it, and for nobody else; it can be
// freed and written again.
TEST(Zram, DamagedObjectHarmsNobodyElse) {
  for (const unsigned threads : {1U, 3U}) {
    DamagedFrames frames;
    const auto zram =
        *Zram::create(frames, {.disksize = 1_MiB, .algorithm = Algorithm::kLz4, .threads = threads});
    Bytes one = bytes_of(Kind::kPointers, kPageSize, 1), other = bytes_of(Kind::kText, kPageSize, 2);
    ASSERT_TRUE(zram->write(4, all_of(one)));
    frames.damage(0);
    ASSERT_TRUE(zram->write(9, all_of(other)));
    Bytes back(kPageSize), many(8 * kPageSize);
    EXPECT_EQ(zram->read(4, all_of(back)).error(), IoError::kCorrupt);
    EXPECT_EQ(zram->read(0, all_of(many)).error(), IoError::kCorrupt);
    EXPECT_EQ(zram->stats().failed_reads, 2U);
    ASSERT_TRUE(zram->read(9, all_of(back)));
    EXPECT_EQ(back, other);
    ASSERT_TRUE(zram->write(4, all_of(one)));
    ASSERT_TRUE(zram->read(4, all_of(back)));
    EXPECT_EQ(back, one);
  }
}

// --- Writeback ---

std::unique_ptr<Backend> disk(std::uint64_t pages) { return block_device(PageCount(pages)); }

// Idle pages move to the backing device and are read from there, where they stay.
TEST(Zram, IdlePagesMoveToTheBackingDevice) {
  Device d({}, disk(64));
  const Bytes folio = bytes_of(Kind::kPointers, 4 * kPageSize, 6);
  d.write(0, folio);
  d.write(8, word_page(1));
  d.zram->mark_idle();
  (void)d.read(2);  // no longer idle
  EXPECT_TRUE(d.zram->writeback(ZramWriteback::kIdle));
  EXPECT_EQ(d.zram->stats().bd_writes, 3U);
  EXPECT_EQ(d.zram->stats().bd_count, 3U);
  EXPECT_EQ(d.zram->pool()->objects(), 1U);
  EXPECT_EQ(d.zram->stats().orig_data_size, ByteCount(5 * kPageSize));
  EXPECT_EQ(d.read(0, 4), folio);
  EXPECT_EQ(d.zram->stats().bd_reads, 3U);
  EXPECT_EQ(d.zram->stats().bd_count, 3U);
  d.free(0, 4);
  EXPECT_EQ(d.zram->stats().bd_count, 0U);
}

// Each word of the writeback file takes its kind of page only.
TEST(Zram, WritebackTakesTheKindItWasAskedFor) {
  const auto written = [](ZramWriteback kind) {
    Device d({}, disk(64));
    d.write(0, bytes_of(Kind::kPointers, kPageSize, 1));
    d.write(1, bytes_of(Kind::kRandom, kPageSize, 2));
    d.zram->mark_idle();
    d.write(2, bytes_of(Kind::kRandom, kPageSize, 3));
    EXPECT_TRUE(d.zram->writeback(kind));
    return d.zram->stats().bd_writes;
  };
  EXPECT_EQ(written(ZramWriteback::kAny), 3U);
  EXPECT_EQ(written(ZramWriteback::kIdle), 2U);
  EXPECT_EQ(written(ZramWriteback::kHuge), 2U);
  EXPECT_EQ(written(ZramWriteback::kHugeIdle), 1U);
  EXPECT_EQ(written(ZramWriteback::kIncompressible), 0U);
}

// The largest go first, and the limit stops it.
TEST(Zram, WritebackEndsAtItsLimit) {
  Device d({}, disk(64));
  d.write(0, bytes_of(Kind::kPointers, kPageSize, 1));
  d.write(1, bytes_of(Kind::kRandom, kPageSize, 2));
  d.zram->set_writeback_limit({.left = 1, .enabled = true});
  EXPECT_EQ(d.zram->writeback(ZramWriteback::kAny).error(), Errno::kIo);
  EXPECT_EQ(d.zram->stats().huge_pages, 0U);
  EXPECT_EQ(d.zram->pool()->objects(), 1U);
  EXPECT_EQ(d.zram->writeback_limit().left, 0U);
}

// A backing device of n pages has room for n - 1: block 0 is nobody's.
TEST(Zram, WritebackEndsWhenTheDeviceIsFull) {
  Device d({}, disk(4));
  const Bytes noise = bytes_of(Kind::kRandom, 8 * kPageSize, 2);
  d.write(0, noise);
  EXPECT_EQ(d.zram->writeback(ZramWriteback::kHuge).error(), Errno::kNoSpc);
  EXPECT_EQ(d.zram->stats().bd_count, 3U);
  EXPECT_EQ(d.read(0, 8), noise);
}

// A write that fails leaves its page where it was; the others go on.
TEST(Zram, FailedWritebackLosesNothing) {
  for (std::uint64_t n = 1; n <= 8; ++n) {
    Device d({}, std::make_unique<FailingDevice>(disk(64), FailingOptions{.writes = {.at = n}}));
    const Bytes noise = bytes_of(Kind::kRandom, 8 * kPageSize, n);
    d.write(0, noise);
    EXPECT_EQ(d.zram->writeback(ZramWriteback::kHuge).error(), Errno::kIo);
    EXPECT_EQ(d.zram->stats().bd_count, 7U);
    EXPECT_EQ(d.read(0, 8), noise);
  }
}

// Without a backing device there is nothing to write to.
TEST(Zram, WritebackNeedsADevice) {
  Device d;
  EXPECT_EQ(d.zram->writeback(ZramWriteback::kIdle).error(), Errno::kNoDev);
}

// --- Units of several pages ---

// A folio of whole units is so many objects, of a smaller one each page is one.
TEST(ZramUnits, LargeFoliosAreWholeUnits) {
  Device d({.unit = 16_KiB});
  d.write(16, bytes_of(Kind::kPointers, 16 * kPageSize, 1));
  EXPECT_EQ(d.zram->unit_stats().units, 4U);
  EXPECT_EQ(d.zram->pool()->objects(), 4U);
  d.write(2, bytes_of(Kind::kPointers, 2 * kPageSize, 2));
  EXPECT_EQ(d.zram->unit_stats().pieces_since, 2U);
  EXPECT_EQ(d.zram->pool()->objects(), 6U);
  EXPECT_EQ(d.zram->stats().orig_data_size, ByteCount(18 * kPageSize));
}

// A request that begins or ends within a unit has single pages there.
TEST(ZramUnits, UnalignedRestsAreSinglePages) {
  Device d({.unit = 16_KiB});
  const Bytes bytes = bytes_of(Kind::kPointers, 8 * kPageSize, 1);
  d.write(2, bytes);
  EXPECT_EQ(d.zram->unit_stats().units, 1U);
  EXPECT_EQ(d.zram->unit_stats().pieces_since, 4U);
  EXPECT_EQ(d.read(2, 8), bytes);
  EXPECT_EQ(d.zram->unit_stats().partial_reads, 0U);
}

// A page of a unit costs the decompression of all of it.
TEST(ZramUnits, ReadingAPartDecompressesAll) {
  Device d({.unit = 64_KiB});
  const Bytes bytes = bytes_of(Kind::kText, 16 * kPageSize, 1);
  d.write(0, bytes);
  EXPECT_EQ(d.read(5, 2), Bytes(bytes.begin() + 5 * kPageSize, bytes.begin() + 7 * kPageSize));
  EXPECT_EQ(d.zram->unit_stats().partial_reads, 1U);
  EXPECT_EQ(d.read(0, 16), bytes);
  EXPECT_EQ(d.zram->unit_stats().partial_reads, 1U);
}

// A unit stays whole as long as one of its pages is wanted; what the others took is dead.
TEST(ZramUnits, PartlyFreedUnitsHoldBytesForNothing) {
  Device d({.unit = 16_KiB});
  const Bytes bytes = bytes_of(Kind::kPointers, 4 * kPageSize, 1);
  d.write(4, bytes);
  const ByteCount size = d.zram->stats().compr_data_size;
  d.free(4, 3);
  EXPECT_EQ(d.zram->stats().compr_data_size, size);
  EXPECT_EQ(d.zram->stats().orig_data_size, ByteCount(kPageSize));
  EXPECT_EQ(d.zram->unit_stats().dead_bytes, ByteCount(size.raw() * 3 / 4));
  EXPECT_EQ(d.zram->unit_stats().partial_frees, 3U);
  EXPECT_EQ(d.read(7), Bytes(bytes.begin() + 3 * kPageSize, bytes.end()));
  d.free(7);
  EXPECT_EQ(d.zram->stats().compr_data_size, ByteCount());
  EXPECT_EQ(d.zram->unit_stats().dead_bytes, ByteCount());
  EXPECT_EQ(d.zram->unit_stats().units, 0U);
}

// A page written over a part of a unit is an object of its own; the unit goes with its last page.
TEST(ZramUnits, OverwrittenPartsLeaveTheUnit) {
  Device d({.unit = 16_KiB});
  const Bytes old = bytes_of(Kind::kPointers, 4 * kPageSize, 1), page = bytes_of(Kind::kText, kPageSize, 2);
  d.write(0, old);
  d.write(0, page);
  EXPECT_EQ(d.read(0), page);
  EXPECT_EQ(d.read(1, 3), Bytes(old.begin() + kPageSize, old.end()));
  EXPECT_EQ(d.zram->pool()->objects(), 2U);
  const Bytes again = bytes_of(Kind::kPointers, 4 * kPageSize, 3);
  d.write(0, again);
  EXPECT_EQ(d.zram->pool()->objects(), 1U);
  EXPECT_EQ(d.read(0, 4), again);
}

// A unit of one word takes nothing; one that does not compress is kept as it is.
TEST(ZramUnits, UnitsAreSameFilledOrHugeAsAWhole) {
  Device d({.unit = 16_KiB});
  d.write(0, Bytes(4 * kPageSize, std::byte{7}));
  EXPECT_EQ(d.zram->stats().same_pages, 4U);
  EXPECT_EQ(d.zram->pool()->objects(), 0U);
  const Bytes noise = bytes_of(Kind::kRandom, 4 * kPageSize, 1);
  d.write(4, noise);
  EXPECT_EQ(d.zram->stats().huge_pages, 4U);
  EXPECT_EQ(d.zram->stats().compr_data_size, 16_KiB);
  EXPECT_EQ(d.read(4, 4), noise);
  d.free(4, 4);
  EXPECT_EQ(d.zram->stats().huge_pages, 0U);
}

// A unit is written back when all of its pages are idle, page by page.
TEST(ZramUnits, IdleUnitsAreWrittenBack) {
  Device d({.unit = 16_KiB}, disk(64));
  const Bytes bytes = bytes_of(Kind::kPointers, 8 * kPageSize, 1);
  d.write(0, bytes);
  d.free(7);
  d.zram->mark_idle();
  (void)d.read(1);
  EXPECT_TRUE(d.zram->writeback(ZramWriteback::kIdle));
  EXPECT_EQ(d.zram->stats().bd_writes, 3U);
  EXPECT_EQ(d.zram->unit_stats().units, 1U);
  EXPECT_EQ(d.zram->unit_stats().partial_frees, 1U);
  EXPECT_EQ(d.read(0, 7), Bytes(bytes.begin(), bytes.end() - kPageSize));
}

// --- No contents ---

// Where a machine keeps no contents the model's sizes are stored, and the frames are real.
TEST(ZramWithoutContents, StoresTheSizesOfItsModel) {
  const FixedSizes half(50);
  Device d({.unit = 16_KiB, .sizes = &half});
  EXPECT_TRUE(d.zram->write(0, {nullptr, PageCount(16)}));
  EXPECT_TRUE(d.zram->write(17, {nullptr, PageCount(1)}));
  EXPECT_EQ(d.zram->stats().compr_data_size, ByteCount(4 * 8192 + 2048));
  EXPECT_GT(d.zram->frames_used(), PageCount(8));
  EXPECT_TRUE(d.zram->read(3, {nullptr, PageCount(4)}));
  d.free(0, 32);
  EXPECT_EQ(d.zram->frames_used(), PageCount());
}

// --- Threads ---

// What a device has done after the same requests, as one text.
std::string after_requests(unsigned threads, ByteCount unit, ByteCount limit) {
  compress::HeapPages frames;
  const auto zram = *Zram::create(frames, {.disksize = 4_MiB,
                                           .algorithm = Algorithm::kZstd,
                                           .unit = unit,
                                           .threads = threads,
                                           .mem_limit = limit});
  base::Rng rng(11);
  std::string log;
  for (int n = 0; n < 300; ++n) {
    const std::uint64_t count = 1ULL << rng.below(6), slot = rng.below(1024 / count) * count;
    Bytes bytes = testing::pages_of(rng.below(500), count);
    if (rng.chance(60)) {
      // Sometimes it was expected, with a folio that then does not come.
      Bytes never = testing::pages_of(rng.below(500), 4);
      const std::array<Pages, 2> both{all_of(bytes), all_of(never)};
      if (rng.chance(50)) zram->expect(both);
      zram->settle(all_of(bytes));
      log += zram->write(slot, all_of(bytes)) ? "w" : "f";
      zram->expect({});
    } else if (rng.chance(50)) {
      log += zram->read(slot, all_of(bytes)) ? "r" : "f";
      log += std::to_string(static_cast<unsigned>(bytes[bytes.size() / 2]));
    } else {
      zram->slots_freed(slot, PageCount(count));
    }
  }
  const ZramStats s = zram->stats();
  return log + zram->pool()->classes_text() +
         fmt::format(" {} {} {} {} {} {}", s.orig_data_size.raw(), s.compr_data_size.raw(),
                     s.mem_used_max.raw(), s.same_pages, s.huge_pages_since, s.failed_writes);
}

// Neither results nor the pool show how many threads there were.
TEST(ZramThreads, StateIsThatOfOneThread) {
  for (const ByteCount unit : {4_KiB, 16_KiB, 64_KiB})
    for (const ByteCount limit : {0_KiB, 200_KiB}) {
      const std::string alone = after_requests(1, unit, limit);
      EXPECT_EQ(after_requests(2, unit, limit), alone);
      EXPECT_EQ(after_requests(5, unit, limit), alone);
    }
}

// --- Bad input ---

TEST(Zram, CreateSaysWhatIsWrong) {
  compress::HeapPages frames;
  EXPECT_EQ(Zram::create(frames, {.unit = 12_KiB}).error().line(),
            "zram0: cannot compress 12288 bytes as one object; a page, 16K or 64K");
  EXPECT_FALSE(Zram::create(frames, {.algorithm = Algorithm::kLzo, .level = 3}));
  EXPECT_FALSE(Zram::create(frames, {.threads = 0}));
}

}  // namespace
}  // namespace quire::swap
