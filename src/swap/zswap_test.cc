#include "swap/zswap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "compress/testing_bytes.h"
#include "swap/failing_device.h"
#include "swap/plain_device.h"
#include "swap/testing_stack.h"

namespace quire::swap {
namespace {

using compress::testing::bytes_of;
using compress::testing::Kind;
using testing::all_of;
using testing::Bytes;

// zswap over a disk; `ram` pages, of which a fifth may be its pool.
struct Machine {
  explicit Machine(std::uint64_t ram = 5000, ZswapOptions options = {},
                   std::unique_ptr<Backend> disk = block_device(PageCount(1024))) {
    options.compressor = compress::Algorithm::kLz4;
    options.ram = PageCount(ram);
    options.parameters.enabled = true;
    zswap = *Zswap::create(frames, options);
    behind = disk.get();
    device = zswap->in_front_of(std::move(disk));
  }
  ~Machine() {
    base::InvariantReport broken;
    zswap->check_invariants(broken);
    EXPECT_EQ(broken.text(), "");
  }
  void write(std::uint64_t slot, Bytes bytes) { EXPECT_TRUE(device->write(slot, all_of(bytes))); }
  [[nodiscard]] Bytes read(std::uint64_t slot) {
    Bytes bytes(kPageSize, std::byte{0xee});
    EXPECT_TRUE(device->read(slot, all_of(bytes)));
    return bytes;
  }
  [[nodiscard]] const PlainStats& disk() const { return static_cast<PlainDevice&>(*behind).stats(); }

