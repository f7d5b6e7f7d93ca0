// The running kernel as the judge of the engine: the same random calls and
// accesses are made by programs on the host and by programs on Quire, under
// the same policy, and after every one of them each page of each program must
// look the same and every per-size counter must have moved alike.
//
// What is compared of a page: whether it is there, the order of its folio,
// which other pages (of any program) share the folio and in which order,
// whether it is mapped exactly once, whether it is a zero page, whether a PMD
// maps it. Of a call: its errno, and for accesses how many faults they took,
// which tells whether entries are writable.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/testing_sanitized.h"
#include "lab/testing_live_program.h"
#include "live/host.h"
#include "live/layout.h"
#include "live/settings_guard.h"
#include "quire/kernel.h"

namespace quire::lab {
namespace {

using testing::Answer;
using testing::Call;
using testing::Command;
using testing::kSlots;
using testing::LivePrograms;

constexpr VirtAddr kArena{0x200000000};
constexpr std::uint64_t kPages = 1536;  // three blocks of 2 MiB
constexpr VirtRange kRange{kArena, kArena + PageCount(kPages)};

constexpr std::array<const char*, 8> kStats{"anon_fault_alloc",
                                            "anon_fault_fallback",
                                            "split",
                                            "split_failed",
                                            "split_deferred",
                                            "nr_anon",
                                            "nr_anon_partially_mapped",
                                            "anon_fault_fallback_charge"};
// Other programs of the host do not move these while only advised memory may be large.
constexpr std::array<const char*, 5> kEvents{"thp_fault_alloc", "thp_fault_fallback", "thp_split_page",
                                             "thp_deferred_split_page", "thp_split_pmd"};

// One command for one program.
struct Step {
  unsigned slot = 0;
  Command command;
};

std::string text(const Step& step) {
  const Command& c = step.command;
  const auto page = [](std::uint64_t addr) { return static_cast<std::int64_t>(addr - kArena.raw()) / 4096; };
  static constexpr std::array<const char*, 11> kNames{
      "read", "write", "mmap", "munmap", "mprotect", "madvise", "mremap", "mlock", "munlock", "fork", "exit"};
  std::string line = fmt::format("{}: {} page {}+{}", step.slot, kNames[static_cast<std::size_t>(c.call)],
                                 page(c.addr), (c.length + 4095) / 4096);
  if (c.call == Call::kRead || c.call == Call::kWrite) line += fmt::format(" every {}", c.stride / kPageSize);
  if (c.call == Call::kMremap) line += fmt::format(" to {}+{}", page(c.to), c.new_length / kPageSize);
  if (c.call == Call::kFork) line = fmt::format("{}: fork to {}", step.slot, c.slot);
  return line + fmt::format(" ({})", c.number);
}

// --- Both sides of one sequence ---

using Counts = std::map<std::string, std::int64_t>;

std::int64_t number_in(const std::string& path) {
  std::ifstream in(path);
  std::int64_t n = 0;
  in >> n;
  return n;
}

std::vector<std::string> stat_files() {
  std::vector<std::string> files;
  for (unsigned order = 2; order <= kPmdOrder; ++order)
    for (const char* stat : kStats)
      files.push_back(fmt::format("hugepages-{}kB/stats/{}", 4U << order, stat));
  return files;
}

Counts live_counts() {
  Counts counts;
  for (const std::string& file : stat_files())
    counts[file] = number_in(std::string(live::kThpRoot) + "/" + file);
  std::ifstream vmstat("/proc/vmstat");
  std::string name;
  for (std::int64_t n = 0; vmstat >> name >> n;)
    for (const char* wanted : kEvents)
      if (name == wanted) counts[name] = n;
  return counts;
}

Counts quire_counts(const Kernel& kernel) {
  Counts counts;
  for (const std::string& file : stat_files()) counts[file] = std::atoll(kernel.sysfs_read(file)->c_str());
  for (const char* event : kEvents) counts[event] = static_cast<std::int64_t>(*kernel.vmstat(event));
  return counts;
}

// The same numbers for the same folios, whatever frames hold them.
class FolioNames {
 public:
  std::uint64_t name(unsigned side, Pfn head) {
    return names_[side].emplace(head, names_[side].size()).first->second;
  }

