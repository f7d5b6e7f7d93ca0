// quire/kernel.h - the library: a machine, a Linux kernel on it, programs.
//
//   auto kernel = quire::Kernel::create({.ram = 1_GiB}, "thp_anon=64K:always");
//   quire::Process& p = (*kernel)->spawn();
//   auto at = p.mmap({.length = 2_MiB});
//   p.store(*at, bytes);                 // faults in one 64 KiB folio
//   p.layout({*at, *at + 64_KiB});       // 16 pages of one folio of order 4
//
// Every byte is real: what a program stores lies in a frame of the simulated
// RAM and is found through page tables in that RAM, in the bits of the
// architecture. Not here yet: the sizes of page-cache folios (file pages are
// 4 KiB).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quire/access.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::phys {
class HostMemory;
}
namespace quire::swap {
class Backend;
}

namespace quire {

// What this build of Quire simulates is fixed, as for Linux; the library for
// arm64 is another one. With 4 KiB pages unless the name says more.
enum class Architecture : std::uint8_t { kX86_64, kArm64, kArm64Pages16K, kArm64Pages64K };
#ifdef QUIRE_ARM64
inline constexpr Architecture kBuiltArchitecture = kPageShift == 12   ? Architecture::kArm64
                                                   : kPageShift == 14 ? Architecture::kArm64Pages16K
                                                                      : Architecture::kArm64Pages64K;
#else
inline constexpr Architecture kBuiltArchitecture = Architecture::kX86_64;
#endif
// Whether frames keep the bytes that programs store. Without contents load
// reads zeroes and memory costs its tables and descriptors only.
enum class Contents : std::uint8_t { kNone, kKept };

// Memory of the host that machines made one after the other hand on: all but the
// first are then made in microseconds. The host fills it with pages at once; a
// process that is forked meanwhile does not have it.
[[nodiscard]] std::shared_ptr<phys::HostMemory> make_host_memory();

// Whether every change of a page-table entry is checked against what the
// folios say, which costs time and 12 bytes a frame. A change that cannot be
// right stops the program with a line. As built: in debug and sanitizer builds.
enum class TableChecks : std::uint8_t { kAsBuilt, kOn };

// Whether the machine remembers why memory is in small folios: a byte a frame,
// and faults that take longer.
enum class Reasons : std::uint8_t { kNone, kRemembered };

// Whether the memory has tags, four bits for each 16 bytes: arm64's Memory Tagging
// Extension (MTE). No other architecture has it.
enum class MemoryTags : std::uint8_t {
  kNone,
  kMte,
  kMteAnywhere,  // for tests of what Linux does with tags: also where the architecture has none
};
// Whether the machine takes memory back when it is short, and, when there is none left to
// take, ends the program that holds most. Groups with limits need it. Never: an
// allocation that finds nothing fails.
enum class Reclaim : std::uint8_t { kNever, kWhenShort };

// zswap: a compressed cache in the machine's RAM, in front of all its swap devices.
// Mirrors mm/zswap.c of Linux 6.18, switched on from the beginning; the numbers are those of
// /sys/module/zswap/parameters.
struct ZswapSettings {
  // Whether several pages of a folio may be fetched at once.
  enum class Load : std::uint8_t {
    kSinglePages,  // Linux 6.18: with zswap no large folio is swapped in
    kWholeFolios,  // beyond it: as large as without
  };
  std::string compressor = "lzo";          // "lzo", "lzo-rle", "lz4", "zstd"
  unsigned max_pool_percent = 20;          // of RAM, that its pool may take
  unsigned accept_threshold_percent = 90;  // of that: once full, it takes nothing above
  bool shrinker = false;                   // shrinker_enabled: writes back when memory is short
  Load load = Load::kSinglePages;
};

// PROT_MTE of <sys/mman.h>, which only arm64 has.
inline constexpr int kProtMte = 0x20;

struct MachineOptions {
  ByteCount ram = 1_GiB;  // 4 MiB to 16 TiB, rounded down to 4 MiB
  Architecture arch = kBuiltArchitecture;
  Contents contents = Contents::kKept;
  std::shared_ptr<phys::HostMemory> host = nullptr;  // without: the machine's own
  TableChecks table_checks = TableChecks::kAsBuilt;
  Reasons reasons = Reasons::kNone;
  MemoryTags tags = MemoryTags::kNone;
  Reclaim reclaim = Reclaim::kNever;
  std::optional<ZswapSettings> zswap = std::nullopt;  // without: none
};

// Advice that only the policy "pmd-cow" takes: a write to shared 2 MiB copies
// all of it, or not. Numbers of ours; the patch set they stand for has its own.
inline constexpr int kMadvThpCow = 1024;
inline constexpr int kMadvNoThpCow = 1025;

// What one page of a program looks like.
struct PageInfo {
  enum class State : std::uint8_t {
    kNone,  // nothing mapped yet
    kZero,  // the shared zero page, or a page of the huge zero folio
    kAnon,
    kFile,
    kSwapped,  // on a swap device, `swap` says where
  };
  VirtAddr addr;
  State state = State::kNone;
  Pfn pfn = Pfn::invalid();
  Pfn folio = Pfn::invalid();  // first frame of its folio: equal for pages of one folio
  Order order;                 // of the folio
  bool exclusive = false;      // this page belongs to this program alone
  bool pmd_mapped = false;
  bool writable = false;       // a write would not fault
  std::uint32_t mapcount = 0;  // entries that map this page, anywhere
  bool guard = false;          // kNone, and not to be touched: MADV_GUARD_INSTALL
  SwapEntry swap;              // kSwapped
  bool swapcache = false;      // the folio has slots of a swap device as well
};

// Consecutive pages in consecutive frames that differ in nothing else: of one
// folio, or folios of one page. Or pages of nothing, or of zeroes, or in
// consecutive slots of one swap device.
struct LayoutRun {
  PageInfo first;
  PageCount pages;
  // The page `n` pages behind the first.
  [[nodiscard]] PageInfo at(std::uint64_t n) const;
};

// A number the kernel counts: an event of /proc/vmstat, or a file below
// hugepages-<size>kB/stats.
struct Counter {
  std::string_view name;
  std::optional<Order> size;
  std::int64_t value = 0;
};

// One block of 2 MiB that khugepaged looked at.
struct KhugepagedScan {
  std::uint32_t pid = 0;
  VirtAddr addr;
  std::string_view result;  // in the kernel's words: "succeeded", "exceed_none_pte"
};

// A swap device for Kernel::swapon.
struct SwapDevice {
  // Of zram, when the machine keeps no contents: what pages are taken to compress to.
  static constexpr unsigned kAssumedPercent = 35;
  enum class Kind : std::uint8_t {
    kZram,   // compressed, in the machine's own RAM; read at once, past the swap cache
    kBlock,  // a disk: read through the swap cache, with readahead
    kFile,   // takes no large folio whole
  };
  Kind kind = Kind::kZram;
  ByteCount size = 1_GiB;  // its header, a page, included
  // Of zram: "lzo", "lzo-rle", "lz4", "zstd"; what is compressed as one object, 4, 16 or
  // 64 KiB; threads that compress; the most RAM it may take (0: any).
  std::string algorithm = "lz4";
  ByteCount unit{kPageSize};
  unsigned threads = 1;
  ByteCount mem_limit{};
  // Of kBlock and kFile: the disk turns (one place to write to, and equal disks take turns);
  // it is told of clusters that nobody uses any more (swapon --discard=pages).
  bool rotational = false;
  bool discards = false;
  std::optional<int> priority = std::nullopt;  // as swapon(2); without, behind all others
  std::string name = {};                       // in records; without: "zram0", "sda", "swapfile"
};

// A group of programs with a limit (a memory cgroup): what it holds and what happened to
// it, in the words of its files memory.current, memory.peak, memory.max, memory.events.
struct GroupUse {
  PageCount current;
  PageCount peak;
  std::optional<PageCount> max;  // none: no limit
  std::uint64_t max_events = 0;  // a charge met the limit
  std::uint64_t oom_events = 0;  // nothing was left to take back
  std::uint64_t oom_kills = 0;   // programs of it that were ended
};

// A program that was ended because no memory was left: one line of the kernel's log.
struct OomKill {
  std::uint32_t victim = 0;            // pid
  std::uint32_t asked_by = 0;          // pid of the one that needed memory
  std::optional<unsigned> group;       // at whose limit; none: the machine had nothing left
  Order order;                         // of what was asked for
  std::uint64_t points = 0;            // what it scored, more than all others
  int oom_score_adj = 0;               // a part of that; the library has no call that sets one
  PageCount anon, file, swap, tables;  // what it held
};

// Memory that a swap device could not give back: one access, or swapoff, that met it. The access
// ends in SIGBUS (FaultResult::kBus), as each that follows.
struct SwapLoss {
  enum class Cause : std::uint8_t {
    kReadError,  // the device could not read it
    kCorrupt,    // what is kept of it is not what was written: it does not decompress
  };
  std::uint32_t pid = 0;
  VirtAddr addr;          // of the page
  SwapEntry slot;         // that the page lies in
  std::string device;     // the name of the device of that number then
  bool in_zswap = false;  // the page lay in zswap's pool, the device never had it
  Cause cause = Cause::kReadError;

