#include "live/folio_map.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/testing_sanitized.h"
#include "live/host.h"

namespace quire::live {
namespace {

constexpr int kMadvCollapse = 25;  // Debian 12's headers do not know it yet
constexpr PageCount kHuge = kOrderPmd.pages();

// 8 MiB of address space with a hole before and behind, so that it is a mapping of
// its own, and one 2 MiB folio that was made by a collapse.
class Arena {
 public:
  Arena() {
    void* at = ::mmap(nullptr, 10 * kPmdSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const VirtAddr begin(reinterpret_cast<std::uint64_t>(at));
    whole_ = {begin, begin + ByteCount(10 * kPmdSize)};
    block_ = {(begin + ByteCount(kPmdSize)).align_up(kOrderPmd), {}};
    block_.end = block_.begin + kOrderPmd.bytes();
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { ::munmap(pointer(whole_.begin), whole_.size().raw()); }

  [[nodiscard]] static void* pointer(VirtAddr at) { return reinterpret_cast<void*>(at.raw()); }
  [[nodiscard]] VirtRange block() const { return block_; }
  // Far enough behind the block that nothing merges.
  [[nodiscard]] VirtAddr elsewhere() const { return block_.end + ByteCount(2 * kPmdSize); }

  void write_block() const {
    ASSERT_EQ(::mprotect(pointer(block_.begin), kPmdSize, PROT_READ | PROT_WRITE), 0);
    std::memset(pointer(block_.begin), 1, kPmdSize);
  }
  // Zero, or why not.
  [[nodiscard]] int collapse() const {
    return ::madvise(pointer(block_.begin), kPmdSize, kMadvCollapse) == 0 ? 0 : errno;
  }

 private:
  VirtRange whole_, block_;
};

class FolioMap : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto c = probe_page_frames(); !c.available) GTEST_SKIP() << c.reason;
    arena_.write_block();
  }

  // What lies in the mappings of `pid` that overlap the range.
  static FolioCounts counts_of(VirtRange range, pid_t pid = ::getpid(), OrderSet blocks = {}) {
    FolioCounts counts;
    auto mapper = FolioMapper::open({.blocks = blocks});
    EXPECT_TRUE(mapper) << mapper.error().line();
    const auto process = mapper->map(pid);
    EXPECT_TRUE(process && *process);
    if (!process || !*process) return counts;
    for (const MappingFolios& mapping : (*process)->mappings) {
      if (mapping.mapping.range.overlaps(range)) counts += mapping.counts;
    }
    return counts;
  }

  static PageCount stranded_of(pid_t pid) {
    auto reader = LayoutReader::open();
    auto walk = FolioWalk::begin(pid, {.blocks = {}, .stranded = FolioMapOptions::Stranded::kCount});
    EXPECT_TRUE(reader && walk);
    if (!reader || !walk) return {};
    for (auto state = walk->step(*reader); state == FolioWalk::State::kMore; state = walk->step(*reader)) {
    }
    return walk->stranded();
  }

