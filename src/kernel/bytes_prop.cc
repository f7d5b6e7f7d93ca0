// Programs on Quire against a model that knows nothing of pages' sizes: after
// any history, under any policy, every byte of every program is the one that
// was written there last, every memory tag the one that was set there, and every
// call ends as it should.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>

#include "kernel/testing_flat_model.h"
#include "quire/kernel.h"
#include "swap/testing_device.h"

namespace quire {
namespace {

using testing::FlatFiles;
using testing::FlatMemory;
using testing::FlatPage;
using testing::FlatTags;
using testing::PageBytes;

constexpr VirtAddr kWindow{0x200000000};
constexpr std::uint64_t kPages = 1536;  // three blocks of 2 MiB
constexpr VirtRange kWindowRange{kWindow, kWindow + PageCount(kPages)};
constexpr std::uint32_t kFiles = 2, kFilePages = 64;
constexpr std::size_t kMaxProcesses = 4;

enum class Kind : std::uint8_t {
  kStore,
  kLoad,
  kMmap,
  kMmapFile,
  kMmapAnywhere,
  kMunmap,
  kMprotect,
  kAdvise,
  kResize,
  kMoveFixed,
  kDontUnmap,
  kBrk,
  kLock,
  kUnlock,
  kFork,
  kExec,
  kExit,
  kPolicy,
  kKhugepaged,
  kShrink,
  kSplit,
  kHint,
  kTags,
  kCount,
};
// How often each kind comes, in the order above.
constexpr std::array<unsigned, static_cast<std::size_t>(Kind::kCount)> kWeights{
    30, 10, 10, 3, 2, 5, 7, 28, 3, 6, 3, 3, 2, 2, 6, 1, 4, 3, 4, 2, 4, 5, 12};
constexpr std::array<const char*, static_cast<std::size_t>(Kind::kCount)> kNames{
    "store",   "load",    "mmap",         "mmap_file",        "mmap_anywhere", "munmap", "mprotect",
    "madvise", "mremap",  "mremap_fixed", "mremap_dontunmap", "brk",           "mlock",  "munlock",
    "fork",    "exec",    "exit",         "sysfs_write",      "khugepaged",    "shrink", "split",
    "hint",    "set_tags"};

constexpr std::array<std::uint64_t, 10> kCounts{1, 2, 3, 4, 16, 17, 33, 200, 512, 700};
constexpr std::array<std::uint64_t, 4> kAligns{1, 4, 16, 512};
constexpr std::array<int, 4> kProts{PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE, PROT_READ | PROT_EXEC};
constexpr int kCollapse = 25, kGuardInstall = 102, kGuardRemove = 103;
constexpr std::array<int, 22> kAdvice{MADV_DONTNEED,
                                      MADV_DONTNEED,
                                      MADV_FREE,
                                      MADV_FREE,
                                      MADV_HUGEPAGE,
                                      MADV_HUGEPAGE,
                                      MADV_NOHUGEPAGE,
                                      MADV_DONTFORK,
                                      MADV_DOFORK,
                                      MADV_WIPEONFORK,
                                      MADV_KEEPONFORK,
                                      22,
                                      23,
                                      MADV_COLD,
                                      MADV_PAGEOUT,
                                      MADV_PAGEOUT,
                                      kCollapse,
                                      kCollapse,
                                      kCollapse,
                                      kGuardInstall,
                                      kGuardInstall,
                                      kGuardRemove};
constexpr std::array<const char*, 22> kPolicies{
    "4K",
    "thp_anon=16K,64K:always",
    "thp_anon=64K:always",
    "thp_anon=2M:always",
    "thp_anon=16K-2M:always",
    "thp_anon=16K,64K,2M:madvise",
    "thp-2011 transparent_hugepage=always",
    "laf-v3",
    "laf-v4 transparent_hugepage=always laf_arch_wants_pte_order=5",
    "laf-two-knobs",
    "oppo-64k",
    "size-set thp_anon=16K,64K,2M:madvise",
    "zero-64k thp_anon=16K,64K:always",
    "zero-expand thp_anon=16K-2M:always",
    "cow-large thp_anon=16K-2M:always",
    "pmd-cow thp_anon=64K,2M:always thp_cow=always",
    "collapse-mthp thp_anon=16K-64K,512K,2M:always",
    "khugepaged-directed thp_anon=64K,2M:always",
    "swap-in-single thp_anon=16K-64K,2M:always",
    "swap-in-shared thp_anon=16K-1M:always",
    "pmd-swap thp_anon=64K,2M:always",
    "swap-slots-any thp_anon=16K-2M:always"};
constexpr std::array<const char*, 4> kSizes{"16", "64", "256", "2048"};

struct Operation {
  Kind kind;
  unsigned who, align, count, choice;
  std::uint64_t page, to;