  // "process 3: the page at 0x10002000 is lost: slot 17 of zram0 could not be read"
  [[nodiscard]] std::string line() const;
};

class Kernel;

// A program. Made by Kernel::spawn and fork; its memory goes with exit().
class Process {
 public:
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] std::uint32_t pid() const { return pid_; }

  // mmap(2). `prot` and `flags` are the PROT_* and MAP_* of <sys/mman.h>;
  // private anonymous memory unless said otherwise; with kProtMte it has tags, on a machine
  // with tags (kInval for a file); shared anonymous memory
  // has pages of 4 KiB. `file` names a file by
  // any number of yours; 0 is none. Errors as on Linux: kInval, kNoMem,
  // kExist (MAP_FIXED_NOREPLACE). Mirrors do_mmap.
  struct MmapArgs {
    VirtAddr addr{};
    ByteCount length{};
    int prot = 3;      // PROT_READ | PROT_WRITE
    int flags = 0x22;  // MAP_PRIVATE | MAP_ANONYMOUS
    std::uint32_t file = 0;
    ByteCount offset{};
  };
  [[nodiscard]] Result<VirtAddr, Errno> mmap(const MmapArgs& args);
  // munmap(2): kInval for an unaligned address or no length.
  [[nodiscard]] Result<void, Errno> munmap(VirtAddr addr, ByteCount length);
  // mprotect(2): kNoMem where nothing is mapped, kAcces where the mapping can
  // never allow it, kInval where kProtMte cannot be. Tags are never taken away again.
  [[nodiscard]] Result<void, Errno> mprotect(VirtAddr addr, ByteCount length, int prot);
  // mremap(2) with the MREMAP_* flags; returns where the mapping is now.
  [[nodiscard]] Result<VirtAddr, Errno> mremap(VirtAddr addr, ByteCount old_length, ByteCount new_length,
                                               int flags, VirtAddr new_addr = VirtAddr());
  // madvise(2) with the MADV_* number. kInval also for advice that is not
  // modelled yet: REMOVE, MERGEABLE.
  [[nodiscard]] Result<void, Errno> madvise(VirtAddr addr, ByteCount length, int advice);
  // brk(2): the break afterwards.
  VirtAddr brk(VirtAddr to);
  [[nodiscard]] Result<void, Errno> mlock(VirtAddr addr, ByteCount length);
  [[nodiscard]] Result<void, Errno> munlock(VirtAddr addr, ByteCount length);

