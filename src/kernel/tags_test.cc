// Memory with tags through the public library, as arm64 has it (system 47).
#include <gmock/gmock.h>

#include "kernel/testing_tags.h"

namespace quire {
namespace {

using namespace testing;

constexpr int kPageOut = MADV_PAGEOUT, kCollapse = 25;

// --- Who has tags ---

// x86-64 has none; a machine that was not asked for has none either: mmap does not know the
// bit there, mprotect refuses it.
TEST(Tags, OnlyMachinesThatHaveThem) {
  if (kBuiltArchitecture == Architecture::kX86_64) {
    EXPECT_FALSE(Kernel::create({.ram = 64_MiB, .tags = MemoryTags::kMte}).has_value());
  }
  const auto k = boot("64K");
  Process& p = k->spawn();
  map_tagged(p, 64_KiB);
  EXPECT_EQ(p.set_tags(kArena, make_tags(1)).error(), Errno::kOpNotSupp);
  EXPECT_EQ(p.mprotect(kArena, 4_KiB, PROT_READ | kProtMte).error(), Errno::kInval);
  EXPECT_EQ(k->tags_saved(), PageCount());
}

// Only memory that was mapped with PROT_MTE; a file of a disk cannot be, shared anonymous memory can.
TEST(Tags, OnlyMappingsThatAskForThem) {
  const auto k = boot_with_tags("64K");
  Process& p = k->spawn();
  map(p, 64_KiB);
  EXPECT_EQ(p.set_tags(kArena, make_tags(1)).error(), Errno::kOpNotSupp);
  PageTags tags;
  EXPECT_EQ(p.get_tags(kArena, tags).error(), Errno::kOpNotSupp);
  for (const int flags : {MAP_PRIVATE, MAP_SHARED}) {
    const auto file = p.mmap({.length = 4_KiB, .prot = PROT_READ | kProtMte, .flags = flags, .file = 1});
    EXPECT_EQ(file.error(), Errno::kInval);
  }
  const VirtAddr file = *p.mmap({.length = 4_KiB, .prot = PROT_READ, .flags = MAP_PRIVATE, .file = 1});
  EXPECT_EQ(p.mprotect(file, 4_KiB, PROT_READ | kProtMte).error(), Errno::kInval);
  EXPECT_TRUE(p.mprotect(file, 4_KiB, PROT_READ).has_value());
  map_tagged(p, 64_KiB, kArena + 2_MiB, MAP_SHARED | MAP_ANONYMOUS);
  tag_pages(p, kArena + 2_MiB, 16);
  Process& child = **p.fork();
  EXPECT_EQ(wrong_tags(child, kArena + 2_MiB, 16), 0U) << "shared memory has one set of tags";
  ASSERT_TRUE(child.set_tags(kArena + 2_MiB, make_tags(99)));
  EXPECT_EQ(wrong_tags(p, kArena + 2_MiB, 1, 99), 0U);
  expect_sound(*k);
}

// What instructions would meet: an address that is none of 16 bytes, memory that may not be
// written, memory that is not there. What came before has been done.
TEST(Tags, Errors) {
  const auto k = boot_with_tags("64K");
  Process& p = k->spawn();
  map_tagged(p, 8_KiB);
  EXPECT_EQ(p.set_tags(kArena + ByteCount(8), make_tags(1)).error(), Errno::kInval);
  std::vector<MemoryTag> many(3 * kTagsPerPage, MemoryTag(7));
  EXPECT_EQ(p.set_tags(kArena, many).error(), Errno::kFault);
  many.resize(2 * kTagsPerPage);
  std::vector<MemoryTag> found(many.size());
  ASSERT_TRUE(p.get_tags(kArena, found));
  EXPECT_EQ(found, many);
  ASSERT_TRUE(p.mprotect(kArena, 8_KiB, PROT_READ));
  EXPECT_EQ(p.set_tags(kArena, many).error(), Errno::kFault);
  ASSERT_TRUE(p.get_tags(kArena, found)) << "mprotect does not take tags away";
  EXPECT_EQ(found, many);
}

// A range from the middle of one page into the next.
TEST(Tags, RangesCrossPages) {
  const auto k = boot_with_tags("4K");
  Process& p = k->spawn();
  map_tagged(p, 8_KiB);
  const std::vector<MemoryTag> some(10, MemoryTag(11));
  const VirtAddr at = kArena + PageCount(1) - ByteCount(5 * 16);
  ASSERT_TRUE(p.set_tags(at, some));
  std::vector<MemoryTag> found(12);
  ASSERT_TRUE(p.get_tags(at - kTagGranule, found));
  EXPECT_EQ(found.front(), MemoryTag(0));
  EXPECT_EQ(found.back(), MemoryTag(0));
  EXPECT_EQ(std::vector(found.begin() + 1, found.end() - 1), some);
}

// Fresh memory has the tags 0, whoever had its frames before; so has the zero page.
TEST(Tags, FreshMemoryHasTheTag0) {
  const auto k = boot_with_tags("64K", 8_MiB);
  Process& p = k->spawn();
  for (int i = 0; i < 8; ++i) {
    map_tagged(p, 2_MiB);
    EXPECT_TRUE(has_no_tags(p, kArena, 512)) << i;
    tag_pages(p, kArena, 512, static_cast<std::uint64_t>(1 + i));
    ASSERT_TRUE(p.munmap(kArena, 2_MiB));
  }
  expect_sound(*k);
}

// mprotect with PROT_MTE on memory that is there already: its pages have tags from then on, 0, and
// large folios stay large.
TEST(Tags, MprotectGivesTagsToWhatIsThere) {
  for (const char* policy : {"64K", "2M"}) {
    const auto k = boot_with_tags(policy);
    Process& p = k->spawn();
    map(p, 2_MiB);
    fill(p, kArena, 2_MiB);
    const std::string before = picture(p, kArena, 512);
    ASSERT_TRUE(p.mprotect(kArena, 2_MiB, PROT_READ | PROT_WRITE | kProtMte));
    EXPECT_EQ(picture(p, kArena, 512), before);
    EXPECT_TRUE(has_no_tags(p, kArena, 512));
    tag_pages(p, kArena, 512);
    ASSERT_TRUE(p.mprotect(kArena, 2_MiB, PROT_READ));
    EXPECT_EQ(wrong_tags(p, kArena, 512), 0U);
    EXPECT_TRUE(filled(p, kArena, 2_MiB));
    expect_sound(*k);
  }
}

// --- Tags go where the bytes go ---

// After fork one page has one set of tags; who writes, a byte or a tag, gets a copy of both.
TEST(Tags, CopyOnWriteCopiesThem) {
  for (const char* policy :
       {"64K", "2M", "pmd-cow thp_anon=2M:always thp_cow=always", "cow-large thp_anon=16K-2M:always"}) {
    const auto k = boot_with_tags(policy);
    Process& p = k->spawn();
    map_tagged(p, 2_MiB);
    tag_pages(p, kArena, 512);
    Process& child = **p.fork();
    const std::byte b{9};
    ASSERT_TRUE(child.store(page(3), {&b, 1}));
    ASSERT_TRUE(child.set_tags(page(7), make_tags(1000)));
    EXPECT_EQ(wrong_tags(p, kArena, 512), 0U) << policy;
    EXPECT_EQ(wrong_tags(child, kArena, 7), 0U) << policy;
    EXPECT_EQ(wrong_tags(child, page(7), 1, 1000), 0U) << policy;
    EXPECT_EQ(wrong_tags(child, page(8), 504, 9), 0U) << policy;
    expect_sound(*k);
  }
}

// Of a pinned page the child gets a copy at once.
TEST(Tags, ForkCopiesPinnedPages) {
  const auto k = boot_with_tags("64K");
  Process& p = k->spawn();
  map_tagged(p, 64_KiB);
  tag_pages(p, kArena, 16);
  ASSERT_TRUE(p.pin(page(4), 4_KiB));
  Process& child = **p.fork();
  ASSERT_TRUE(p.set_tags(page(4), make_tags(50)));
  EXPECT_EQ(wrong_tags(child, kArena, 16), 0U);
  expect_sound(*k);
}

// Collapse moves pages into a new folio: with their tags, and the tag 0 where nothing was.
TEST(Tags, CollapseBringsThem) {
  const auto k = boot_with_tags("never");
  Process& p = k->spawn();
  map_tagged(p, 2_MiB);
  tag_pages(p, kArena, 200);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, kCollapse));
  EXPECT_EQ(picture(p, kArena, 512), times(512, 'P'));
  EXPECT_EQ(wrong_tags(p, kArena, 200), 0U);
  EXPECT_TRUE(has_no_tags(p, page(200), 312));
  expect_sound(*k);
}