  compress::testing::FailingPages frames;
  std::unique_ptr<Zswap> zswap;
  std::unique_ptr<ZswapDevice> device;
  Backend* behind;
};

Bytes noise(std::uint64_t seed, std::uint64_t pages = 1) {
  return bytes_of(Kind::kRandom, pages * kPageSize, seed);
}
Bytes text(std::uint64_t seed, std::uint64_t pages = 1) {
  return bytes_of(Kind::kText, pages * kPageSize, seed);
}

// One page of several.
Bytes page(const Bytes& of, std::uint64_t n) {
  const auto at = of.begin() + static_cast<std::ptrdiff_t>(n * kPageSize);
  return {at, at + kPageSize};
}

// A folio is stored whole, and nothing reaches the device.
TEST(Zswap, FoliosAreStoredWhole) {
  Machine m;
  m.write(16, text(1, 16));
  EXPECT_EQ(m.zswap->stats().stored_pages, 16U);
  EXPECT_EQ(m.disk().written, 0U);
  EXPECT_TRUE(m.device->kept_in_front(16));
  EXPECT_TRUE(m.device->kept_in_front(31));
  EXPECT_FALSE(m.device->kept_in_front(32));
  EXPECT_EQ(m.read(17), page(text(1, 16), 1));
}

// Where one page of a folio finds no room none is kept: the folio goes to the device, and
// what was there for it before is gone too.
TEST(Zswap, FailedStoreIsUndone) {
  for (std::uint64_t n = 0; n < 16; ++n) {
    compress::testing::FailingPages frames(n + 1);
    const auto zswap = *Zswap::create(
        frames,
        {.compressor = compress::Algorithm::kLz4, .ram = PageCount(5000), .parameters = {.enabled = true}});
    const auto device = zswap->in_front_of(block_device(PageCount(1024)));
    Bytes old = noise(1), folio = noise(2, 16), back(kPageSize);
    ASSERT_TRUE(device->write(7, all_of(old)));
    ASSERT_TRUE(device->write(0, all_of(folio)));
    EXPECT_EQ(zswap->stats().stored_pages, 0U);
    EXPECT_EQ(zswap->stats().reject_alloc_fail, 1U);
    EXPECT_EQ(frames.used(), PageCount());
    ASSERT_TRUE(device->read(7, all_of(back)));
    EXPECT_EQ(back, page(folio, 7));
  }
}

// A page that does not compress is kept as it is, unless it could not be written back.
TEST(Zswap, PagesThatDoNotCompressAreKept) {
  Machine m;
  m.write(1, noise(1));
  EXPECT_EQ(m.zswap->stats().stored_incompressible_pages, 1U);
  EXPECT_EQ(m.read(1), noise(1));
  m.zswap->set_writeback(false);
  Bytes other = noise(2);
  EXPECT_EQ(m.device->write(2, all_of(other)).error(), IoError::kFull);
  EXPECT_EQ(m.zswap->stats().reject_compress_fail, 1U);
  EXPECT_EQ(m.disk().written, 0U);
}

// A page of one word is compressed like any other.
TEST(Zswap, PagesOfOneWordAreCompressed) {
  Machine m;
  m.write(1, Bytes(kPageSize));
  EXPECT_EQ(m.zswap->stats().stored_pages, 1U);
  EXPECT_EQ(m.zswap->pool().objects(), 1U);
  EXPECT_EQ(m.read(1), Bytes(kPageSize));
}

// A slot that is written again has the new page only, wherever that went.
TEST(Zswap, RewrittenSlotsHaveTheNewPage) {
  Machine m;
  m.write(3, text(1));
  m.write(3, text(2));
  EXPECT_EQ(m.zswap->stats().stored_pages, 1U);
  EXPECT_EQ(m.read(3), text(2));
  m.zswap->set_parameters({.enabled = false});
  m.write(3, text(3));
  EXPECT_EQ(m.zswap->stats().stored_pages, 0U);
  EXPECT_EQ(m.read(3), text(3));
}

// A full pool refuses folios until it has shrunk to the lower threshold; what it was asked
// to refuse made it write back the oldest.
TEST(Zswap, FullPoolWritesBackToItsThreshold) {
  Machine m(500);  // a pool of 100 pages
  for (std::uint64_t slot = 0; slot < 100; ++slot) m.write(slot, noise(slot));
  EXPECT_EQ(m.zswap->stats().pool_limit_hit, 0U);
  m.write(100, noise(100));
  EXPECT_EQ(m.zswap->stats().pool_limit_hit, 1U);
  EXPECT_FALSE(m.device->kept_in_front(100));
  // Down to 90; it goes by 32 entries that are looked at, after all had their second chance.
  EXPECT_LE(m.zswap->frames_used(), PageCount(90));
  EXPECT_GT(m.zswap->frames_used(), PageCount(90 - 32));
  EXPECT_EQ(m.zswap->stats().written_back_pages, 100 - m.zswap->stats().stored_pages);
  EXPECT_FALSE(m.device->kept_in_front(0));
  EXPECT_TRUE(m.device->kept_in_front(99));
  for (std::uint64_t slot = 0; slot <= 100; ++slot) EXPECT_EQ(m.read(slot), noise(slot));
  m.write(101, noise(101));
  EXPECT_TRUE(m.device->kept_in_front(101));
}

// Between the thresholds a pool that was full takes nothing.
TEST(Zswap, FullPoolTakesNothingAboveItsThreshold) {
  Machine m(500);
  std::set<std::uint64_t> in_memory;
  m.zswap->set_cached_probe([&](const Backend&, std::uint64_t) { return true; });
  for (std::uint64_t slot = 0; slot <= 100; ++slot) m.write(slot, noise(slot));
  EXPECT_EQ(m.zswap->stats().written_back_pages, 0U);
  EXPECT_GT(m.zswap->stats().reject_reclaim_fail, 0U);
  m.device->slots_freed(0, PageCount(5));
  m.write(101, noise(101));
  EXPECT_FALSE(m.device->kept_in_front(101));
  EXPECT_EQ(m.zswap->stats().pool_limit_hit, 1U);
  m.device->slots_freed(5, PageCount(5));
  m.write(102, noise(102));
  EXPECT_TRUE(m.device->kept_in_front(102));
}

// The shrinker passes over a new entry once, and writes the oldest back first.
TEST(Zswap, ShrinkerGivesASecondChance) {
  Machine m(5000, {.parameters = {.shrinker_enabled = true}});
  for (std::uint64_t slot = 0; slot < 4; ++slot) m.write(slot, text(slot));
  EXPECT_EQ(m.zswap->shrinker_scan(4), 0U);
  EXPECT_EQ(m.zswap->shrinker_scan(2), 2U);
  EXPECT_FALSE(m.device->kept_in_front(0));
  EXPECT_FALSE(m.device->kept_in_front(1));
  EXPECT_TRUE(m.device->kept_in_front(2));
  EXPECT_EQ(m.zswap->stats().written_back_pages, 2U);
  for (std::uint64_t slot = 0; slot < 4; ++slot) EXPECT_EQ(m.read(slot), text(slot));
}

// Pages that were read from the device spare as many entries, once; the better it
// compresses the less there is to win.
TEST(Zswap, ShrinkerSparesWhatWouldComeBack) {
  Machine m(5000, {.parameters = {.shrinker_enabled = true}});
  for (std::uint64_t slot = 0; slot < 40; ++slot) m.write(slot, noise(slot));
  EXPECT_EQ(m.zswap->shrinker_count(), 40U);
  for (std::uint64_t slot = 500; slot < 510; ++slot) (void)m.read(slot);
  EXPECT_EQ(m.zswap->shrinker_count(), 30U);
  EXPECT_EQ(m.zswap->shrinker_count(), 40U);
  m.zswap->set_parameters({.enabled = true});
  EXPECT_EQ(m.zswap->shrinker_count(), 0U);
  EXPECT_EQ(m.zswap->shrinker_scan(100), 0U);
}

// Of a folio that is in memory nothing is written back, and the shrinker takes it as a sign
// to stop.
TEST(Zswap, ShrinkerStopsAtCachedPages) {
  Machine m(5000, {.parameters = {.shrinker_enabled = true}});
  for (std::uint64_t slot = 0; slot < 8; ++slot) m.write(slot, text(slot));
  EXPECT_EQ(m.zswap->shrinker_scan(8), 0U);
  m.zswap->set_cached_probe([](const Backend&, std::uint64_t slot) { return slot == 3; });
  EXPECT_EQ(m.zswap->shrinker_scan(8), 3U);
  EXPECT_EQ(m.zswap->stats().reject_reclaim_fail, 1U);
}

// A device that fails when an entry is written back costs nothing: the entry stays.
TEST(Zswap, FailedWritebackLosesNothing) {
  Machine m(
      5000, {.parameters = {.shrinker_enabled = true}},
      std::make_unique<FailingDevice>(block_device(PageCount(64)), FailingOptions{.writes = {.every = 1}}));
  for (std::uint64_t slot = 0; slot < 4; ++slot) m.write(slot, text(slot));
  EXPECT_EQ(m.zswap->shrinker_scan(8), 0U);
  EXPECT_EQ(m.zswap->stats().reject_reclaim_fail, 4U);
  for (std::uint64_t slot = 0; slot < 4; ++slot) EXPECT_EQ(m.read(slot), text(slot));
}

// A folio that neither zswap nor the device takes is the caller's again.
TEST(Zswap, DeviceErrorsReachTheCaller) {
  Machine m(
      5000, {},
      std::make_unique<FailingDevice>(block_device(PageCount(64)), FailingOptions{.writes = {.at = 1}}));
  m.zswap->set_parameters({.enabled = false});
  Bytes bytes = text(1);
  EXPECT_EQ(m.device->write(1, all_of(bytes)).error(), IoError::kWrite);
}

// Once it was enabled no large folio is read, until a policy allows it; that it was is never
// forgotten.
TEST(Zswap, LargeFoliosAreReadByPolicyOnly) {
  Machine m;
  m.write(0, text(1, 4));
  Bytes back(4 * kPageSize);
  EXPECT_EQ(m.device->read(0, all_of(back)).error(), IoError::kRead);
  m.zswap->set_parameters({.enabled = false});
  EXPECT_TRUE(m.zswap->ever_enabled());
  EXPECT_FALSE(m.device->reads_large());

  Machine whole(5000, {.load = ZswapLoad::kWholeFolios});
  whole.write(0, text(1, 4));
  EXPECT_TRUE(whole.device->reads_large());
  EXPECT_TRUE(whole.device->read(0, all_of(back)));
  EXPECT_EQ(back, text(1, 4));
}

// A folio that lies in part here and in part on the device comes back whole.
TEST(Zswap, MixedFoliosComeBackWhole) {
  Machine m(5000, {.parameters = {.shrinker_enabled = true}, .load = ZswapLoad::kWholeFolios});
  m.write(8, text(7, 8));
  (void)m.zswap->shrinker_scan(8);
  EXPECT_EQ(m.zswap->shrinker_scan(3), 3U);
  Bytes back(8 * kPageSize);
  EXPECT_TRUE(m.device->read(8, all_of(back)));
  EXPECT_EQ(back, text(7, 8));
  EXPECT_EQ(m.disk().read, 3U);
}

// Reading leaves an entry where it is; it goes when the swap cache has the page, and who says so
// hears whether there was one.
TEST(Zswap, EntriesGoWhenTheSwapCacheHasThePage) {
  Machine m;
  m.write(5, text(5));
  m.write(6, text(6));
  EXPECT_EQ(m.read(5), text(5));
  EXPECT_EQ(m.zswap->stats().stored_pages, 2U);
  EXPECT_TRUE(m.device->give_up_in_front(5, PageCount(1)));
  EXPECT_FALSE(m.device->give_up_in_front(5, PageCount(1)));
  EXPECT_FALSE(m.device->kept_in_front(5));
  EXPECT_EQ(m.read(6), text(6));
  EXPECT_TRUE(m.device->give_up_in_front(4, PageCount(4)));  // one of four is enough
  EXPECT_EQ(m.zswap->stats().stored_pages, 0U);
  EXPECT_EQ(m.frames.used(), PageCount());
}

// A damaged entry is an error for who reads it; it is not written back over anything.
TEST(Zswap, DamagedEntryHarmsNobodyElse) {
  Machine m(5000, {.parameters = {.shrinker_enabled = true}});
  m.write(1, text(1));
  std::memset(m.frames.bytes(Pfn(0)), 0xff, kPageSize);
  m.write(2, text(2));
  Bytes back(kPageSize);
  EXPECT_EQ(m.device->read(1, all_of(back)).error(), IoError::kCorrupt);
  EXPECT_EQ(m.read(2), text(2));
  (void)m.zswap->shrinker_scan(2);
  EXPECT_EQ(m.zswap->shrinker_scan(2), 1U);
  EXPECT_EQ(m.zswap->stats().decompress_fail, 2U);
  m.device->slots_freed(1, PageCount(1));
}

// Entries that are gone leave holes; moving the others together gives their frames back, as many as was
// said, and every page reads as it was.
TEST(Zswap, ItsPoolIsCompacted) {
  Machine m;
  for (std::uint64_t n = 0; n < 300; ++n) m.write(n, text(n));
  for (std::uint64_t n = 0; n < 300; ++n)
    if (n % 3 != 0) m.device->slots_freed(n, PageCount(1));
  const PageCount promised = m.zswap->compactable(), before = m.frames.used();
  EXPECT_GT(promised, PageCount());
  EXPECT_EQ(m.device->compactable(), PageCount());  // the disk behind has no pool
  EXPECT_EQ(m.zswap->compact(), promised);
  EXPECT_EQ(before - m.frames.used(), promised);
  EXPECT_EQ(m.zswap->compactable(), PageCount());
  for (std::uint64_t n = 0; n < 300; n += 3) EXPECT_EQ(m.read(n), text(n));
}

// Two devices share the pool, its limit and its age; a device that goes takes its entries along.
TEST(Zswap, DevicesShareThePool) {
  Machine m(5000, {.parameters = {.shrinker_enabled = true}});
  auto second = m.zswap->in_front_of(block_device(PageCount(64)));
  m.write(1, text(1));
  Bytes other = text(2), back(kPageSize);
  EXPECT_TRUE(second->write(1, all_of(other)));
  EXPECT_EQ(m.zswap->stats().stored_pages, 2U);
  EXPECT_TRUE(second->read(1, all_of(back)));
  EXPECT_EQ(back, other);
  EXPECT_EQ(m.read(1), text(1));
  second.reset();
  EXPECT_EQ(m.zswap->stats().stored_pages, 1U);
}

// The kernel's files, by the kernel's names.
TEST(Zswap, FilesReadAsTheKernels) {
  Machine m;
  m.write(1, text(1));
  EXPECT_EQ(m.zswap->read_file("enabled"), "Y\n");
  EXPECT_EQ(m.zswap->read_file("shrinker_enabled"), "N\n");
  EXPECT_EQ(m.zswap->read_file("max_pool_percent"), "20\n");
  EXPECT_EQ(m.zswap->read_file("accept_threshold_percent"), "90\n");
  EXPECT_EQ(m.zswap->read_file("compressor"), "lz4\n");
  EXPECT_EQ(m.zswap->read_file("stored_pages"), "1\n");
  EXPECT_EQ(m.zswap->read_file("pool_total_size"), fmt::format("{}\n", m.zswap->frames_used().bytes().raw()));
  EXPECT_EQ(m.zswap->read_file("same_filled_pages").error(), Errno::kNoEnt);
}

// Each page written back is told to who counts them.
TEST(Zswap, WritebackIsTold) {
  Machine m(5000, {.parameters = {.shrinker_enabled = true}});
  std::uint64_t told = 0;
  m.zswap->on_writeback([&] { ++told; });
  m.write(0, text(1, 8));
  (void)m.zswap->shrinker_scan(13);
  EXPECT_EQ(told, 5U);
}

// What a machine has done after the same requests, as one text.
std::string after_requests(unsigned threads) {
  Machine m(400, {.threads = threads, .load = ZswapLoad::kWholeFolios});
  base::Rng rng(5);
  std::string log;
  for (int n = 0; n < 300; ++n) {
    const std::uint64_t count = 1ULL << rng.below(5), slot = rng.below(512 / count) * count;
    Bytes bytes = testing::pages_of(rng.below(500), count);
    log += (rng.chance(70) ? m.device->write(slot, all_of(bytes)) : m.device->read(slot, all_of(bytes)))
               ? "."
               : "f";
    log += std::to_string(static_cast<unsigned>(bytes[bytes.size() / 2]));
  }
  const ZswapStats s = m.zswap->stats();
  return log + m.zswap->pool().classes_text() +
         fmt::format(" {} {} {} {}", s.stored_pages, s.written_back_pages, s.pool_limit_hit,
                     m.disk().written);
}

// Neither results nor the pool show how many threads there were.
TEST(Zswap, StateIsThatOfOneThread) {
  const std::string alone = after_requests(1);
  EXPECT_EQ(after_requests(2), alone);
  EXPECT_EQ(after_requests(4), alone);
}

// Frames of a machine that keeps no contents.
class BareFrames final : public compress::PageSource {
 public:
  [[nodiscard]] std::optional<Pfn> allocate() override { return pages_.allocate(); }
  void free(Pfn pfn) override { pages_.free(pfn); }
  [[nodiscard]] std::byte* bytes(Pfn) override { return nullptr; }

 private:
  compress::HeapPages pages_;
};

// Without contents the model's sizes are stored, and written back as pages without contents.
TEST(Zswap, WithoutContentsTheModelDecides) {
  const FixedSizes quarter(25);
  BareFrames frames;
  const auto zswap = *Zswap::create(
      frames,
      {.ram = PageCount(5000), .parameters = {.enabled = true, .shrinker_enabled = true}, .sizes = &quarter});
  const auto device = zswap->in_front_of(block_device(PageCount(64)));
  EXPECT_TRUE(device->write(0, {nullptr, PageCount(16)}));
  EXPECT_EQ(zswap->stats().stored_pages, 16U);
  EXPECT_LT(zswap->frames_used(), PageCount(16));
  EXPECT_GE(zswap->frames_used(), PageCount(4));
  (void)zswap->shrinker_scan(16);
  EXPECT_EQ(zswap->shrinker_scan(16), 16U);
  EXPECT_EQ(static_cast<PlainDevice&>(device->behind()).stats().written, 16U);
}

}  // namespace
}  // namespace quire::swap