  // Pins every page of whole pages for writing, as for DMA (io_uring's registered
  // buffers): each is made the program's own first. kFault where a page cannot be
  // written to. Exec and exit drop all pins before anything else.
  [[nodiscard]] Result<void, Errno> pin(VirtAddr addr, ByteCount length);
  // The pin on exactly this range that was taken last. kInval: there is none.
  [[nodiscard]] Result<void, Errno> unpin(VirtAddr addr, ByteCount length);
  // Pins each page for reading and lets go, as process_vm_readv(2) does: a page
  // that others may share is unshared.
  [[nodiscard]] Result<void, Errno> pin_to_read(VirtAddr addr, ByteCount length);

  // userfaultfd(2) in missing mode, with UFFD_FEATURE_SIGBUS: a touch of a page
  // that is not there is kBus. uffd_copy fills whole pages with one byte, page by
  // page. kNoEnt: not registered there; kExist: something is there.
  [[nodiscard]] Result<void, Errno> uffd_register(VirtAddr addr, ByteCount length);
  [[nodiscard]] Result<void, Errno> uffd_unregister(VirtAddr addr, ByteCount length);
  [[nodiscard]] Result<void, Errno> uffd_copy(VirtAddr addr, ByteCount length, std::byte fill);
  [[nodiscard]] Result<void, Errno> uffd_zeropage(VirtAddr addr, ByteCount length);