// A folio that is split, moved, moved in part.
TEST(Tags, SplitAndMremapKeepThem) {
  const auto k = boot_with_tags("2M");
  Process& p = k->spawn();
  map_tagged(p, 2_MiB);
  tag_pages(p, kArena, 512);
  ASSERT_TRUE(k->debugfs_write("split_huge_pages", "1"));
  EXPECT_EQ(wrong_tags(p, kArena, 512), 0U);
  const VirtAddr to = kArena + 16_MiB;
  ASSERT_TRUE(p.mremap(page(100), pages(50), pages(50), MREMAP_MAYMOVE | MREMAP_FIXED, to));
  EXPECT_EQ(wrong_tags(p, to, 50, 101), 0U);
  ASSERT_TRUE(p.set_tags(to, make_tags(7)));
  EXPECT_EQ(wrong_tags(p, kArena, 100), 0U);
  expect_sound(*k);
}

// What is given back has none afterwards.
TEST(Tags, DontneedDropsThem) {
  const auto k = boot_with_tags("64K");
  add_swap(*k);
  Process& p = k->spawn();
  map_tagged(p, 128_KiB);
  tag_pages(p, kArena, 32);
  ASSERT_TRUE(p.madvise(page(16), 64_KiB, kPageOut));
  EXPECT_EQ(k->tags_saved(), PageCount(16));
  ASSERT_TRUE(p.madvise(kArena, 128_KiB, MADV_DONTNEED));
  EXPECT_EQ(k->tags_saved(), PageCount());
  EXPECT_TRUE(has_no_tags(p, kArena, 32));
  tag_pages(p, kArena, 16);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, MADV_FREE));
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  EXPECT_TRUE(has_no_tags(p, kArena, 16));
  expect_sound(*k);
}

