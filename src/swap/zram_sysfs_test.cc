#include "swap/zram_sysfs.h"

#include <gtest/gtest.h>

#include <fstream>

#include "compress/testing_bytes.h"
#include "swap/plain_device.h"
#include "swap/testing_stack.h"

namespace quire::swap {
namespace {

using testing::all_of;
using testing::Bytes;

struct Folder {
  compress::HeapPages frames;
  std::unique_ptr<Zram> zram = *Zram::create(frames);
  bool claimed = false;
  ZramSysfs files{*zram, [this] { return claimed; }};

  [[nodiscard]] Errno refused(std::string_view file, std::string_view text) {
    const Result<void, Errno> done = files.write(file, text);
    EXPECT_FALSE(done) << file << " takes " << text;
    return done ? Errno{} : done.error();
  }
  void set(std::string_view file, std::string_view text) {
    EXPECT_TRUE(files.write(file, text)) << file << " refuses " << text;
  }
};

// A device as hot_add makes it: without a size, with the kernel's own choice of algorithm.
TEST(ZramSysfs, FreshDevice) {
  Folder f;
  EXPECT_EQ(f.files.read("initstate"), "0\n");
  EXPECT_EQ(f.files.read("disksize"), "0\n");
  EXPECT_EQ(f.files.read("comp_algorithm"), "[lzo-rle] lzo lz4 zstd \n");
  EXPECT_EQ(f.files.read("mm_stat"),
            "       0        0        0        0        0        0        0        0        0\n");
  EXPECT_EQ(f.files.read("io_stat"), "       0        0 0        0\n");
  EXPECT_EQ(f.files.read("bd_stat"), "       0        0        0\n");
  EXPECT_EQ(f.files.read("backing_dev"), "none\n");
  EXPECT_EQ(f.files.read("quire_unit"), "4096\n");
}

// A size is given once, in pages, with the kernel's suffixes.
TEST(ZramSysfs, SizeIsGivenOnce) {
  Folder f;
  EXPECT_EQ(f.refused("disksize", "0"), Errno::kInval);
  EXPECT_EQ(f.refused("disksize", "many"), Errno::kInval);
  f.set("disksize", "1M\n");
  EXPECT_EQ(f.files.read("disksize"), "1048576\n");
  EXPECT_EQ(f.files.read("initstate"), "1\n");
  EXPECT_EQ(f.refused("disksize", "2M"), Errno::kBusy);
  f.set("reset", "1");
  f.set("disksize", "0x1001");
  EXPECT_EQ(f.files.read("disksize"), "8192\n");
}

// The algorithm is chosen before the size.
TEST(ZramSysfs, AlgorithmIsChosenBeforeTheSize) {
  Folder f;
  EXPECT_EQ(f.refused("comp_algorithm", "lz5"), Errno::kInval);
  EXPECT_EQ(f.refused("comp_algorithm", std::string(200, 'x')), Errno::kTooBig);
  f.set("comp_algorithm", "zstd\n");
  EXPECT_EQ(f.files.read("comp_algorithm"), "lzo-rle lzo lz4 [zstd] \n");
  f.set("algorithm_params", "priority=0 level=7");
  f.set("algorithm_params", "algo=zstd level=1");
  EXPECT_EQ(f.refused("algorithm_params", "algo=lz4 level=1"), Errno::kInval);
  EXPECT_EQ(f.refused("algorithm_params", "level=high"), Errno::kInval);
  f.set("disksize", "1M");
  EXPECT_EQ(f.refused("comp_algorithm", "lz4"), Errno::kBusy);
  f.set("reset", "1");
  EXPECT_EQ(f.files.read("comp_algorithm"), "[lzo-rle] lzo lz4 zstd \n");
}

// Reset forgets everything, unless somebody uses the device.
TEST(ZramSysfs, ResetForgetsEverything) {
  Folder f;
  f.set("disksize", "1M");
  f.set("mem_limit", "64K");
  Bytes page = compress::testing::bytes_of(compress::testing::Kind::kText, kPageSize, 1);
  EXPECT_TRUE(f.zram->write(1, all_of(page)));
  f.claimed = true;
  EXPECT_EQ(f.refused("reset", "1"), Errno::kBusy);
  f.claimed = false;
  EXPECT_EQ(f.refused("reset", "0"), Errno::kInval);
  EXPECT_EQ(f.refused("reset", "yes"), Errno::kInval);
  f.set("reset", "1");
  EXPECT_EQ(f.files.read("mm_stat"),
            "       0        0        0        0        0        0        0        0        0\n");
  EXPECT_EQ(f.frames.used(), PageCount());
}

// The columns of mm_stat after some pages.
TEST(ZramSysfs, MmStatShowsWhatIsStored) {
  Folder f;
  f.set("mem_limit", "1M");
  f.set("disksize", "1M");
  Bytes noise = compress::testing::bytes_of(compress::testing::Kind::kRandom, kPageSize, 1), zero(kPageSize);
  EXPECT_TRUE(f.zram->write(1, all_of(noise)));
  EXPECT_TRUE(f.zram->write(2, all_of(zero)));
  EXPECT_EQ(f.files.read("mm_stat"),
            "    8192     4096     4096  1048576     4096        1        0        1        1\n");
  EXPECT_EQ(f.refused("mem_used_max", "1"), Errno::kInval);
  f.set("mem_used_max", "0");
}

// Idle and writeback want a device with a size, and writeback one to write to.
TEST(ZramSysfs, WritebackTakesTheKernelsWords) {
  Folder f;
  EXPECT_EQ(f.refused("idle", "all"), Errno::kInval);
  EXPECT_EQ(f.refused("writeback", "idle"), Errno::kInval);
  EXPECT_EQ(f.refused("compact", "1"), Errno::kInval);
  EXPECT_TRUE(f.zram->set_backing(block_device(PageCount(16), "disk")));
  f.set("disksize", "64K");
  EXPECT_EQ(f.files.read("backing_dev"), "disk\n");
  EXPECT_EQ(f.refused("idle", "3600"), Errno::kInval);
  Bytes text = compress::testing::bytes_of(compress::testing::Kind::kText, 8 * kPageSize, 1);
  EXPECT_TRUE(f.zram->write(0, all_of(text)));
  f.set("writeback", "page_index=2");
  f.set("writeback", "page_indexes=4-5");
  EXPECT_EQ(f.files.read("bd_stat"), "       3        0        3\n");
  EXPECT_EQ(f.refused("writeback", "page_index=16"), Errno::kInval);
  EXPECT_EQ(f.refused("writeback", "page_indexes=5-4"), Errno::kInval);
  EXPECT_EQ(f.refused("writeback", "type=old"), Errno::kInval);
  f.set("idle", "all");
  f.set("writeback_limit", "1");
  f.set("writeback_limit_enable", "1");
  EXPECT_EQ(f.refused("writeback", "idle"), Errno::kIo);
  EXPECT_EQ(f.files.read("writeback_limit"), "0\n");
  f.set("writeback_limit_enable", "0");
  f.set("writeback", "type=idle");
  EXPECT_EQ(f.files.read("bd_stat"), "       8        0        8\n");
  f.set("compact", "1");
}

// A file of the host is the backing device, and open's error is the answer.
TEST(ZramSysfs, BackingDeviceIsOpened) {
  Folder f;
  EXPECT_EQ(f.refused("backing_dev", "/nowhere/at/all"), Errno::kNoEnt);
  const std::string path = ::testing::TempDir() + "quire_zram_backing";
  std::ofstream(path) << std::string(10 * kPageSize, 'x');
  f.set("backing_dev", path + "\n");
  EXPECT_EQ(f.files.read("backing_dev"), path + "\n");
  f.set("disksize", "64K");
  EXPECT_EQ(f.refused("backing_dev", path), Errno::kBusy);
  Bytes noise = compress::testing::bytes_of(compress::testing::Kind::kRandom, kPageSize, 1), back(kPageSize);
  EXPECT_TRUE(f.zram->write(3, all_of(noise)));
  f.set("writeback", "huge");
  EXPECT_TRUE(f.zram->read(3, all_of(back)));
  EXPECT_EQ(back, noise);
  EXPECT_EQ(f.zram->stats().bd_reads, 1U);
  std::remove(path.c_str());
}

// The unit is ours, chosen before the size like the algorithm.
TEST(ZramSysfs, UnitIsChosenBeforeTheSize) {
  Folder f;
  EXPECT_EQ(f.refused("quire_unit", "8K"), Errno::kInval);
  f.set("quire_unit", "64K");
  f.set("disksize", "1M");
  EXPECT_EQ(f.refused("quire_unit", "16K"), Errno::kBusy);
  Bytes text = compress::testing::bytes_of(compress::testing::Kind::kText, 16 * kPageSize, 1);
  EXPECT_TRUE(f.zram->write(16, all_of(text)));
  f.zram->slots_freed(16, PageCount(1));
  EXPECT_TRUE(f.files.read("quire_unit_stat")->starts_with("       1        1        0        0        1 "));
}

// Files that can only be read, or only be written, say so; others do not exist.
TEST(ZramSysfs, FilesKnowWhatTheyAreFor) {
  Folder f;
  EXPECT_EQ(f.refused("mm_stat", "1"), Errno::kAcces);
  EXPECT_EQ(f.files.read("reset").error(), Errno::kAcces);
  EXPECT_EQ(f.files.read("max_comp_streams").error(), Errno::kNoEnt);
  for (const std::string& file : f.files.files())
    EXPECT_TRUE(f.files.readable(file) || f.files.writable(file));
  EXPECT_TRUE(std::ranges::is_sorted(f.files.files()));
}

}  // namespace
}  // namespace quire::swap