 private:
  std::array<std::map<Pfn, std::uint64_t>, 2> names_;
};

std::string describe(FolioNames& names, unsigned side, bool present, bool zero, Pfn pfn, Pfn head,
                     Order order, bool once, bool pmd) {
  if (!present) return "-";
  if (zero) return pmd ? "huge zero" : "zero";
  return fmt::format("folio {} order {} page {}{}{}", names.name(side, head), order.raw(), (pfn - head).raw(),
                     once ? " once" : "", pmd ? " pmd" : "");
}

Errno errno_of(int error) { return static_cast<Errno>(error); }

class Duel {
 public:
  explicit Duel(const policy::Settings& settings) : kernel_(*Kernel::create({.ram = 512_MiB}, "4K")) {
    for (unsigned order = 2; order <= kPmdOrder; ++order) {
      const bool on = settings.at(Order(order)) == policy::SizeEnabled::madvise;
      const auto file = fmt::format("hugepages-{}kB/enabled", 4U << order);
      if (!kernel_->sysfs_write(file, on ? "madvise" : "never")) std::abort();
    }
    processes_[0] = &kernel_->spawn();
    live_before_ = live_counts();
    quire_before_ = quire_counts(*kernel_);
  }

  [[nodiscard]] bool alive(unsigned slot) const { return processes_[slot] != nullptr; }

  // Does the step on both sides. Says what differs, or "". Counters are the
  // host's, which other programs move as well: what they say is kept apart.
  std::string play(const Step& step) {
    const auto real = live_.run(step.slot, step.command);
    if (!real) return "the program on the host does not answer";
    const Answer ours = perform(step);
    std::string diff = compare_answers(step.command, *real, ours);
    if (diff.empty()) diff = compare_layouts();
    if (std::string counts = compare_counts(); !counts.empty())
      count_diffs_.insert(fmt::format("step {} {}: {}", steps_, text(step), counts));
    ++steps_;
    return diff;
  }
  [[nodiscard]] const std::set<std::string>& count_diffs() const { return count_diffs_; }
  [[nodiscard]] std::vector<std::string> broken() const { return kernel_->check_invariants(); }

 private:
  Answer access(Process& p, const Command& c) {
    Answer answer;
    const bool write = c.call == Call::kWrite;
    const std::array<std::byte, 1> byte{static_cast<std::byte>(1 + c.number % 100)};
    for (std::uint64_t at = c.addr; at < c.addr + c.length; at += c.stride) {
      switch (p.touch(VirtAddr(at), write ? AccessKind::kWrite : AccessKind::kRead)) {
        case FaultResult::kHit:
          break;
        case FaultResult::kMinor:
          ++answer.faults;
          break;
        default:
          ++answer.segv;
          continue;
      }
      if (write && !p.store(VirtAddr(at), byte)) std::abort();
    }
    return answer;
  }
  static Answer answer_of(const Result<void, Errno>& r) {
    return {.error = r ? 0 : static_cast<int>(r.error())};
  }
  static Answer answer_of(const Result<VirtAddr, Errno>& r) {
    return r ? Answer{.value = r->raw()} : Answer{.error = static_cast<int>(r.error())};
  }
  Answer perform(const Step& step) {
    const Command& c = step.command;
    Process& p = *processes_[step.slot];
    const VirtAddr at(c.addr);
    const ByteCount length(c.length);
    switch (c.call) {
      case Call::kRead:
      case Call::kWrite:
        return access(p, c);
      case Call::kMmap:
        return answer_of(p.mmap({.addr = at,
                                 .length = length,
                                 .prot = c.number,
                                 .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED}));
      case Call::kMunmap:
        return answer_of(p.munmap(at, length));
      case Call::kMprotect:
        return answer_of(p.mprotect(at, length, c.number));
      case Call::kMadvise:
        return answer_of(p.madvise(at, length, c.number));
      case Call::kMremap:
        return answer_of(p.mremap(at, length, ByteCount(c.new_length), c.number, VirtAddr(c.to)));
      case Call::kMlock:
        return answer_of(p.mlock(at, length));
      case Call::kMunlock:
        return answer_of(p.munlock(at, length));
      case Call::kFork: {
        const auto child = p.fork();
        if (!child) return {.error = static_cast<int>(child.error())};
        processes_[c.slot] = *child;
        return {};
      }
      case Call::kExit:
        p.exit();
        processes_[step.slot] = nullptr;
        return {};
    }
    return {};
  }