// A page of zeroes may have tags of its own: the zero page never stands for one.
TEST(Tags, ZeroFilledPagesStayTheirOwn) {
  const auto without = boot("2M");
  map(without->spawn(), 2_MiB);
  ASSERT_EQ(without->find(1)->touch(kArena, AccessKind::kWrite), FaultResult::kMinor);
  ASSERT_TRUE(without->sysfs_write("khugepaged/max_ptes_none", "0"));
  ASSERT_EQ(without->shrink_deferred_splits(100), 1U);

  const auto k = boot_with_tags("2M");
  Process& p = k->spawn();
  map_tagged(p, 2_MiB);
  tag_pages(p, kArena, 512);
  ASSERT_TRUE(k->sysfs_write("khugepaged/max_ptes_none", "0"));
  EXPECT_EQ(k->shrink_deferred_splits(100), 0U);
  ASSERT_TRUE(k->debugfs_write("split_huge_pages", "1"));
  EXPECT_EQ(picture(p, kArena, 512), times(512, '0'));
  EXPECT_EQ(wrong_tags(p, kArena, 512), 0U);
}

// --- Over swap ---

struct Way {
  const char* name;
  const char* policy;
  swap::Traits traits;
};

// A program with 2 MiB of bytes and tags, all different.
Process& spawn_tagged(Kernel& k) {
  Process& p = k.spawn();
  map_tagged(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  tag_pages(p, kArena, 512);
  return p;
}

class TagsOverSwap : public ::testing::TestWithParam<Way> {};

// A folio goes with its tags and comes back with them, whole or page by page, however it is read; also
// one of zeroes, which no device sees.
TEST_P(TagsOverSwap, ComeBack) {
  for (const bool zeroes : {false, true}) {
    const auto k = boot_with_tags(GetParam().policy);
    add_swap(*k, GetParam().traits);
    Process& p = k->spawn();
    map_tagged(p, 4_MiB);
    tag_pages(p, kArena, 1024);
    if (!zeroes) fill(p, kArena, 4_MiB);
    ASSERT_TRUE(p.madvise(kArena, 4_MiB, kPageOut));
    EXPECT_EQ(p.layout_runs({kArena, kArena + 4_MiB})[0].first.state, PageInfo::State::kSwapped);
    EXPECT_EQ(k->tags_saved(), PageCount(1024));
    expect_sound(*k);
    EXPECT_EQ(wrong_tags(p, kArena, 1024), 0U);
    if (!zeroes) {
      EXPECT_TRUE(filled(p, kArena, 4_MiB));
    }
    expect_sound(*k);
    // Changed, and out again.
    tag_pages(p, page(5), 100, 2000);
    ASSERT_TRUE(p.madvise(kArena, 4_MiB, kPageOut));
    EXPECT_EQ(wrong_tags(p, page(5), 100, 2000), 0U);
    EXPECT_EQ(wrong_tags(p, page(105), 900, 106), 0U);
    expect_sound(*k);
    p.exit();
    EXPECT_EQ(k->tags_saved(), PageCount());
    EXPECT_EQ(k->swap_used(), PageCount());
    expect_sound(*k);
  }
}

// A parent and its child have the entries: each gets the tags, and changes only its own.
TEST_P(TagsOverSwap, AreEverybodysAfterFork) {
  const auto k = boot_with_tags(GetParam().policy);
  add_swap(*k, GetParam().traits);
  Process& p = spawn_tagged(*k);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
  Process& child = **p.fork();
  tag_pages(child, kArena, 20, 3000);
  EXPECT_EQ(wrong_tags(p, kArena, 512), 0U);
  EXPECT_EQ(wrong_tags(child, kArena, 20, 3000), 0U);
  EXPECT_EQ(wrong_tags(child, page(20), 492, 21), 0U);
  expect_sound(*k);
}

// swapoff brings everything back with its tags.
TEST_P(TagsOverSwap, ComeBackBySwapoff) {
  const auto k = boot_with_tags(GetParam().policy);
  add_swap(*k, GetParam().traits);
  Process& p = spawn_tagged(*k);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
  Process& child = **p.fork();
  ASSERT_TRUE(p.mprotect(page(100), pages(10), PROT_NONE));
  ASSERT_TRUE(k->swapoff(0));
  EXPECT_EQ(k->tags_saved(), PageCount());
  ASSERT_TRUE(p.mprotect(page(100), pages(10), PROT_READ));
  EXPECT_EQ(wrong_tags(p, kArena, 512), 0U);
  EXPECT_EQ(wrong_tags(child, kArena, 512), 0U);
  expect_sound(*k);
}

// What was read into the cache before anybody asked for it gets its tags when it is found there.
TEST_P(TagsOverSwap, AreGivenToWhatIsFoundInTheCache) {
  const auto k = boot_with_tags(GetParam().policy);
  add_swap(*k, GetParam().traits);
  Process& p = spawn_tagged(*k);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, MADV_WILLNEED));
  const auto major = p.major_faults();
  EXPECT_EQ(wrong_tags(p, kArena, 2), 0U);
  EXPECT_EQ(p.major_faults(), major);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
  EXPECT_EQ(wrong_tags(p, kArena, 512), 0U);
  expect_sound(*k);
}