  [[nodiscard]] VirtRange range() const {
    const std::uint64_t first = page % kPages / kAligns[align % 4] * kAligns[align % 4];
    const std::uint64_t n = std::min(kCounts[count % kCounts.size()], kPages - first);
    return {kWindow + PageCount(first), kWindow + PageCount(first + n)};
  }
  [[nodiscard]] VirtAddr target() const {
    return kWindow + PageCount(to % kPages / kAligns[choice % 4] * kAligns[choice % 4]);
  }
};

std::string text(const Operation& op) {
  const VirtRange r = op.range();
  return fmt::format("{}(process {}, page {}+{}, to {}, choice {})",
                     kNames[static_cast<std::size_t>(op.kind)], op.who, pages_between(kWindow, r.begin).raw(),
                     pages_between(r.begin, r.end).raw(), pages_between(kWindow, op.target()).raw(),
                     op.choice);
}
std::ostream& operator<<(std::ostream& out, const Operation& op) { return out << text(op); }

// What has been done, for a failed check that ends the program.
std::string& history() {
  static std::string steps;
  return steps;
}
void print_history(int) {
  const ssize_t ignored = ::write(STDERR_FILENO, history().data(), history().size());
  static_cast<void>(ignored);
  ::_exit(134);
}

Errno code(const Result<void, Errno>& r) { return r ? Errno{} : r.error(); }

void expect_same(const char* what, Errno real, Errno model) {
  if (real == model) return;
  const auto name = [](Errno e) { return e == Errno{} ? "success" : errno_name(e); };
  RC_FAIL(fmt::format("{}: Quire says {}, the model {}", what, name(real), name(model)));
}

// A program on Quire, and what it should see.
struct Pair {
  Process* real;
  FlatMemory model;
  VirtAddr start_brk, brk;
};

// Where PAGEOUT can put memory: nowhere, on devices with room for all of it read at
// once or by way of the cache, on one that is too small.
enum class Swap : std::uint8_t { kNone, kSynchronous, kAsynchronous, kSmall, kZswap, kZswapWhole };

// zswap in front of a device, and either way to load.
std::optional<ZswapSettings> zswap_of(Swap swap) {
  if (swap != Swap::kZswap && swap != Swap::kZswapWhole) return std::nullopt;
  return ZswapSettings{
      .compressor = "lz4",
      .max_pool_percent = 1,
      .load = swap == Swap::kZswap ? ZswapSettings::Load::kSinglePages : ZswapSettings::Load::kWholeFolios};
}

class Machine {
 public:
  Machine(const char* policy, Swap swap, MemoryTags tags)
      : kernel_(*Kernel::create(
            {.ram = 128_MiB, .table_checks = TableChecks::kOn, .tags = tags, .zswap = zswap_of(swap)},
            policy)),
        has_tags_(tags != MemoryTags::kNone) {
    add_swap(swap);
    touch_all_files();
    free_at_start_ = kernel_->free_pages();
    add(kernel_->spawn());
  }

  void apply(const Operation& op);
  void check_sound() const {
    const auto broken = kernel_->check_invariants();
    if (!broken.empty()) RC_FAIL(fmt::format("{}", fmt::join(broken, "\n")));
  }
  void compare();
  void finish();