  // prctl(PR_SET_THP_DISABLE, ...): 0 off, 1 on, 1 with flag 2: on except
  // where advised. kInval for other numbers.
  [[nodiscard]] Result<void, Errno> set_thp_disable(int disable, int flags = 0);

  // prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, ...) and prctl(PR_SET_NAME, ...):
  // names mean something to some named policies. kBadF: a mapping of a file.
  [[nodiscard]] Result<void, Errno> name_mapping(VirtAddr addr, ByteCount length, std::string_view name);
  void set_name(std::string_view name);
  // A set of folio sizes for the mappings of a range, as proposed for
  // process_madvise in 2023; without a set, what everybody may. kInval: the
  // policy is none that takes sets ("size-set"), or an order that cannot be.
  [[nodiscard]] Result<void, Errno> madvise_sizes(VirtAddr addr, ByteCount length,
                                                  std::optional<OrderSet> orders);

  // Stores and loads bytes through the page tables, faulting as a program
  // would. kFault where a program would get SIGSEGV, kNoMem out of memory;
  // what came before the bad address has been done.
  [[nodiscard]] Result<void, Errno> store(VirtAddr addr, std::span<const std::byte> bytes);
  [[nodiscard]] Result<void, Errno> load(VirtAddr addr, std::span<std::byte> bytes);
  // Sets and gets the memory tags from `addr`, a multiple of 16, on: one for each 16 bytes, as
  // the instructions STG and LDG do, faulting as a store and a load would. kFault and kNoMem as
  // those; kInval: the address; kOpNotSupp: memory that was mapped without kProtMte.
  // What came before has been done. Tags go where the bytes go: to copies, to
  // swap and back. Accesses are not checked against them.
  [[nodiscard]] Result<void, Errno> set_tags(VirtAddr addr, std::span<const MemoryTag> tags);
  [[nodiscard]] Result<void, Errno> get_tags(VirtAddr addr, std::span<MemoryTag> tags);
  // One access, and how it ended.
  FaultResult touch(VirtAddr addr, AccessKind kind);
  // What a read pin does before it takes the page: makes it the program's own
  // without making it writable (FAULT_FLAG_UNSHARE). kHit: nothing was to do.
  FaultResult unshare(VirtAddr addr);

  // fork(2): the child. kNoMem when tables cannot be had.
  [[nodiscard]] Result<Process*, Errno> fork();
  // execve(2): everything unmapped, a new stack with `argument_bytes` of
  // strings, an empty heap. The program has no segments: map what it needs.
  [[nodiscard]] Result<void, Errno> exec(ByteCount argument_bytes = ByteCount(4096));
  // exit(2). The reference is dead afterwards.
  void exit();