// Whichever frame for tags it does not get, a folio stays in memory with all its bytes and tags and
// nothing of it is saved or written; the next attempt takes it.
TEST_P(TagsOverSwap, AFolioWithoutRoomForItsTagsStays) {
  unsigned failures = 0;
  for (unsigned fail_at = 1;; ++fail_at) {
    const auto k = boot_with_tags(GetParam().policy);
    swap::testing::MapDevice* const device = add_swap(*k, GetParam().traits);
    Process& p = spawn_tagged(*k);
    struct Failing {
      unsigned at, asked = 0;
    } failing{fail_at};
    k->set_allocation_failure(
        [](void* f, Order) {
          auto& one = *static_cast<Failing*>(f);
          return ++one.asked == one.at;
        },
        &failing);
    ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
    k->set_allocation_failure(nullptr, nullptr);
    expect_sound(*k);
    EXPECT_EQ(PageCount(device->held.size()), k->tags_saved()) << "written with tags, or neither";
    const bool all_out = k->tags_saved() == PageCount(512);
    failures += all_out ? 0 : 1;
    EXPECT_EQ(wrong_tags(p, kArena, 512), 0U);
    EXPECT_TRUE(filled(p, kArena, 2_MiB));
    ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
    EXPECT_EQ(wrong_tags(p, kArena, 512), 0U);
    EXPECT_TRUE(filled(p, kArena, 2_MiB));
    expect_sound(*k);
    if (all_out) break;
  }
  EXPECT_GE(failures, 16U) << "the tags of 2 MiB take 16 frames";
}

