// Policies under which a write to what Linux 6.18 would copy page by page gets
// a large folio: zero pages, shared large folios, shared 2 MiB mappings.
#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

void write(Process& p, std::uint64_t n) {
  EXPECT_EQ(p.touch(page(n), AccessKind::kWrite), FaultResult::kMinor);
}
void read(Process& p, std::uint64_t n) {
  EXPECT_EQ(p.touch(page(n), AccessKind::kRead), FaultResult::kMinor);
}

// Three designs of zero pages, the same three accesses: read page 3, write
// page 7, write page 3. Mainline's zero page keeps the block small for good;
// sixteen zero entries, or a write that expands, make it large. (system 24)
TEST(ZeroPages, ThreeDesigns) {
  struct Design {
    const char* policy;
    std::string after_read, after_near_write, after_write;
  };
  const Design designs[] = {
      {"linux-6.18 hugepages-64kB/enabled=always", "...z" + times(12, '.'), "...z...0" + times(8, '.'),
       "...0...0" + times(8, '.')},
      {"zero-64k hugepages-64kB/enabled=always", times(16, 'z'), times(16, '4'), times(16, '4')},
      {"zero-expand hugepages-64kB/enabled=always", "...z" + times(12, '.'), "...z...0" + times(8, '.'),
       "...0...0" + times(8, '.')},
  };
  for (const Design& design : designs) {
    const auto k = boot(design.policy);
    Process& p = k->spawn();
    map(p, pages(16));
    read(p, 3);
    EXPECT_EQ(picture(p, kArena, 16), design.after_read) << design.policy;
    p.touch(page(7), AccessKind::kWrite);
    EXPECT_EQ(picture(p, kArena, 16), design.after_near_write) << design.policy;
    p.touch(page(3), AccessKind::kWrite);
    EXPECT_EQ(picture(p, kArena, 16), design.after_write) << design.policy;
    expect_sound(*k);
  }
}

// The write to the zero page itself is what expands; pages nobody read are
// taken in, and one that was written stands in the way.
TEST(ZeroPages, ExpandAroundTheWrite) {
  const auto k = boot("zero-expand thp_anon=16K,64K:always");
  Process& p = k->spawn();
  map(p, pages(32));
  read(p, 3);
  read(p, 9);
  write(p, 9);
  EXPECT_EQ(picture(p, kArena, 16), times(16, '4'));
  std::byte b{1};
  ASSERT_TRUE(p.load(page(3), {&b, 1}).has_value());
  EXPECT_EQ(b, std::byte{0});
  read(p, 17);
  read(p, 21);
  write(p, 30);  // 16 KiB: the 64 KiB block is not empty
  write(p, 17);  // 16 KiB round it: nothing else stands there
  EXPECT_EQ(picture(p, page(16), 16), "2222.z......2222");
  EXPECT_EQ(k->vmstat("quire_zero_expands"), 2U);
  expect_sound(*k);
}

// Reading all of a block maps it once; the zero folio is shared, counts for
// nobody and is not freed by anybody.
TEST(ZeroPages, ZeroFolioIsSharedAndFree) {
  const auto k = boot("zero-64k thp_anon=64K:always");
  const PageCount before = k->free_pages();
  Process& p = k->spawn();
  map(p, pages(40));  // the last block does not fit
  const PageCount resident = p.resident();
  for (const unsigned at : {0U, 16U, 32U}) read(p, at);
  EXPECT_EQ(picture(p, kArena, 40), times(33, 'z') + times(7, '.'));
  EXPECT_EQ(p.resident(), resident);
  EXPECT_EQ(k->vmstat("quire_zero_folios"), 2U);
  Process& child = **p.fork();
  write(child, 1);
  ASSERT_TRUE(p.munmap(page(4), pages(3)).has_value());
  expect_sound(*k);
  child.exit();
  p.exit();
  EXPECT_EQ(k->free_pages(), before);
}

