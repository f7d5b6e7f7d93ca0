#include "swap/plain_device.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "compress/testing_bytes.h"
#include "swap/failing_device.h"
#include "swap/packer.h"
#include "swap/size_model.h"
#include "swap/testing_stack.h"

namespace quire::swap {
namespace {

using testing::all_of;
using testing::Bytes;

Bytes text(std::uint64_t seed, std::uint64_t pages = 1) {
  return compress::testing::bytes_of(compress::testing::Kind::kText, pages * kPageSize, seed);
}

// A disk takes large folios whole and a file does not; neither is read at once.
TEST(PlainDevice, HasTheTraitsOfItsKind) {
  EXPECT_TRUE(block_device(PageCount(8))->traits().block_device);
  EXPECT_FALSE(block_device(PageCount(8))->traits().synchronous);
  EXPECT_FALSE(swap_file(PageCount(8))->traits().block_device);
}

// Turning and discarding are the disk's, for a file on it too.
TEST(PlainDevice, TurnsAndDiscardsAsTheDiskDoes) {
  for (const DiskTraits disk : {DiskTraits{.rotational = true}, DiskTraits{.discards = true}, DiskTraits{}})
    for (const auto& device :
         {block_device(PageCount(8), "sda", disk), swap_file(PageCount(8), "swapfile", disk)}) {
      EXPECT_EQ(device->traits().rotational, disk.rotational);
      EXPECT_EQ(device->traits().discards, disk.discards);
    }
}

// What is discarded is counted, and reads as zeroes afterwards.
TEST(PlainDevice, ForgetsWhatIsDiscarded) {
  const auto disk = block_device(PageCount(8));
  Bytes bytes = text(1, 4), back(4 * kPageSize);
  ASSERT_TRUE(disk->write(4, all_of(bytes)));
  disk->discard(4, PageCount(4));
  disk->discard(6, PageCount(4));  // beyond its end: not done
  EXPECT_EQ(disk->stats().discarded, 4U);
  ASSERT_TRUE(disk->read(4, all_of(back)));
  EXPECT_EQ(back, Bytes(4 * kPageSize));
}

// Beyond its end there is nothing.
TEST(PlainDevice, EndsWhereItEnds) {
  const auto disk = block_device(PageCount(8));
  Bytes bytes = text(1, 4);
  EXPECT_TRUE(disk->write(4, all_of(bytes)));
  EXPECT_EQ(disk->write(5, all_of(bytes)).error(), IoError::kWrite);
  EXPECT_EQ(disk->read(8, all_of(bytes)).error(), IoError::kRead);
  EXPECT_EQ(disk->stats().written, 4U);
}

// A file of the host keeps the bytes, also for who opens it next.
TEST(PlainDevice, LivesInAFileOfTheHost) {
  const std::string path = ::testing::TempDir() + "quire_plain_device";
  std::ofstream(path) << std::string(10 * kPageSize + 100, '\0');
  Bytes bytes = text(1, 4), back(4 * kPageSize);
  {
    const auto disk = *block_device(std::filesystem::path(path));
    EXPECT_EQ(disk->size(), PageCount(10));
    EXPECT_TRUE(disk->write(3, all_of(bytes)));
  }
  const auto again = *swap_file(std::filesystem::path(path));
  EXPECT_TRUE(again->read(3, all_of(back)));
  EXPECT_EQ(back, bytes);
  std::remove(path.c_str());
  EXPECT_EQ(block_device(std::filesystem::path(path)).error(), Errno::kNoEnt);
}

// Without contents pages are counted and nothing is kept.
TEST(PlainDevice, CountsPagesWithoutContents) {
  const auto disk = block_device(PageCount(8));
  EXPECT_TRUE(disk->write(1, {nullptr, PageCount(4)}));
  EXPECT_TRUE(disk->read(1, {nullptr, PageCount(2)}));
  EXPECT_EQ(disk->stats().written, 4U);
  EXPECT_EQ(disk->stats().read, 2U);
}

// Every n-th request fails, with the error it was told, and does not reach the device.
TEST(FailingDevice, FailsEveryNth) {
  FailingDevice device(block_device(PageCount(16)), {.writes = {.every = 3}, .write_error = IoError::kFull});
  Bytes bytes = text(1);
  std::string log;
  for (std::uint64_t n = 0; n < 9; ++n) log += device.write(n, all_of(bytes)) ? "." : "f";
  EXPECT_EQ(log, "..f..f..f");
  EXPECT_EQ(device.failed(), 3U);
  Bytes back(kPageSize);
  EXPECT_TRUE(device.read(2, all_of(back)));
  EXPECT_EQ(back, Bytes(kPageSize));
}

// One request only, and one read that lies.
TEST(FailingDevice, FailsOnceAndCorrupts) {
  FailingDevice device(block_device(PageCount(16)), {.reads = {.at = 2}, .corrupt_reads = {.at = 3}});
  Bytes bytes = text(1), back(kPageSize);
  EXPECT_TRUE(device.write(0, all_of(bytes)));
  EXPECT_TRUE(device.read(0, all_of(back)));
  EXPECT_EQ(back, bytes);
  EXPECT_EQ(device.read(0, all_of(back)).error(), IoError::kRead);
  EXPECT_TRUE(device.read(0, all_of(back)));
  EXPECT_NE(back, bytes);
  device.set({});
  EXPECT_TRUE(device.read(0, all_of(back)));
  EXPECT_EQ(back, bytes);
}

// --- Packer ---

// One byte, or one word, that differs at any place is noticed.
TEST(SameWord, IsExact) {
  Bytes page(kPageSize);
  fill(page.data(), ByteCount(kPageSize), 0x1122334455667788ULL);
  EXPECT_EQ(same_word(page.data(), ByteCount(kPageSize)), 0x1122334455667788ULL);
  for (std::size_t n = 0; n < kPageSize; ++n) {
    page[n] ^= std::byte{1};
    EXPECT_FALSE(same_word(page.data(), ByteCount(kPageSize))) << n;
    page[n] ^= std::byte{1};
  }
}

// Packed together or one by one, on one thread or more: the same.
TEST(Packer, AnswersDoNotDependOnThreads) {
  std::vector<Bytes> contents;
  std::vector<Piece> pieces;
  for (std::uint64_t n = 0; n < 24; ++n) contents.push_back(testing::page_of(n));
  for (std::uint64_t n = 0; n < 24; ++n) pieces.push_back({.slot = n, .bytes = contents[n].data()});
  Packer one = *Packer::create({.codec = {.algorithm = compress::Algorithm::kZstd}});
  Packer three = *Packer::create({.codec = {.algorithm = compress::Algorithm::kZstd}, .threads = 3});
  const std::vector<Packed> together = three.pack_all(pieces);
  for (std::size_t n = 0; n < pieces.size(); ++n) {
    const Packed alone = one.pack(pieces[n]);
    EXPECT_EQ(alone.kind, together[n].kind);
    EXPECT_EQ(alone.word, together[n].word);
    EXPECT_TRUE(std::ranges::equal(alone.bytes, together[n].bytes));
  }
}

// --- Models of sizes ---

// Drawn sizes are those that were measured, as often as they were, and the same each time.
TEST(MeasuredSizes, DrawsWhatWasMeasured) {
  const MeasuredSizes sizes(1, {.of_4k = {{ByteCount(), 10}, {ByteCount(1000), 60}, {ByteCount(4096), 30}},
                                .of_16k = {},
                                .of_64k = {{ByteCount(9000), 1}}});
  std::map<std::uint64_t, int> drawn;
  for (std::uint64_t slot = 0; slot < 10000; ++slot) {
    const auto size = sizes.compressed(slot, PageCount(1), 0);
    EXPECT_EQ(size, sizes.compressed(slot, PageCount(1), 0));
    ++drawn[size.value_or(ByteCount()).raw()];
  }
  EXPECT_NEAR(drawn[0], 1000, 150);
  EXPECT_NEAR(drawn[1000], 6000, 250);
  EXPECT_NEAR(drawn[4096], 3000, 250);
  EXPECT_EQ(drawn.size(), 3U);
  EXPECT_EQ(sizes.compressed(3, PageCount(16), 7), ByteCount(9000));
  const auto of_16k = sizes.compressed(3, PageCount(4), 7).value_or(ByteCount()).raw();
  EXPECT_TRUE(of_16k == 0 || of_16k == 4000 || of_16k == 16384) << of_16k;
}

// A histogram becomes sizes that come to as many bytes as were measured.
TEST(MeasuredSizes, BinsComeToWhatWasStored) {
  MeasuredSizes::Sixteenths measured{.unit = 4_KiB, .stored = ByteCount(100 * 700 + 50 * 3000 + 20 * 4096)};
  measured.units[0] = 7;
  measured.units[2] = 100;
  measured.units[11] = 50;
  measured.units[15] = 20;
  measured.same = 7;
  std::uint64_t stored = 0, units = 0;
  for (const MeasuredSizes::Bin& bin : MeasuredSizes::bins_of(measured)) {
    stored += bin.size.raw() * bin.units;
    units += bin.units;
  }
  EXPECT_EQ(units, 177U);
  EXPECT_NEAR(static_cast<double>(stored), static_cast<double>(measured.stored.raw()), 177);
  EXPECT_EQ(MeasuredSizes::bins_of(measured).front().size, ByteCount());
}

}  // namespace
}  // namespace quire::swap