 private:
  void add_swap(Swap swap) {
    if (swap == Swap::kNone) return;
    // Behind zswap of 6.18 a disk: then what is read goes through the swap cache, and leaves the pool.
    const bool disk = swap == Swap::kAsynchronous || swap == Swap::kZswap;
    const swap::Traits traits{.block_device = true, .synchronous = !disk};
    const PageCount size(swap == Swap::kSmall ? 700 : 16384);
    RC_ASSERT(kernel_->swapon(std::make_unique<swap::testing::MapDevice>(size, traits)).has_value());
  }
  // The page cache keeps pages, so that all of them are there from the start.
  void touch_all_files() {
    Process& p = kernel_->spawn();
    for (std::uint32_t file = 1; file <= kFiles; ++file) {
      const auto at = p.mmap({.length = PageCount(kFilePages).bytes(), .flags = MAP_SHARED, .file = file});
      for (std::uint64_t n = 0; n < kFilePages; ++n) p.touch(*at + PageCount(n), AccessKind::kRead);
    }
    p.exit();
  }
  Pair& add(Process& real) {
    const VirtAddr brk = real.brk(VirtAddr(0));
    return pairs_.emplace_back(Pair{&real, FlatMemory(files_), brk, brk});
  }
  void run(Pair& p, const Operation& op);
  void store(Pair& p, const Operation& op);
  void load(Pair& p, const Operation& op);
  void set_tags(Pair& p, const Operation& op);
  void mmap(Pair& p, const Operation& op);
  void advise(Pair& p, const Operation& op);
  void resize(Pair& p, const Operation& op);
  void move_fixed(Pair& p, const Operation& op);
  void dont_unmap(Pair& p, const Operation& op);
  void brk(Pair& p, const Operation& op);
  void fork(std::size_t parent);
  void exec(Pair& p);
  void exit(std::size_t who);
  void policy(const Operation& op);
  void hint(Pair& p, const Operation& op);
  void split(Pair& p, const Operation& op);
  void collapse(Pair& p, VirtRange r);
  void note_dropped(Pair& p, VirtRange r);
  void compare(Pair& p);
  void compare_page(Pair& p, const PageInfo& info);
  void compare_tags(Pair& p, const FlatPage& page, VirtAddr at);
  void free_anywhere(Pair& p, VirtRange range);
  [[nodiscard]] std::vector<std::byte> fresh_bytes(const Operation& op);