  // From now on what it gets counts against this group (Kernel::make_group), and its children
  // are in it. What it has stays where it was charged. kNoEnt: there is no such group.
  [[nodiscard]] Result<void, Errno> enter_group(unsigned group);
  // Whether it was ended for want of memory (SIGKILL): its memory is gone or goes with
  // exit(), which is all that is left to do. Each access of it ends in kOom.
  [[nodiscard]] bool oom_killed() const;

  // What is behind each page of a range, page by page.
  [[nodiscard]] std::vector<PageInfo> layout(VirtRange range) const;
  // The same as runs, each as long as it can be.
  [[nodiscard]] std::vector<LayoutRun> layout_runs(VirtRange range) const;
  // The parts of a range whose entries are tied together in blocks that the
  // hardware may hold as one translation each: arm64's contiguous bit. Empty on
  // x86-64. Mirrors what contpte does behind Linux' back; no kernel shows it.
  [[nodiscard]] std::vector<VirtRange> cont_ranges(VirtRange range) const;
  // Why the anonymous memory at `addr` is in no folio of the largest size that the
  // settings give anybody (2 MiB where they give none): "too_short", "populated";
  // docs/reference/not-huge.md lists them. "nothing": it is in one. No value where
  // there is no such memory, or the machine does not remember reasons.
  [[nodiscard]] std::optional<std::string_view> why_not_huge(VirtAddr addr) const;
  [[nodiscard]] PageCount resident() const;
  [[nodiscard]] PageCount table_pages() const;
  // Minor faults so far, by accesses and by calls that populate.
  [[nodiscard]] std::uint64_t minor_faults() const { return minor_faults_; }
  // Faults for which a swap device was read.
  [[nodiscard]] std::uint64_t major_faults() const { return major_faults_; }

 private:
  friend class Kernel;
  struct State;
  Process(Kernel& kernel, std::uint32_t pid, std::unique_ptr<State> state);
  ~Process();
  [[nodiscard]] Result<void, Errno> copy_bytes(VirtAddr addr, std::size_t n, AccessKind kind, std::byte* to,
                                               const std::byte* from);
  [[nodiscard]] Result<void, Errno> reach(VirtAddr addr, AccessKind kind);
  [[nodiscard]] Result<Pfn, Errno> reach_tags(VirtAddr addr, AccessKind kind);
  void drop_pins();
  Kernel& kernel_;
  std::uint32_t pid_;
  void count(FaultResult result);
  std::uint64_t minor_faults_ = 0;
  std::uint64_t major_faults_ = 0;
  std::unique_ptr<State> state_;
};

// A machine and its kernel. One thread drives a Kernel; several Kernels may
// run in parallel.
class Kernel {
 public:
  // `policy` in the words of the kernel's command line ("thp_anon=64K:always"),
  // or a name; docs/reference/policies.md lists all. A bad word is a Diagnostic
  // that names the accepted ones.
  [[nodiscard]] static Result<std::unique_ptr<Kernel>, Diagnostic> create(
      const MachineOptions& machine, std::string_view policy = "linux-6.18");
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // A new program, as after exec without arguments.
  [[nodiscard]] Process& spawn();
  [[nodiscard]] Process* find(std::uint32_t pid) const;

  // The files below /sys/kernel/mm/transparent_hugepage, with the kernel's
  // text and errors: sysfs_read("hugepages-64kB/stats/anon_fault_alloc").
  [[nodiscard]] Result<std::string, Errno> sysfs_read(std::string_view path) const;
  [[nodiscard]] Result<void, Errno> sysfs_write(std::string_view path, std::string_view text);
  // A counter of /proc/vmstat by name, or nothing when there is none of it.
  [[nodiscard]] std::optional<std::uint64_t> vmstat(std::string_view name) const;

  // All counters, in an order that never changes.
  [[nodiscard]] std::vector<Counter> counters() const;