// A write to a shared folio of 64 KiB copies all of it: the child's other
// pages stay together, the parent's folio stays whole and becomes its own
// again. (system 25)
TEST(CopyOnWrite, LargeFoliosCopyWhole) {
  const auto k = boot("cow-large thp_anon=64K:always");
  Process& p = k->spawn();
  map(p, pages(16));
  fill(p, kArena, pages(16));
  Process& child = **p.fork();
  write(child, 5);
  EXPECT_EQ(picture(child, kArena, 16), times(16, '4'));
  EXPECT_EQ(k->vmstat("thp_cow"), 1U);
  EXPECT_EQ(k->vmstat("quire_cow_pages"), 16U);
  for (const PageInfo& info : child.layout({kArena, page(16)}))
    EXPECT_TRUE(info.writable && info.exclusive && info.mapcount == 1);
  EXPECT_EQ(stat(*k, "64/split_deferred"), 0U);
  EXPECT_EQ(stat(*k, "64/nr_anon"), 2U);
  EXPECT_TRUE(filled(child, page(6), pages(10)));
  write(p, 0);
  EXPECT_EQ(picture(p, kArena, 16), times(16, '4'));
  EXPECT_EQ(k->vmstat("thp_cow"), 1U);  // the parent was alone again
  EXPECT_TRUE(filled(p, page(1), pages(15)));
  expect_sound(*k);
}

// What is left of the folio decides: a hole makes the copy smaller, and a
// page that is the program's own already is never moved.
TEST(CopyOnWrite, LargestBlockThatIsAllShared) {
  const auto k = boot("cow-large thp_anon=16K-64K:always");
  Process& p = k->spawn();
  map(p, pages(16));
  fill(p, kArena, pages(16));
  Process& child = **p.fork();
  ASSERT_TRUE(child.munmap(page(2), pages(1)).has_value());
  write(child, 9);
  write(child, 0);
  write(child, 5);
  EXPECT_EQ(picture(child, kArena, 16), "04.4222233333333");
  expect_sound(*k);
}

// Without a free block of the size the next smaller one is tried, then 4 KiB,
// as everywhere.
TEST(CopyOnWrite, FallsBackToSmallerSizes) {
  const auto k = boot("cow-large thp_anon=16K,64K:always");
  Process& p = k->spawn();
  map(p, pages(32));
  fill(p, kArena, pages(32));
  Process& child = **p.fork();
  k->set_allocation_failure([](void*, Order order) { return order == Order(4); }, nullptr);
  write(child, 0);
  EXPECT_EQ(picture(child, kArena, 16), "2222" + times(12, '4'));
  k->set_allocation_failure([](void*, Order order) { return order != kOrder0; }, nullptr);
  write(child, 20);
  EXPECT_EQ(picture(child, page(16), 16), "44440" + times(11, '4'));
  EXPECT_EQ(k->vmstat("quire_cow_fallback"), 3U);
  EXPECT_TRUE(filled(p, kArena, pages(32)));
  expect_sound(*k);
}

// The same write to a shared 2 MiB under four policies: split and 4 KiB, or
// all of it. (systems 83, 84)
TEST(PmdCopy, ByPolicySwitchAndAdvice) {
  struct Row {
    const char* policy;
    int advice;
    bool copies;
  };
  for (const Row& row : {Row{"linux-6.18", 0, false}, Row{"pmd-cow", 0, false},
                         Row{"pmd-cow", kMadvThpCow, true}, Row{"pmd-cow thp_cow=never", kMadvThpCow, false},
                         Row{"pmd-cow thp_cow=always", 0, true}, Row{"thp-2011", 0, true}}) {
    const auto k = boot(row.policy);
    Process& p = k->spawn();
    map(p, 2_MiB);
    ASSERT_TRUE(p.madvise(kArena, 2_MiB, MADV_HUGEPAGE).has_value());
    if (row.advice != 0) {
      ASSERT_TRUE(p.madvise(kArena, 2_MiB, row.advice).has_value());
    }
    fill(p, kArena, 2_MiB);
    Process& child = **p.fork();
    write(child, 100);
    EXPECT_EQ(picture(child, kArena, 512),
              row.copies ? times(512, 'P') : times(100, '9') + "0" + times(411, '9'))
        << row.policy;
    EXPECT_EQ(k->vmstat("quire_cow_pmds"), row.copies ? 1U : 0U) << row.policy;
    EXPECT_EQ(k->vmstat("thp_split_pmd"), row.copies ? 0U : 1U) << row.policy;
    EXPECT_TRUE(filled(child, page(101), pages(411)) && filled(p, kArena, 2_MiB)) << row.policy;
    EXPECT_EQ(picture(p, kArena, 512), times(512, 'P')) << row.policy;
    expect_sound(*k);
  }
}