  static std::string compare_answers(const Command& c, const Answer& real, const Answer& ours) {
    if (real.error != ours.error) {
      const auto name = [](int e) { return e == 0 ? "success" : errno_name(errno_of(e)); };
      return fmt::format("errno: the kernel says {}, Quire {}", name(real.error), name(ours.error));
    }
    if (real.faults != ours.faults || real.segv != ours.segv) {
      return fmt::format("faults: the kernel takes {} and {} bad ones, Quire {} and {}", real.faults,
                         real.segv, ours.faults, ours.segv);
    }
    if (c.call == Call::kMremap && real.error == 0 && real.value != ours.value)
      return "mremap: another address";
    return "";
  }

  std::string compare_layouts() {
    FolioNames names;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      if (!alive(slot)) continue;
      const auto real = live::read_layout(live_.pid(slot), kRange);
      if (!real) return real.error().line();
      const auto ours = processes_[slot]->layout(kRange);
      for (std::size_t i = 0; i < kPages; ++i) {
        const live::PageView& r = (*real)[i];
        const PageInfo& o = ours[i];
        // pagemap tells of every page below a PMD what is true of the first.
        const PageInfo& once = o.pmd_mapped ? ours[i / 512 * 512] : o;
        const std::string kernel =
            describe(names, 0, r.present, r.zero, r.pfn, r.head, r.order, r.exclusive, r.pmd_mapped);
        const std::string quire =
            describe(names, 1, o.state != PageInfo::State::kNone, o.state == PageInfo::State::kZero, o.pfn,
                     o.folio, o.order, once.mapcount == 1, o.pmd_mapped);
        if (kernel != quire)
          return fmt::format("program {} page {}: the kernel has [{}], Quire [{}]", slot, i, kernel, quire);
      }
    }
    return "";
  }

  std::string compare_counts() {
    const Counts real = live_counts();
    const Counts ours = quire_counts(*kernel_);
    std::string diff;
    for (const auto& [name, n] : real) {
      const std::int64_t moved = n - live_before_[name];
      const std::int64_t expected = ours.at(name) - quire_before_[name];
      if (moved != expected)
        diff += fmt::format("{}: moved by {} on the kernel, by {} on Quire; ", name, moved, expected);
    }
    live_before_ = real;
    quire_before_ = ours;
    return diff;
  }

  LivePrograms live_;
  std::unique_ptr<Kernel> kernel_;
  std::array<Process*, kSlots> processes_{};
  Counts live_before_, quire_before_;
  std::set<std::string> count_diffs_;
  unsigned steps_ = 0;
};

// --- Random sequences ---

class Script {
 public:
  explicit Script(std::uint64_t seed) : rng_(seed) {}

  // What every sequence begins with: the arena, advised.
  static std::vector<Step> opening() {
    return {{0, {.call = Call::kMmap, .addr = kArena.raw(), .length = kRange.size().raw(), .number = 3}},
            {0, advice(kRange.begin.raw(), kRange.size().raw(), MADV_HUGEPAGE)}};
  }