  // swapon(2): a device of the caller's making (src/swap/backend.h; not among
  // the installed headers). Returns its number. kPerm: there are too many; kInval: it
  // has no slot. With `priority` as on Linux; without, behind all others.
  [[nodiscard]] Result<unsigned, Errno> swapon(std::unique_ptr<swap::Backend> device,
                                               std::optional<int> priority = std::nullopt);
  // The same with a device that is made for it. A Diagnostic says what cannot be.
  [[nodiscard]] Result<unsigned, Diagnostic> swapon(const SwapDevice& device);
  // swapoff(2): everything comes back into memory first. kNoMem: there is no room
  // for it; kIo: the device could not give it back. What came is in memory, the
  // device stays in use. Mirrors try_to_unuse.
  [[nodiscard]] Result<void, Errno> swapoff(unsigned device);
  // Slots of all devices, and those in use.
  [[nodiscard]] PageCount swap_total() const;
  [[nodiscard]] PageCount swap_used() const;
  // Each access that met memory its swap device could not give back, in order: whose it was,
  // where it lay, and why. Records stay when the program or the device is gone.
  [[nodiscard]] std::vector<SwapLoss> swap_losses() const;

  // A file of zswap, a parameter or one of its debugfs folder, with the kernel's text:
  // "max_pool_percent", "stored_pages". kNoEnt: no such file, or a machine without zswap.
  [[nodiscard]] Result<std::string, Errno> zswap_read(std::string_view file) const;

  // Makes a group of programs that may have so much memory together, without: any amount. Returns
  // its number. The machine must have Reclaim::kWhenShort: else kOpNotSupp.
  [[nodiscard]] Result<unsigned, Errno> make_group(std::optional<ByteCount> max = std::nullopt);
  // memory.max. What is there beyond it is taken back; kBusy: that did not go far enough, and
  // the limit stays as it was (so cgroup v1; v2 would end programs). kNoEnt: no such group.
  [[nodiscard]] Result<void, Errno> set_limit(unsigned group, std::optional<ByteCount> max);
  [[nodiscard]] std::optional<GroupUse> group_use(unsigned group) const;
  // Everyone that was ended for want of memory, in that order.
  [[nodiscard]] std::vector<OomKill> oom_kills() const;

  // Lets khugepaged work: `passes` times what it does between two sleeps. The
  // daemon has no thread of its own and never runs else. Returns what it
  // looked at, in order; its files and counters move. Mirrors khugepaged_do_scan.
  std::vector<KhugepagedScan> khugepaged(unsigned passes = 1);
  // Asks the shrinker of the deferred-split queue for `nr_to_scan` folios, as
  // reclaim would: partially mapped ones are split, and 2 MiB that hold mostly
  // zeroes. Returns how many were. Mirrors deferred_split_scan.
  std::uint64_t shrink_deferred_splits(std::uint64_t nr_to_scan);
  // The file below /sys/kernel/debug there is: "split_huge_pages", which takes
  // "pid,0xstart,0xend[,order[,page]]", or "1" for all. kNoEnt: another path;
  // kSrch: no such program; kInval: other words.
  [[nodiscard]] Result<void, Errno> debugfs_write(std::string_view path, std::string_view text);

  // Pages on swap devices whose memory tags are kept, in RAM.
  [[nodiscard]] PageCount tags_saved() const;

  [[nodiscard]] PageCount free_pages() const;
  // Equal for equal histories.
  [[nodiscard]] std::uint64_t state_hash() const;
  // Every invariant that does not hold, as a sentence; empty when all do. Slow.
  [[nodiscard]] std::vector<std::string> check_invariants() const;
  // For tests: asked before each allocation of a block of that order; true
  // makes it fail.
  void set_allocation_failure(bool (*fails)(void* context, Order order), void* context);
  // For tests of tests, on machines with tags: asked before the tags of a page are saved
  // for its slot; true loses them.
  void set_tag_loss(bool (*loses)(void* context, SwapEntry entry), void* context);
  // For tests of who survives bad memory: overwrites what a zram or zswap keeps compressed of the
  // page in this slot. False: nothing is, or the machine keeps no contents.
  bool damage_swapped(SwapEntry slot);

 private:
  friend class Process;
  struct State;
  explicit Kernel(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quire