  Arena arena_;
};

#define COLLAPSE_OR_SKIP(arena)                                                    \
  do {                                                                             \
    const int refused = arena.collapse();                                          \
    if (refused != 0) GTEST_SKIP() << "MADV_COLLAPSE: " << std::strerror(refused); \
  } while (false)

// What is looked at twice must be the same: a host that reclaims idle memory on its own (DAMON) would take
// pages between the two looks.
void stay_resident(const Arena& /*arena*/) {
  if (!base::testing::kSanitized) static_cast<void>(::mlockall(MCL_CURRENT));
}

// Without a collapse there are 512 pages, or folios of sizes that this host allows:
// all anonymous, and none missing.
TEST_F(FolioMap, CountsEveryPageOnce) { EXPECT_EQ(counts_of(arena_.block()).anon.total(), kHuge); }

// A collapse makes one folio of them, mapped by one entry.
TEST_F(FolioMap, CollapsedBlockIsPmdMapped) {
  COLLAPSE_OR_SKIP(arena_);
  FolioCounts wanted;
  wanted.anon.pmd = kHuge;
  EXPECT_EQ(counts_of(arena_.block(), ::getpid(), kAnonOrders), wanted);
}

// Half of it unmapped: the rest of the folio is mapped by PTEs, and partial. What is
// left at the end still has its blocks.
TEST_F(FolioMap, HalfUnmappedIsPartial) {
  COLLAPSE_OR_SKIP(arena_);
  ASSERT_EQ(::munmap(Arena::pointer(arena_.block().begin), kPmdSize / 2), 0);
  FolioCounts wanted;
  wanted.anon.partial[kPmdOrder] = PageCount(256);
  wanted.anon.blocks[4] = PageCount(256);
  EXPECT_EQ(counts_of(arena_.block(), ::getpid(), OrderSet::of(Order(4))), wanted);
}

// A hole of one page: two pieces, both partial.
TEST_F(FolioMap, HoleMakesItPartial) {
  COLLAPSE_OR_SKIP(arena_);
  ASSERT_EQ(::madvise(Arena::pointer(arena_.block().begin + PageCount(100)), kPageSize, MADV_DONTNEED), 0);
  EXPECT_EQ(counts_of(arena_.block()).anon.partial[kPmdOrder], PageCount(511));
}

// The pages nobody maps any more are stranded: counted once, however many pieces
// are left. Where another process still maps them they are not.
TEST_F(FolioMap, StrandedPages) {
  COLLAPSE_OR_SKIP(arena_);
  ASSERT_EQ(::madvise(Arena::pointer(arena_.block().begin + PageCount(100)), 7 * kPageSize, MADV_DONTNEED),
            0);
  ASSERT_EQ(::madvise(Arena::pointer(arena_.block().begin + PageCount(300)), kPageSize, MADV_DONTNEED), 0);
  const PageCount before = stranded_of(::getpid());
  EXPECT_GE(before, PageCount(8));
  ASSERT_EQ(::munmap(Arena::pointer(arena_.block().begin), kPmdSize), 0);
  EXPECT_EQ(stranded_of(::getpid()), before - PageCount(8));
}

// Moved to an address that is no multiple of 2 MiB: whole, but unaligned.
TEST_F(FolioMap, MovedFolioIsUnaligned) {
  COLLAPSE_OR_SKIP(arena_);
  const VirtAddr to = arena_.elsewhere() + PageCount(5);
  ASSERT_NE(::mremap(Arena::pointer(arena_.block().begin), kPmdSize, kPmdSize, MREMAP_MAYMOVE | MREMAP_FIXED,
                     Arena::pointer(to)),
            MAP_FAILED);
  FolioCounts wanted;
  wanted.anon.unaligned[kPmdOrder] = kHuge;
  EXPECT_EQ(counts_of({to, to + kHuge}), wanted);
}

// Other rights for the second half: two mappings with half a folio each.
TEST_F(FolioMap, TwoMappingsHaveHalfAFolioEach) {
  COLLAPSE_OR_SKIP(arena_);
  const VirtAddr half = arena_.block().begin + PageCount(256);
  ASSERT_EQ(::mprotect(Arena::pointer(half), kPmdSize / 2, PROT_READ), 0);
  EXPECT_EQ(counts_of({arena_.block().begin, half}).anon.partial[kPmdOrder], PageCount(256));
  EXPECT_EQ(counts_of(arena_.block()).anon.partial[kPmdOrder], kHuge);
}

// Read and never written: the zero page, which is not the program's.
TEST_F(FolioMap, ZeroPages) {
  const VirtAddr at = arena_.elsewhere();
  ASSERT_EQ(::mprotect(Arena::pointer(at), 16 * kPageSize, PROT_READ), 0);
  ASSERT_EQ(::madvise(Arena::pointer(at), 16 * kPageSize, MADV_NOHUGEPAGE), 0);
  for (std::uint64_t i = 0; i < 16; i += 2)
    EXPECT_EQ(*static_cast<volatile char*>(Arena::pointer(at + PageCount(i))), 0);
  const FolioCounts counts = counts_of({at, at + PageCount(16)});
  EXPECT_EQ(counts.zero, PageCount(8));
  EXPECT_EQ(counts.anon.total(), PageCount(0));
}

// Present pages that lie far apart in a large hole are all found.
TEST_F(FolioMap, SparseMapping) {
  constexpr std::uint64_t kSize = 1ULL << 40;
  void* const at =
      ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(at, MAP_FAILED);
  ASSERT_EQ(::madvise(at, kSize, MADV_NOHUGEPAGE), 0);
  for (std::uint64_t i = 0; i < 1000; ++i) static_cast<volatile char*>(at)[i * i * 37 * kPageSize] = 1;
  const VirtAddr begin(reinterpret_cast<std::uint64_t>(at));
  EXPECT_EQ(counts_of({begin, begin + ByteCount(kSize)}).anon.single, PageCount(1000));
  ::munmap(at, kSize);
}

// A child after fork: the same folio, seen through another process.
class Child {
 public:
  explicit Child(void (*before)(const Arena&), const Arena& arena) {
    int ready[2];
    if (::pipe(ready) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      before(arena);
      if (::write(ready[1], "x", 1) == 1) ::alarm(60);
      for (;;) ::pause();
    }
    char byte = 0;
    ok_ = pid_ > 0 && ::read(ready[0], &byte, 1) == 1;
    ::close(ready[0]);
    ::close(ready[1]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    end();
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  }
  // Leaves a zombie.
  void end() const {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  pid_t pid_ = -1;
  bool ok_ = false;
};

// One page written after fork is the child's own; the parent's folio stays huge.
TEST_F(FolioMap, ChildThatWroteAPage) {
  COLLAPSE_OR_SKIP(arena_);
  const Child child(
      [](const Arena& arena) { *static_cast<volatile char*>(Arena::pointer(arena.block().begin)) = 2; },
      arena_);
  ASSERT_TRUE(child.ok());
  const FolioCounts of_child = counts_of(arena_.block(), child.pid());
  EXPECT_EQ(of_child.anon.partial[kPmdOrder], PageCount(511));
  EXPECT_EQ(of_child.anon.single, PageCount(1));
  EXPECT_EQ(counts_of(arena_.block()).anon.pmd, kHuge);
}

// Shared memory is file memory, whatever it is made of.
TEST_F(FolioMap, SharedMemoryIsFile) {
  void* const at = ::mmap(nullptr, 64 * kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(at, MAP_FAILED);
  std::memset(at, 1, 64 * kPageSize);
  const VirtAddr begin(reinterpret_cast<std::uint64_t>(at));
  const FolioCounts counts = counts_of({begin, begin + PageCount(64)});
  EXPECT_EQ(counts.file.total(), PageCount(64));
  EXPECT_EQ(counts.anon.total(), PageCount(0));
  ::munmap(at, 64 * kPageSize);
}

// A walk in steps finds what a map at once finds, and gives each mapping once.
TEST_F(FolioMap, WalkInSteps) {
  const Child child(stay_resident, arena_);
  ASSERT_TRUE(child.ok());
  auto mapper = FolioMapper::open({});
  auto reader = LayoutReader::open();
  auto walk = FolioWalk::begin(child.pid(), {});
  ASSERT_TRUE(mapper && reader && walk);
  const auto at_once = mapper->map(child.pid());
  ASSERT_TRUE(at_once && *at_once);
  std::vector<MappingFolios> found;
  auto state = walk->step(*reader);
  for (; state == FolioWalk::State::kMore; state = walk->step(*reader)) {
    for (MappingFolios& folios : walk->take()) found.push_back(std::move(folios));
  }
  EXPECT_EQ(state, FolioWalk::State::kDone);
  ASSERT_EQ(found.size(), (*at_once)->mappings.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].counts, (*at_once)->mappings[i].counts);
}

// All mappings together are what smaps says of them: a child that waits does not move.
TEST_F(FolioMap, AgreesWithSmaps) {
  const Child child(stay_resident, arena_);
  ASSERT_TRUE(child.ok());
  auto mapper = FolioMapper::open({.blocks = {}, .file = MappingsFile::kSmaps});
  ASSERT_TRUE(mapper) << mapper.error().line();
  const auto process = mapper->map(child.pid());
  ASSERT_TRUE(process && *process);
  ASSERT_FALSE((*process)->mappings.empty());
  for (const MappingFolios& folios : (*process)->mappings) {
    if (folios.mapping.name.starts_with("[v")) continue;  // pages of the kernel, in no account
    std::map<std::string, ByteCount> smaps(folios.mapping.smaps.begin(), folios.mapping.smaps.end());
    const FolioCounts& counts = folios.counts;
    EXPECT_EQ((counts.anon.total() + counts.file.total()).bytes(), smaps["Rss"]) << folios.mapping.name;
    EXPECT_EQ(counts.anon.total().bytes(), smaps["Anonymous"]) << folios.mapping.name;
    EXPECT_EQ(counts.anon.pmd.bytes(), smaps["AnonHugePages"]) << folios.mapping.name;
  }
}

// A process that has ended is none, also before its parent has asked how it ended.
TEST_F(FolioMap, ProcessThatEnded) {
  auto mapper = FolioMapper::open({});
  ASSERT_TRUE(mapper) << mapper.error().line();
  pid_t pid = 0;
  const auto is_none = [&] {
    const auto process = mapper->map(pid);
    EXPECT_TRUE(process) << process.error().line();
    return process && !*process;
  };
  {
    const Child child([](const Arena&) {}, arena_);
    ASSERT_TRUE(child.ok());
    pid = child.pid();
    EXPECT_FALSE(is_none());
    child.end();
    EXPECT_TRUE(is_none());
  }
  EXPECT_TRUE(is_none());
}

// The address space that was open when it went is not taken for an empty one.
TEST_F(FolioMap, AddressSpaceThatIsGone) {
  const Child child([](const Arena&) {}, arena_);
  ASSERT_TRUE(child.ok());
  const auto pagemap = Pagemap::open(child.pid());
  ASSERT_TRUE(pagemap) << pagemap.error().line();
  EXPECT_TRUE(pagemap->alive(arena_.block().begin));
  child.end();
  EXPECT_FALSE(pagemap->alive(arena_.block().begin));
}

}  // namespace
}  // namespace quire::live