  FlatFiles files_;
  std::unique_ptr<Kernel> kernel_;
  bool has_tags_;
  PageCount free_at_start_;
  std::vector<Pair> pairs_;
  unsigned written_ = 0;
  std::byte guarded_{};
};

std::size_t span_of(const Operation& op) {
  constexpr std::array<std::size_t, 8> kSpans{1, 8, 100, 4096, 5000, 16384, 70000, 300000};
  return kSpans[op.choice % kSpans.size()];
}

// Bytes never written before, now and then zeroes: those may become zero pages.
std::vector<std::byte> Machine::fresh_bytes(const Operation& op) {
  std::vector<std::byte> bytes(span_of(op));
  ++written_;
  if (op.choice % 5 == 4) return bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>((written_ * 37 + i * 11 + i / 4096) & 255);
  return bytes;
}

void Machine::store(Pair& p, const Operation& op) {
  const VirtAddr at = op.range().begin + ByteCount(op.to % kPageSize);
  const auto bytes = fresh_bytes(op);
  expect_same("store", code(p.real->store(at, bytes)), code(p.model.store(at, bytes)));
}

void Machine::load(Pair& p, const Operation& op) {
  const VirtAddr at = op.range().begin + ByteCount(op.to % kPageSize);
  std::vector<std::byte> real(span_of(op)), model(span_of(op));
  expect_same("load", code(p.real->load(at, real)), code(p.model.load(at, model)));
  if (real != model) RC_FAIL("a load gave other bytes");
}

// Tags never set before, up to the end of a page; now and then 0.
void Machine::set_tags(Pair& p, const Operation& op) {
  const VirtAddr page = op.range().begin;
  const std::uint64_t first = op.choice % 3 == 0 ? 0 : op.to % kTagsPerPage;
  std::vector<MemoryTag> tags(std::min<std::uint64_t>(kTagsPerPage - first, 1 + op.choice * 3));
  ++written_;
  for (std::size_t i = 0; i < tags.size() && op.choice % 7 != 6; ++i)
    tags[i] = MemoryTag(static_cast<unsigned>(written_ * 5 + i * 3 + i / 16));
  expect_same("set_tags", code(p.real->set_tags(page + ByteCount(first * kTagGranule.raw()), tags)),
              code(p.model.set_tags(page, first, tags)));
}

void Machine::mmap(Pair& p, const Operation& op) {
  const VirtRange r = op.range();
  Process::MmapArgs args{.addr = r.begin, .length = r.size(), .flags = MAP_PRIVATE | MAP_FIXED};
  FlatPage page{.prot = op.choice % 4 == 3 ? PROT_READ : PROT_READ | PROT_WRITE};
  page.mte = has_tags_ && op.to % 2 == 0;
  args.prot = page.prot | (page.mte ? kProtMte : 0);
  if (op.kind == Kind::kMmapFile) {
    page.shared = op.choice % 2 == 1;
    page.file = args.file = 1 + op.choice / 2 % kFiles;
    page.file_page = op.to % 8;
    args.offset = PageCount(page.file_page).bytes();
    args.length = std::min(args.length, PageCount(kFilePages - 8).bytes());
    if (page.shared) args.flags = MAP_SHARED | MAP_FIXED;
    if (page.mte) return RC_ASSERT(p.real->mmap(args).error() == Errno::kInval);
  } else {
    args.flags |= MAP_ANONYMOUS | (op.choice % 8 == 1 ? MAP_POPULATE : 0);
  }
  VirtRange made{r.begin, r.begin + args.length};
  if (op.kind == Kind::kMmapAnywhere) args.flags &= ~MAP_FIXED;
  if (op.choice % 8 == 6 && op.kind == Kind::kMmap) {
    args.flags = (args.flags & ~MAP_FIXED) | MAP_FIXED_NOREPLACE;
    if (p.model.any_mapped(made)) return RC_ASSERT(p.real->mmap(args).error() == Errno::kExist);
  }
  const auto at = p.real->mmap(args);
  RC_ASSERT(at.has_value());
  if (op.kind == Kind::kMmapAnywhere) {
    made = {*at, *at + args.length};
    free_anywhere(p, made);
  }
  RC_ASSERT(*at == made.begin);
  p.model.map(made, page);
}

// The kernel's choice of an address must be a free one.
void Machine::free_anywhere(Pair& p, VirtRange range) { RC_ASSERT(!p.model.any_mapped(range)); }

void Machine::advise(Pair& p, const Operation& op) {
  const VirtRange r = op.range();
  const int advice = kAdvice[op.choice % kAdvice.size()];
  if (advice == kCollapse) return collapse(p, r);
  expect_same("madvise", code(p.real->madvise(r.begin, r.size(), advice)), code(p.model.advise(r, advice)));
  if (advice == MADV_PAGEOUT) note_dropped(p, r);
  if (advice != MADV_FREE || op.to % 3 != 0) return;
  // Dropping takes both, in this order, with nothing in between.
  expect_same("pageout", code(p.real->madvise(r.begin, r.size(), MADV_PAGEOUT)),
              code(p.model.advise(r, MADV_PAGEOUT)));
  note_dropped(p, r);
}

// What can become huge is not the model's business; no byte may change.
void Machine::collapse(Pair& p, VirtRange r) {
  const Errno said = code(p.real->madvise(r.begin, r.size(), kCollapse));
  if (said == Errno{}) return RC_ASSERT(p.model.all_mapped(r));
  RC_ASSERT(said == Errno::kInval || (said == Errno::kNoMem && !p.model.all_mapped(r)));
}

// Pages that MADV_FREE marked and nobody wrote since may be gone now.
void Machine::note_dropped(Pair& p, VirtRange r) {
  for (const PageInfo& info : p.real->layout(r)) {
    const FlatPage* const page = p.model.find(info.addr);
    if (page == nullptr || !page->own || info.state != PageInfo::State::kNone) continue;
    const bool zero = *page->own == FlatFiles::zero() && FlatMemory::tags(*page) == FlatTags{};
    RC_ASSERT((p.model.drop(info.addr) || zero));
  }
}

// What only some policies take, and read pins: no byte may change, whether they took it or not.
void Machine::hint(Pair& p, const Operation& op) {
  const VirtRange r = op.range();
  switch (op.choice % 4) {
    case 0:
      static_cast<void>(
          p.real->madvise_sizes(r.begin, r.size(), OrderSet(static_cast<unsigned>(op.to)) & kAnonOrders));
      return;
    case 1:
      static_cast<void>(p.real->name_mapping(r.begin, r.size(), op.to % 2 == 0 ? "libc_malloc" : "heap"));
      return;
    case 2:
      static_cast<void>(p.real->madvise(r.begin, r.size(), op.to % 4 == 0 ? kMadvNoThpCow : kMadvThpCow));
      return;
    default:
      break;
  }
  for (VirtAddr at = r.begin; at < r.end; at += PageCount(5)) {
    std::byte byte{};
    const bool readable = p.model.load(at, std::span(&byte, 1)).has_value();
    const FaultResult result = p.real->unshare(at);
    RC_ASSERT(readable == is_served(result));
  }
}

// To any order, all pieces alike or round a page.
void Machine::split(Pair& p, const Operation& op) {
  const VirtRange r = op.range();
  if (op.choice % 16 == 15) return RC_ASSERT(kernel_->debugfs_write("split_huge_pages", "1").has_value());
  const int page = op.choice % 3 == 0 ? static_cast<int>(op.to % 512) : -1;
  const auto words =
      fmt::format("{},{:#x},{:#x},{},{}", p.real->pid(), r.begin.raw(), r.end.raw(), op.choice / 3 % 9, page);
  RC_ASSERT(kernel_->debugfs_write("split_huge_pages", words).has_value());
}

// Grows or shrinks. Where mappings end is not the model's business, so a
// range of several pages may also be refused as crossing one.
void Machine::resize(Pair& p, const Operation& op) {
  const VirtRange r = op.range();
  const PageCount old_pages = pages_between(r.begin, r.end);
  const PageCount new_pages(std::max<std::uint64_t>(1, op.to % (2 * old_pages.raw() + 2)));
  const int flags = op.choice % 2 == 0 ? MREMAP_MAYMOVE : 0;
  const auto at = p.real->mremap(r.begin, r.size(), new_pages.bytes(), flags);
  const FlatPage* const first = p.model.find(r.begin);
  if (first == nullptr) return RC_ASSERT(!at && at.error() == Errno::kFault);
  if (new_pages <= old_pages) {
    RC_ASSERT((at && *at == r.begin));
    return p.model.unmap({r.begin + new_pages, r.end});
  }
  const VirtRange grown{r.end, r.begin + new_pages};
  if (!at && at.error() == Errno::kFault) return RC_ASSERT(old_pages > PageCount(1));
  if (!at) return RC_ASSERT(flags == 0 && at.error() == Errno::kNoMem && p.model.any_mapped(grown));
  RC_ASSERT(p.model.all_mapped(r));
  FlatPage tail = *p.model.find(r.end - PageCount(1));
  tail.empty();
  ++tail.file_page;
  if (*at == r.begin) {
    free_anywhere(p, grown);
  } else {
    free_anywhere(p, {*at, *at + new_pages});
    p.model.move(r, *at, false);
  }
  p.model.map({*at + old_pages, *at + new_pages}, tail);
}

// A move to a place of its own: several mappings may move at once when the
// length stays.
void Machine::move_fixed(Pair& p, const Operation& op) {
  VirtRange r = op.range();
  bool file = false;
  for (VirtAddr at = r.begin; at < r.end; at += PageCount(1))
    if (const FlatPage* page = p.model.find(at)) file = file || page->file != 0;
  if (file) r.end = r.begin + PageCount(1);
  const VirtAddr to = op.target();
  const int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
  const auto at = p.real->mremap(r.begin, r.size(), r.size(), flags, to);
  if (VirtRange{to, to + r.size()}.overlaps(r)) return RC_ASSERT(!at && at.error() == Errno::kInval);
  if (p.model.find(r.begin) == nullptr) return RC_ASSERT(!at && at.error() == Errno::kFault);
  RC_ASSERT((at && *at == to));
  // Holes between mappings stay as they are at the target.
  VirtAddr run = r.begin;
  while (run < r.end) {
    VirtAddr end = run;
    while (end < r.end && p.model.find(end) != nullptr) end += PageCount(1);
    if (end > run) p.model.move({run, end}, to + (run - r.begin), false);
    run = end + PageCount(1);
  }
}

void Machine::dont_unmap(Pair& p, const Operation& op) {
  const VirtRange r = op.range();
  const FlatPage* const first = p.model.find(r.begin);
  if (first == nullptr || first->locked) return;
  const auto at = p.real->mremap(r.begin, r.size(), r.size(), MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
  if (!at) return RC_ASSERT(at.error() == Errno::kFault && r.size() > 4_KiB);
  RC_ASSERT(p.model.all_mapped(r));
  free_anywhere(p, {*at, *at + r.size()});
  p.model.move(r, *at, true);
}

void Machine::brk(Pair& p, const Operation& op) {
  const VirtAddr to = p.start_brk + ByteCount(op.page * 3001 % (3 << 20));
  const VirtAddr now = p.real->brk(to);
  const VirtRange grown{p.brk.align_up(), to.align_up()};
  if (grown.begin < grown.end) {
    RC_ASSERT(now == to);
    p.model.map(grown, FlatPage{.prot = PROT_READ | PROT_WRITE});
  } else {
    RC_ASSERT(now == to);
    p.model.unmap({to.align_up(), p.brk.align_up()});
  }
  p.brk = now;
  if (to > p.start_brk) {
    const VirtAddr at = p.start_brk + ByteCount(op.to * 997 % (to - p.start_brk).raw());
    const auto bytes = fresh_bytes(op);
    expect_same("store to the heap", code(p.real->store(at, bytes)), code(p.model.store(at, bytes)));
  }
}

void Machine::fork(std::size_t parent) {
  if (pairs_.size() == kMaxProcesses) return;
  const auto child = pairs_[parent].real->fork();
  RC_ASSERT(child.has_value());
  Pair copy = pairs_[parent];
  copy.real = *child;
  copy.model = pairs_[parent].model.forked();
  pairs_.push_back(std::move(copy));
}

void Machine::exec(Pair& p) {
  RC_ASSERT(p.real->exec().has_value());
  p.model = FlatMemory(files_);
  p.start_brk = p.brk = p.real->brk(VirtAddr(0));
}

void Machine::exit(std::size_t who) {
  if (pairs_.size() == 1) return;
  pairs_[who].real->exit();
  pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(who));
}

void Machine::policy(const Operation& op) {
  static constexpr std::array<const char*, 4> kWords{"always", "madvise", "never", "inherit"};
  if (op.choice % 8 == 6) {
    const auto most = fmt::format("{}", op.to % 512);
    RC_ASSERT(kernel_->sysfs_write("khugepaged/max_ptes_none", most).has_value());
    return;
  }
  if (op.choice % 8 == 7) {
    RC_ASSERT(kernel_->sysfs_write("use_zero_page", op.to % 2 == 0 ? "0" : "1").has_value());
    return;
  }
  const auto file = fmt::format("hugepages-{}kB/enabled", kSizes[op.choice % 4]);
  RC_ASSERT(kernel_->sysfs_write(file, kWords[op.to % 4]).has_value());
}

void Machine::apply(const Operation& op) {
  const std::size_t who = op.who % pairs_.size();
  switch (op.kind) {
    case Kind::kFork:
      return fork(who);
    case Kind::kExit:
      return exit(who);
    case Kind::kPolicy:
      return policy(op);
    case Kind::kKhugepaged:
      kernel_->khugepaged(1 + op.choice % 3);
      return;
    case Kind::kShrink:
      kernel_->shrink_deferred_splits(op.to % 20);
      return;
    default:
      return run(pairs_[who], op);
  }
}

void Machine::run(Pair& p, const Operation& op) {
  const VirtRange r = op.range();
  const int prot = kProts[op.choice % 4] | (has_tags_ && op.to % 4 == 0 ? kProtMte : 0);
  switch (op.kind) {
    case Kind::kStore:
      return store(p, op);
    case Kind::kLoad:
      return load(p, op);
    case Kind::kMunmap:
      RC_ASSERT(p.real->munmap(r.begin, r.size()).has_value());
      return p.model.unmap(r);
    case Kind::kMprotect:
      return expect_same("mprotect", code(p.real->mprotect(r.begin, r.size(), prot)),
                         code(p.model.protect(r, prot)));
    case Kind::kAdvise:
      return advise(p, op);
    case Kind::kResize:
      return resize(p, op);
    case Kind::kMoveFixed:
      return move_fixed(p, op);
    case Kind::kDontUnmap:
      return dont_unmap(p, op);
    case Kind::kBrk:
      return brk(p, op);
    case Kind::kLock:
      return expect_same("mlock", code(p.real->mlock(r.begin, r.size())), code(p.model.lock(r, true)));
    case Kind::kUnlock:
      return expect_same("munlock", code(p.real->munlock(r.begin, r.size())), code(p.model.lock(r, false)));
    case Kind::kExec:
      return exec(p);
    case Kind::kSplit:
      return split(p, op);
    case Kind::kHint:
      return hint(p, op);
    case Kind::kTags:
      return set_tags(p, op);
    default:
      return mmap(p, op);
  }
}

// Looking must not touch: what is not mapped yet holds what it held before.
void Machine::compare_page(Pair& p, const PageInfo& info) {
  const FlatPage* const page = p.model.find(info.addr);
  if (page == nullptr) return RC_ASSERT(info.state == PageInfo::State::kNone && !info.guard);
  RC_ASSERT(info.guard == page->guard);
  if (page->guard)
    return RC_ASSERT(p.real->load(info.addr, std::span(&guarded_, 1)).error() == Errno::kFault);
  if (info.state == PageInfo::State::kNone) {
    // Private pages that were written never go but by MADV_DONTNEED.
    if (page->own && (*page->own != FlatFiles::zero() || FlatMemory::tags(*page) != FlatTags{}))
      RC_FAIL(fmt::format("page {} is gone", pages_between(kWindow, info.addr).raw()));
    return;
  }
  if (!page->readable()) return;
  static PageBytes real;
  RC_ASSERT(p.real->load(info.addr, real).has_value());
  if (real != p.model.bytes(*page))
    RC_FAIL(fmt::format("process {}: page {} holds other bytes", p.real->pid(),
                        pages_between(kWindow, info.addr).raw()));
  compare_tags(p, *page, info.addr);
}

void Machine::compare_tags(Pair& p, const FlatPage& page, VirtAddr at) {
  static FlatTags real;
  const auto got = p.real->get_tags(at, real);
  if (!page.mte) return RC_ASSERT(got.error() == Errno::kOpNotSupp);
  RC_ASSERT(got.has_value());
  if (real != FlatMemory::tags(page))
    RC_FAIL(
        fmt::format("process {}: page {} has other tags", p.real->pid(), pages_between(kWindow, at).raw()));
}

void Machine::compare(Pair& p) {
  std::vector<VirtRange> ranges{kWindowRange, {p.start_brk, p.brk.align_up()}};
  for (const auto& [n, page] : p.model.pages()) {
    const VirtAddr at(n << kPageShift);
    if (kWindowRange.contains(at) || ranges[1].contains(at)) continue;
    if (ranges.back().end == at) {
      ranges.back().end += PageCount(1);
    } else {
      ranges.push_back({at, at + PageCount(1)});
    }
  }
  for (const VirtRange range : ranges)
    for (const PageInfo& info : p.real->layout(range)) compare_page(p, info);
  for (VirtAddr at = kWindowRange.begin; at < kWindowRange.end; at += PageCount(1)) {
    const bool mapped = p.real->madvise(at, 4_KiB, MADV_WILLNEED).has_value();
    RC_ASSERT(mapped == (p.model.find(at) != nullptr));
  }
}

void Machine::compare() {
  for (Pair& p : pairs_) compare(p);
}

// Every program gone, nothing is left: no frame, no folio on any gauge.
void Machine::finish() {
  for (Pair& p : pairs_) {
    for (const auto& [n, page] : p.model.pages())
      RC_ASSERT(p.real->mprotect(VirtAddr(n << kPageShift), 4_KiB, PROT_READ).has_value());
    p.model.protect_all(PROT_READ);
    compare(p);
  }
  while (!pairs_.empty()) {
    pairs_.back().real->exit();
    pairs_.pop_back();
    check_sound();
  }
  RC_ASSERT(kernel_->free_pages() == free_at_start_);
  RC_ASSERT(kernel_->swap_used() == PageCount(0));
  RC_ASSERT(kernel_->tags_saved() == PageCount(0));
  RC_ASSERT(kernel_->swap_losses().empty());
  for (const char* size : {"16", "32", "64", "128", "256", "512", "1024", "2048"}) {
    for (const char* gauge : {"nr_anon", "nr_anon_partially_mapped"}) {
      RC_ASSERT(*kernel_->sysfs_read(fmt::format("hugepages-{}kB/stats/{}", size, gauge)) == "0\n");
    }
  }
}

rc::Gen<Operation> operation() {
  std::vector<Kind> bag;
  for (std::size_t k = 0; k < kWeights.size(); ++k) bag.insert(bag.end(), kWeights[k], static_cast<Kind>(k));
  return rc::gen::resize(
      rc::kNominalSize,
      rc::gen::apply(
          [](Kind kind, unsigned who, unsigned align, unsigned count, unsigned choice, std::uint64_t page,
             std::uint64_t to) { return Operation{kind, who, align, count, choice, page, to}; },
          rc::gen::elementOf(bag), rc::gen::inRange(0U, 4U), rc::gen::inRange(0U, 4U),
          rc::gen::inRange<unsigned>(0, kCounts.size()), rc::gen::inRange(0U, 176U),
          rc::gen::inRange<std::uint64_t>(0, kPages), rc::gen::inRange<std::uint64_t>(0, kPages)));
}

void play(const char* policy, Swap swap, MemoryTags tags, const std::vector<Operation>& ops) {
  history() = fmt::format("policy {}, swap {}, tags {}\n", policy, std::to_underlying(swap),
                          std::to_underlying(tags));
  Machine machine(policy, swap, tags);
  unsigned step = 0;
  for (const Operation& op : ops) {
    history() += text(op) + "\n";
    machine.apply(op);
    machine.check_sound();
    if (++step % 8 == 0) machine.compare();
  }
  machine.finish();
}

class BytesProperty : public ::testing::TestWithParam<const char*> {};

// Whatever sizes hold the pages, however they were shared, split, moved and
// given back, a program reads what it wrote.
TEST_P(BytesProperty, ProgramsReadWhatTheyWrote) {
  const auto before = std::signal(SIGABRT, print_history);
  EXPECT_TRUE(rc::check([] {
    const auto swap = static_cast<Swap>(*rc::gen::inRange(0, 6));
    const auto tags = *rc::gen::element(MemoryTags::kNone, MemoryTags::kMteAnywhere);
    play(GetParam(), swap, tags,
         *rc::gen::scale(2.0, rc::gen::container<std::vector<Operation>>(operation())));
  }));
  std::signal(SIGABRT, before);
}

INSTANTIATE_TEST_SUITE_P(Policies, BytesProperty, ::testing::ValuesIn(kPolicies), [](const auto& policy) {
  std::string name = policy.param;
  std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
  return name;
});

}  // namespace
}  // namespace quire