  Step next(const Duel& duel) {
    Step step{pick(duel, true), {}};
    const auto free_slot = pick(duel, false);
    const std::uint64_t dice = rng_.below(100);
    if (dice < 28) {
      step.command = access(Call::kWrite);
    } else if (dice < 37) {
      step.command = access(Call::kRead);
    } else if (dice < 46) {
      step.command = ranged(Call::kMprotect);
      step.command.number = std::array{3, 3, 1, 0}[rng_.below(4)];
    } else if (dice < 51) {
      step.command = ranged(Call::kMunmap);
    } else if (dice < 57) {
      step.command = ranged(Call::kMmap);
      step.command.number = 3;
    } else if (dice < 80) {
      step.command = ranged(Call::kMadvise);
      step.command.number = kAdvice[rng_.below(kAdvice.size())];
    } else if (dice < 87) {
      step.command = remap();
    } else if (dice < 89) {
      step.command = ranged(rng_.chance(60) ? Call::kMlock : Call::kMunlock);
    } else if (dice < 95 && free_slot < kSlots) {
      step.command = {.call = Call::kFork, .slot = free_slot};
    } else if (step.slot != 0 || rng_.chance(20)) {
      step.command = alone(duel) ? access(Call::kWrite) : Command{.call = Call::kExit};
    } else {
      step.command = advice(kRange.begin.raw(), kRange.size().raw(), MADV_HUGEPAGE);
    }
    return step;
  }

 private:
  static constexpr std::array<int, 15> kAdvice{
      MADV_HUGEPAGE,           MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTNEED,   MADV_DONTNEED,
      MADV_DONTNEED,           MADV_FREE,     MADV_FREE,       MADV_FREE,       22 /* POPULATE_READ */,
      23 /* POPULATE_WRITE */, MADV_DONTFORK, MADV_DOFORK,     MADV_WIPEONFORK, MADV_KEEPONFORK};

  static Command advice(std::uint64_t addr, std::uint64_t length, int number) {
    return {.call = Call::kMadvise, .addr = addr, .length = length, .number = number};
  }
  // A slot that is alive (or not); kSlots when there is none.
  unsigned pick(const Duel& duel, bool alive) {
    std::vector<unsigned> found;
    for (unsigned slot = 0; slot < kSlots; ++slot)
      if (duel.alive(slot) == alive) found.push_back(slot);
    return found.empty() ? kSlots : found[rng_.below(found.size())];
  }
  static bool alone(const Duel& duel) {
    unsigned n = 0;
    for (unsigned slot = 0; slot < kSlots; ++slot) n += duel.alive(slot) ? 1U : 0U;
    return n == 1;
  }
  std::uint64_t pages() {
    static constexpr std::array<std::uint64_t, 13> kCounts{1, 1, 2, 3, 4, 8, 16, 16, 17, 33, 100, 512, 700};
    return kCounts[rng_.below(kCounts.size())];
  }
  std::uint64_t page() {
    static constexpr std::array<std::uint64_t, 5> kAligns{1, 1, 4, 16, 512};
    const std::uint64_t align = kAligns[rng_.below(kAligns.size())];
    return rng_.below(kPages) / align * align;
  }
  Command ranged(Call call) {
    const std::uint64_t first = page();
    const std::uint64_t n = std::min(pages(), kPages - first);
    return {.call = call, .addr = (kArena + PageCount(first)).raw(), .length = n * kPageSize};
  }
  Command access(Call call) {
    Command c = ranged(call);
    c.stride = std::array<std::uint64_t, 5>{1, 1, 3, 16, 40}[rng_.below(5)] * kPageSize;
    c.number = static_cast<int>(rng_.below(100));
    return c;
  }
  Command remap() {
    Command c = ranged(Call::kMremap);
    const std::uint64_t n = c.length / kPageSize;
    const std::uint64_t to = page();
    c.to = (kArena + PageCount(to)).raw();
    std::uint64_t grown = rng_.chance(75) ? n : 1 + rng_.below(n + 20);
    grown = std::min(grown, kPages - to);
    c.new_length = grown * kPageSize;
    const std::uint64_t dice = rng_.below(10);
    c.number = dice < 6 ? MREMAP_MAYMOVE | MREMAP_FIXED : dice < 8 ? MREMAP_MAYMOVE | MREMAP_FIXED | 4 : 0;
    return c;
  }