// Advice is for the policy that knows it, and can be taken back.
TEST(PmdCopy, AdviceIsOfThePolicy) {
  const auto k = boot("linux-6.18");
  Process& p = k->spawn();
  map(p, 2_MiB);
  EXPECT_EQ(p.madvise(kArena, 2_MiB, kMadvThpCow).error(), Errno::kInval);
  const auto cow = boot("pmd-cow");
  Process& q = cow->spawn();
  map(q, 2_MiB);
  for (const int advice : {MADV_HUGEPAGE, kMadvThpCow, kMadvNoThpCow})
    ASSERT_TRUE(q.madvise(kArena, 2_MiB, advice).has_value());
  fill(q, kArena, 2_MiB);
  write(**q.fork(), 0);
  EXPECT_EQ(cow->vmstat("quire_cow_pmds"), 0U);
}

// There is no guarantee: without a free block the entry is split after all.
TEST(PmdCopy, FallsBackToASplit) {
  const auto k = boot("pmd-cow thp_cow=always transparent_hugepage=always");
  Process& p = k->spawn();
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  Process& child = **p.fork();
  k->set_allocation_failure([](void*, Order order) { return order == kOrderPmd; }, nullptr);
  write(child, 0);
  EXPECT_EQ(picture(child, kArena, 512), "0" + times(511, '9'));
  EXPECT_EQ(k->vmstat("quire_cow_pmd_fallback"), 1U);
  EXPECT_TRUE(filled(child, page(1), pages(511)));
  expect_sound(*k);
}

// A read pin makes the page its own at every size, and never writable: the
// write that follows faults once more and copies nothing.
TEST(Unshare, NeverMakesWritable) {
  for (const char* policy : {"4K", "64K", "2M", "cow-large thp_anon=64K:always",
                             "pmd-cow thp_cow=always transparent_hugepage=always"}) {
    const auto k = boot(policy);
    Process& p = k->spawn();
    map(p, 2_MiB);
    fill(p, kArena, 2_MiB);
    Process& child = **p.fork();
    EXPECT_EQ(child.unshare(page(3)), FaultResult::kMinor) << policy;
    const PageInfo info = child.layout({page(3), page(4)}).front();
    EXPECT_TRUE(info.exclusive && !info.writable) << policy;
    EXPECT_EQ(child.unshare(page(3)), FaultResult::kHit) << policy;
    const auto copied = k->vmstat("quire_cow_pages");
    write(child, 3);
    EXPECT_EQ(k->vmstat("quire_cow_pages"), copied) << policy;
    EXPECT_EQ(k->vmstat("quire_unshares"), 1U) << policy;
    EXPECT_EQ(child.layout({page(3), page(4)}).front().pfn, info.pfn) << policy;
    EXPECT_TRUE(filled(p, kArena, 2_MiB) && filled(child, kArena, pages(3))) << policy;
    expect_sound(*k);
  }
}

// Alone again, the page is taken over in place; zero pages are left alone.
TEST(Unshare, InPlaceWhenAlone) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, pages(32));
  fill(p, kArena, pages(16));
  (*p.fork())->exit();
  EXPECT_EQ(p.unshare(page(1)), FaultResult::kMinor);
  EXPECT_EQ(k->vmstat("quire_cow_pages"), 0U);
  EXPECT_EQ(p.unshare(page(20)), FaultResult::kHit);
  EXPECT_EQ(picture(p, page(20), 1), "z");
  expect_sound(*k);
}

}  // namespace
}  // namespace quire