// A write that fails leaves the folio with its tags; so does one that reaches the device later.
TEST_P(TagsOverSwap, SurviveADeviceThatFails) {
  const auto k = boot_with_tags(GetParam().policy);
  swap::testing::MapDevice* const device = add_swap(*k, GetParam().traits);
  Process& p = spawn_tagged(*k);
  device->fails_to_write = true;
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
  expect_sound(*k);
  device->fails_to_write = false;
  tag_pages(p, page(3), 2, 700);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
  EXPECT_EQ(wrong_tags(p, page(3), 2, 700), 0U);
  EXPECT_EQ(wrong_tags(p, page(5), 507, 6), 0U);
  expect_sound(*k);
}

// The comparison of these tests is worth something: tags that are lost, of a single page, are missed,
// and only its.
TEST_P(TagsOverSwap, OnePageThatLosesThemIsFound) {
  for (const std::uint64_t lost : {0U, 1U, 77U, 511U}) {
    const auto k = boot_with_tags(GetParam().policy);
    add_swap(*k, GetParam().traits);
    Process& p = spawn_tagged(*k);
    struct Losing {
      std::uint64_t which, asked = 0;
    } losing{lost};
    k->set_tag_loss(
        [](void* l, SwapEntry) {
          auto& one = *static_cast<Losing*>(l);
          return one.asked++ == one.which;
        },
        &losing);
    ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
    k->set_tag_loss(nullptr, nullptr);
    EXPECT_EQ(k->tags_saved(), PageCount(511));
    EXPECT_EQ(wrong_tags(p, kArena, 512), 1U);
    EXPECT_TRUE(filled(p, kArena, 2_MiB));
    expect_sound(*k);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ways, TagsOverSwap,
    ::testing::Values(Way{"Small", "4K", kSynchronous}, Way{"SmallReadAhead", "4K", kAsynchronous},
                      Way{"Large", "64K", kSynchronous}, Way{"LargeReadAhead", "64K", kAsynchronous},
                      Way{"Huge", "2M", kSynchronous},
                      Way{"Shared", "swap-in-shared thp_anon=16K-1M:always", kAsynchronous},
                      Way{"PmdEntries", "pmd-swap thp_anon=2M:always", kSynchronous},
                      Way{"AnySlots", "swap-slots-any thp_anon=16K-2M:always", kSynchronous}),
    [](const auto& way) { return way.param.name; });

// Memory without tags has none saved, also beside memory that has; and a mapping that gets them
// while its pages are out has the tag 0 in all of them.
TEST(TagsOverSwapOfSome, OnlyTaggedPagesAreSaved) {
  const auto k = boot_with_tags("64K");
  add_swap(*k);
  Process& p = k->spawn();
  map(p, 64_KiB);
  map_tagged(p, 64_KiB, page(16));
  fill(p, kArena, 128_KiB);
  tag_pages(p, page(16), 16);
  ASSERT_TRUE(p.madvise(kArena, 128_KiB, kPageOut));
  EXPECT_EQ(k->vmstat("pswpout"), 32U);
  EXPECT_EQ(k->tags_saved(), PageCount(16));
  ASSERT_TRUE(p.mprotect(kArena, 64_KiB, PROT_READ | PROT_WRITE | kProtMte));
  EXPECT_TRUE(has_no_tags(p, kArena, 16));
  EXPECT_EQ(wrong_tags(p, page(16), 16), 0U);
  EXPECT_TRUE(filled(p, kArena, 128_KiB));
  expect_sound(*k);
}

// Tags are kept in RAM: a machine without contents, and zram, which keeps pages there too.
TEST(TagsOverSwapOfSome, ZramAndMachinesWithoutContents) {
  for (const Contents contents : {Contents::kKept, Contents::kNone}) {
    const auto k = boot_with_tags("64K", 64_MiB, contents);
    ASSERT_TRUE(k->swapon({.kind = SwapDevice::Kind::kZram, .size = 32_MiB}));
    Process& p = k->spawn();
    map_tagged(p, 8_MiB);
    tag_pages(p, kArena, 2048);
    if (contents == Contents::kKept) fill(p, kArena, 8_MiB);
    ASSERT_TRUE(p.madvise(kArena, 8_MiB, kPageOut));
    EXPECT_EQ(k->tags_saved(), PageCount(2048));
    expect_sound(*k);
    EXPECT_EQ(wrong_tags(p, kArena, 2048), 0U);
    EXPECT_EQ(k->tags_saved(), PageCount());
    expect_sound(*k);
  }
}

}  // namespace
}  // namespace quire