  base::Rng rng_;
};

// --- The tests ---

bool is_the_modelled_kernel() {
  utsname name{};
  ::uname(&name);
  return std::string(name.release).starts_with("6.18.") && std::string(name.machine) == "x86_64";
}

std::uint64_t setting(const char* name, std::uint64_t fallback) {
  const char* const text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

class EngineLive : public ::testing::Test {
 protected:
  void SetUp() override {
    if (base::testing::kSanitized) GTEST_SKIP() << base::testing::kSanitizedReason;
    if (!is_the_modelled_kernel()) GTEST_SKIP() << "the host does not run Linux 6.18 on x86-64";
    if (const auto c = live::probe_page_frames(); !c.available) GTEST_SKIP() << c.reason;
    auto guard = live::SettingsGuard::hold();
    if (!guard) GTEST_SKIP() << guard.error().line();
    guard_.emplace(std::move(*guard));
    // The simulated RAM lies in this process: its folios must not be counted.
    ASSERT_EQ(::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
  }
  void TearDown() override { ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0); }

  // Only advised memory gets these sizes; other programs stay as they were.
  void allow(std::initializer_list<unsigned> orders) {
    settings_.at(kOrderPmd) = policy::SizeEnabled::never;
    for (const unsigned order : orders) settings_.at(Order(order)) = policy::SizeEnabled::madvise;
    const auto applied = guard_->apply(settings_);
    ASSERT_TRUE(applied) << applied.error().line();
  }

  // QUIRE_LIVE_SEQUENCES, _OPERATIONS and _SEED make the run longer or another one.
  void fight() {
    const std::uint64_t sequences = setting("QUIRE_LIVE_SEQUENCES", 4);
    const std::uint64_t operations = setting("QUIRE_LIVE_OPERATIONS", 40);
    const std::uint64_t seed = setting("QUIRE_LIVE_SEED", 1);
    for (std::uint64_t n = seed; n < seed + sequences; ++n) {
      expect_agreement(fmt::format("seed {}", n), [&](Duel& duel) {
        Script script(n);
        for (std::uint64_t i = 0; i < operations; ++i) play(duel, script.next(duel));
      });
    }
  }

  // Plays a written sequence: a disagreement found once stays here.
  void replay(const std::vector<Step>& steps) {
    expect_agreement("written sequence", [&](Duel& duel) {
      for (const Step& step : steps) play(duel, step);
    });
  }

 private:
  // Plays a sequence until its counters agree at each step. Steps and layouts
  // come out the same every time; what another program adds to a counter does
  // not, so that a difference is ours when it comes again every time.
  template <typename Sequence>
  void expect_agreement(const std::string& name, Sequence sequence) {
    std::set<std::string> always;
    for (int run = 0; run < 5; ++run) {
      Duel duel(settings_);
      history_.clear();
      diff_.clear();
      for (const Step& step : Script::opening()) play(duel, step);
      sequence(duel);
      if (!diff_.empty()) {
        ADD_FAILURE() << name << ": " << diff_ << "\n" << history_;
        return;
      }
      std::set<std::string> both;
      for (const std::string& diff : duel.count_diffs())
        if (run == 0 || always.contains(diff)) both.insert(diff);
      always = std::move(both);
      if (always.empty()) return;
    }
    ADD_FAILURE() << name << ": " << *always.begin() << "\n" << history_;
  }

  // Goes on until the first disagreement.
  void play(Duel& duel, const Step& step) {
    if (!diff_.empty()) return;
    history_ += text(step) + "\n";
    diff_ = duel.play(step);
    if (const auto broken = duel.broken(); diff_.empty() && !broken.empty()) diff_ = broken.front();
  }

  std::string diff_, history_;

 protected:
  std::optional<live::SettingsGuard> guard_;
  policy::Settings settings_;
};

TEST_F(EngineLive, Only64K) {
  allow({4});
  fight();
}

TEST_F(EngineLive, Sizes16KAnd64K) {
  allow({2, 4});
  fight();
}

TEST_F(EngineLive, Only2M) {
  allow({9});
  fight();
}

TEST_F(EngineLive, Sizes64KAnd2M) {
  allow({4, 9});
  fight();
}

TEST_F(EngineLive, AllSizes) {
  allow({2, 3, 4, 5, 6, 7, 8, 9});
  fight();
}

// --- Found once ---

std::uint64_t page(std::uint64_t n) { return (kArena + PageCount(n)).raw(); }
std::uint64_t pages(std::uint64_t n) { return n * kPageSize; }

Step on(Call call, std::uint64_t first, std::uint64_t n, int number = 0, unsigned slot = 0) {
  return {slot,
          {.call = call, .addr = page(first), .length = pages(n), .stride = kPageSize, .number = number}};
}
Step remap(std::uint64_t first, std::uint64_t n, std::uint64_t to, std::uint64_t new_n, int flags) {
  return {0,
          {.call = Call::kMremap,
           .addr = page(first),
           .length = pages(n),
           .number = flags,
           .to = page(to),
           .new_length = pages(new_n)}};
}
Step fork_to(unsigned slot) { return {0, {.call = Call::kFork, .slot = slot}}; }

constexpr int kFixed = MREMAP_MAYMOVE | MREMAP_FIXED, kDontUnmap = 4;

// Only what a move keeps must lie in one mapping, not what it cuts off; a
// move that keeps its length takes several mappings along.
TEST_F(EngineLive, MovesAcrossMappings) {
  allow({4});
  replay({on(Call::kWrite, 160, 64), on(Call::kMprotect, 200, 1, PROT_READ), remap(169, 60, 1200, 20, kFixed),
          remap(190, 30, 600, 30, kFixed), remap(600, 30, 800, 12, kFixed), remap(600, 30, 601, 30, kFixed),
          remap(20, 4, 1400, 5, kFixed)});
}

// A locked page is not freed, a page without access cannot be locked, and
// MREMAP_DONTUNMAP unlocks all of the mapping it leaves behind.
TEST_F(EngineLive, LockedMemory) {
  allow({4});
  replay({on(Call::kWrite, 0, 32), on(Call::kMlock, 0, 16), on(Call::kMadvise, 0, 16, MADV_FREE),
          on(Call::kMadvise, 0, 16, MADV_DONTNEED), on(Call::kMprotect, 64, 4, PROT_NONE),
          on(Call::kMlock, 60, 16), remap(4, 4, 512, 4, kFixed | kDontUnmap),
          on(Call::kMadvise, 0, 1, MADV_FREE), on(Call::kMadvise, 512, 4, MADV_FREE)});
}

// Of three processes that share a folio two have a slot. The third, alone in
// the end, still has to copy; had it been one of the two it would not.
TEST_F(EngineLive, TheThirdProcessCopiesThoughAlone) {
  allow({4});
  const auto three = [](unsigned last) {
    std::vector<Step> steps{on(Call::kWrite, 0, 16), fork_to(1), fork_to(2)};
    for (unsigned slot = 0; slot < kSlots; ++slot)
      if (slot != last) steps.push_back(on(Call::kMunmap, 0, 16, 0, slot));
    steps.push_back(on(Call::kWrite, 3, 4, 1, last));
    return steps;
  };
  for (unsigned last = 0; last < kSlots; ++last) replay(three(last));
}

// A folio with one mapped page left is copied, to free the rest.
TEST_F(EngineLive, TheLastMappedPageIsCopied) {
  allow({4});
  replay({on(Call::kWrite, 0, 16), fork_to(1), on(Call::kMunmap, 0, 16, 0, 1),
          on(Call::kMadvise, 1, 15, MADV_DONTNEED), on(Call::kWrite, 0, 1)});
}

}  // namespace
}  // namespace quire::lab
