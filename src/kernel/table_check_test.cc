// The page-table checker, on whatever the build: the crash that ended the PMD
// copy patch set of May 2026, and everything else running under it.
#include "base/report.h"
#include "kernel/kernel.h"
#include "kernel/testing_machine.h"
#include "policy/parse.h"
#include "vm/fault.h"
#include "vm/syscalls.h"

namespace quire {
namespace {

using arch::Native;
using namespace testing;

// A program with 2 MiB of its own mapping, an empty PMD entry, and a fresh
// folio that is still nobody's.
struct MapHelper : ::testing::Test {
  MapHelper() {
    kernel->system().check_tables();
    mm = &kernel->create_address_space();
    EXPECT_TRUE(vm::mmap(*mm, {.addr = kArena,
                               .length = 2_MiB,
                               .prot = PROT_READ | PROT_WRITE,
                               .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                               .file = vm::FileRef::none(),
                               .pgoff = 0})
                    .has_value());
    vma = mm->mappings().find(kArena);
    mm->mappings().anon_vma_prepare(*vma);
    pmd = mm->tables().alloc_pmd(kArena);
    head = *mm->folios().allocate(kOrderPmd);
  }
  void add_reverse_map() const {
    mm->folios().add_new_anon_rmap(head, {vma->anon_vma->id().raw(), vma->page_index(kArena)}, mm->id(),
                                   folio::MappedBy::kPmd);
    mm->rss().add_anon(kOrderPmd.pages());
  }
  void set_entry() const {
    mm->tables().set_pmd(*pmd, Native::make_writable(Native::huge_leaf(head, vm::page_prot(*vma))));
  }

  std::unique_ptr<kernel::Kernel> kernel =
      *kernel::Kernel::create({.ram = 64_MiB}, *policy::parse_policy("2M"));
  vm::AddressSpace* mm = nullptr;
  vm::Vma* vma = nullptr;
  arch::Entry* pmd = nullptr;
  Pfn head;
};

// System 86: the helper that maps a fresh 2 MiB folio, called where nothing
// accounts for its frames yet. The kernel died of a null pointer in the
// checker; here the line says what is wrong.
TEST_F(MapHelper, EntryBeforeReverseMapIsCaught) {
  EXPECT_DEATH(
      set_entry(),
      "page-table check: a 2 MiB entry shows frame [0-9]+, which no folio accounts for: it is handed out but "
      "not yet a folio's; the reverse map comes before the entry");
  mm->folios().put(head);
}

// The right order is silent, and the map is counted once.
TEST_F(MapHelper, ReverseMapBeforeEntryIsRight) {
  ASSERT_TRUE(mm->tables().deposit());
  add_reverse_map();
  set_entry();
  EXPECT_EQ(kernel->system().tables.check->maps(head), 1U);
  EXPECT_EQ(kernel->system().tables.check->maps(head + PageCount(511)), 1U);
  base::InvariantReport report;
  kernel->check_invariants(report);
  EXPECT_TRUE(report.ok());
  kernel->destroy(*mm);
  EXPECT_EQ(kernel->system().tables.check->maps(head), 0U);
}

// A folio that was freed while an entry still shows it: the next map of the
// same frame is caught.
TEST_F(MapHelper, WritableMapOfWhatOthersShowIsCaught) {
  ASSERT_TRUE(mm->tables().deposit());
  add_reverse_map();
  set_entry();
  vm::AddressSpace& other = kernel->create_address_space();
  arch::Entry* const theirs = other.tables().alloc_pmd(kArena);
  EXPECT_DEATH(
      other.tables().set_pmd(*theirs, *pmd),
      "page-table check: a 2 MiB entry shows anonymous frame [0-9]+: 2 entries do now, 2 of them writable");
}

// Reading zero pages, of any size, is no use of memory: the waste of large
// folios is what they hold less what was used of it.
TEST(ZeroPages, UseOfThemIsNoUseOfMemory) {
  for (const char* policy : {"4K", "2M", "zero-64k thp_anon=64K:always"}) {
    auto kernel = *kernel::Kernel::create({.ram = 64_MiB}, *policy::parse_policy(policy));
    vm::AddressSpace& mm = kernel->create_address_space();
    ASSERT_TRUE(vm::mmap(mm, {.addr = kArena,
                              .length = 2_MiB,
                              .prot = PROT_READ | PROT_WRITE,
                              .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                              .file = vm::FileRef::none(),
                              .pgoff = 0})
                    .has_value());
    for (const unsigned n : {3U, 9U, 9U})
      EXPECT_NE(vm::access(mm, page(n), AccessKind::kRead), FaultResult::kSegv) << policy;
    EXPECT_EQ(kernel->system().folios.usage().touched, 0U) << policy;
    kernel->destroy(mm);
  }
}

// The call of the crash (MADV_COLLAPSE of 4 MiB that was read, written and
// shared) and every kind of copy, all under the checker.
TEST(TableCheck, CollapseAndCopiesPass) {
  for (const char* policy : {"linux-6.18", "all", "pmd-cow thp_cow=always transparent_hugepage=always",
                             "cow-large thp_anon=16K-2M:always", "oppo-64k", "thp-2011"}) {
    auto made = Kernel::create({.ram = 256_MiB, .table_checks = TableChecks::kOn}, policy);
    ASSERT_TRUE(made.has_value());
    Kernel& k = **made;
    Process& p = k.spawn();
    map(p, 4_MiB);
    ASSERT_TRUE(p.madvise(kArena, 4_MiB, MADV_HUGEPAGE).has_value());
    p.touch(page(7), AccessKind::kRead);
    fill(p, kArena, 3_MiB);
    Process& child = **p.fork();
    child.unshare(page(600));
    fill(child, page(100), pages(50));
    const bool collapses = std::string_view(policy) != "oppo-64k" && std::string_view(policy) != "thp-2011";
    EXPECT_EQ(child.madvise(kArena, 4_MiB, 25).has_value(), collapses) << policy;
    EXPECT_TRUE(p.mprotect(page(3), pages(20), PROT_READ).has_value());
    EXPECT_TRUE(filled(child, kArena, 3_MiB) && filled(p, kArena, 3_MiB)) << policy;
    expect_sound(k);
    child.exit();
    p.exit();
    expect_sound(k);
  }
}

}  // namespace
}  // namespace quire
