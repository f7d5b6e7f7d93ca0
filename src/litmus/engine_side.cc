#include "litmus/engine_side.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include "arch/native.h"
#include "base/check.h"
#include "litmus/fill.h"
#include "litmus/settings_of.h"
#include "litmus/words.h"
#include "quire/kernel.h"
#include "vm/madvise.h"

namespace quire::litmus {
namespace {

constexpr unsigned kMaxPasses = 1U << 12;    // of one round of khugepaged
constexpr std::uint64_t kZeroFrame = ~0ULL;  // stands for all pages of zero folios
constexpr int kMoveFixed = MREMAP_MAYMOVE | MREMAP_FIXED;
constexpr int kMoveDontUnmap = 4;  // MREMAP_DONTUNMAP

std::unexpected<Diagnostic> not_modelled(std::string what) {
  return fail(Diagnostic{Diagnostic::Kind::kPrivilege, "engine",
                         std::move(what) + ": not modelled by the engine yet", ""});
}

template <typename T>
Ending ending_of(const Result<T, Errno>& result) {
  Ending ending;
  if (!result) ending.ends = errno_name(result.error());
  return ending;
}

int mmap_flags(const Map& m) {
  return MAP_FIXED | MAP_ANONYMOUS | (m.shared ? MAP_SHARED : MAP_PRIVATE) | (m.populate ? MAP_POPULATE : 0) |
         (m.growsdown ? MAP_GROWSDOWN : 0);
}

const char* signal_of(FaultResult result) {
  switch (result) {
    case FaultResult::kBus:
      return "SIGBUS";
    case FaultResult::kOom:
      return "ENOMEM";
    default:
      return "SIGSEGV";
  }
}

class EngineSide : public Side {
 public:
  EngineSide(std::unique_ptr<Kernel> kernel, const std::vector<SwapDevice>& devices)
      : kernel_(std::move(kernel)), devices_(devices), numbers_(devices.size()) {
    processes_[kFirstProcess] = &kernel_->spawn();
    find_counters();
  }
  [[nodiscard]] std::string name() const override { return "engine"; }

  // A device of that description, empty, as swapon(2) on one that was set up anew.
  Result<Ending, Diagnostic> swap_on(unsigned device) {
    const SwapDevice& wanted = devices_[device];
    numbers_[device] = QUIRE_TRY(kernel_->swapon(quire::SwapDevice{.size = wanted.size,
                                                                   .algorithm = wanted.algorithm,
                                                                   .unit = wanted.unit,
                                                                   .priority = wanted.priority}));
    return Ending{};
  }

  Result<Ending, Diagnostic> perform(const Step& step, const Names& names) override {
    names_ = &names;
    process_ = step.process;
    contents_.clear();
    Ending ending =
        QUIRE_TRY(std::visit([this](const auto& action) { return perform(action); }, step.action));
    collect_killed(ending);
    return ending;
  }

  // From now on all programs are in a group with this limit.
  void limit_to(ByteCount limit) {
    group_ = *kernel_->make_group(limit);
    QUIRE_CHECK(processes_.at(kFirstProcess)->enter_group(*group_).has_value());
  }
  bool limited() override { return group_ && kernel_->group_use(*group_)->max_events != 0; }

  Result<void, Diagnostic> check() override {
    if (const auto broken = kernel_->check_invariants(); !broken.empty()) {
      return fail(
          Diagnostic{Diagnostic::Kind::kFailure, "engine", "an invariant is broken: " + broken.front(), ""});
    }
    return {};
  }

  Result<Pages, Diagnostic> pages(const std::string& process, VirtRange range) override {
    Pages pages;
    for (const LayoutRun& run : processes_.at(process)->layout_runs(range))
      pages.append(PageRun{page_of(run.first), run.pages.raw()});
    return pages;
  }

  std::vector<VirtRange> cont(const std::string& process, VirtRange range) override {
    return processes_.at(process)->cont_ranges(range);
  }

  const std::vector<std::string>& counter_names() const override { return counter_names_; }
  std::vector<std::int64_t> counters() override {
    const std::vector<Counter> all = kernel_->counters();
    std::vector<std::int64_t> values;
    values.reserve(counter_places_.size());
    for (const std::size_t place : counter_places_) values.push_back(all[place].value);
    return values;
  }

  std::vector<std::optional<std::uint64_t>> contents(const std::string& process, VirtRange range) override {
    std::vector<std::optional<std::uint64_t>> hashes(pages_between(range.begin, range.end).raw());
    Process& p = *processes_.at(process);
    for (const LayoutRun& run : p.layout_runs(range)) {
      for (std::uint64_t n = 0; has_bytes(run.first) && n < run.pages.raw(); ++n) {
        const PageInfo page = run.at(n);
        hashes[pages_between(range.begin, page.addr).raw()] = content_of(p, page);
      }
    }
    return hashes;
  }

 private:
  using Done = Result<Ending, Diagnostic>;

  void find_counters() {
    const std::vector<Counter> all = kernel_->counters();
    const auto is_asked = [](const Counter& c) {
      const auto names = c.size ? size_counters() : event_counters();
      return (!c.size || kAnonOrders.contains(*c.size)) && std::ranges::find(names, c.name) != names.end();
    };
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!is_asked(all[i])) continue;
      counter_names_.push_back(counter_name(all[i].size, all[i].name));
      counter_places_.push_back(i);
    }
  }

  static bool has_bytes(const PageInfo& page) {
    return page.pfn.valid() || page.state == PageInfo::State::kSwapped;
  }
  // A frame that several programs map is read once. What is read from swap may come into
  // a frame that was another page's.
  std::optional<std::uint64_t> content_of(Process& p, const PageInfo& page) {
    if (page.state == PageInfo::State::kSwapped) {
      contents_.clear();
      if (!p.load(page.addr, page_bytes_)) return std::nullopt;
      return hash_of({reinterpret_cast<const char*>(page_bytes_.data()), page_bytes_.size()});
    }
    const bool zero = page.state == PageInfo::State::kZero;
    const auto [known, is_new] = contents_.try_emplace(zero ? kZeroFrame : page.pfn.raw());
    const std::span bytes = std::span(page_bytes_).first(is_new || !known->second ? page_bytes_.size() : 1);
    if (!p.load(page.addr, bytes)) return std::nullopt;  // protected
    if (bytes.size() != 1)
      known->second = hash_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return known->second;
  }

  static Page page_of(const PageInfo& info) {
    Page page;
    if (info.guard) page.state = Page::State::kGuard;
    if (info.state == PageInfo::State::kNone) return page;
    if (info.state == PageInfo::State::kSwapped) {
      page.state = Page::State::kSwapped;
      page.device = info.swap.device();
      page.slot = info.swap.slot();
      return page;
    }
    page.pmd = info.pmd_mapped;
    page.state = info.state == PageInfo::State::kZero   ? Page::State::kZero
                 : info.state == PageInfo::State::kAnon ? Page::State::kAnon
                                                        : Page::State::kFile;
    if (!page.has_folio()) return page;
    page.folio = info.folio.raw();
    page.order = static_cast<std::uint8_t>(info.order.raw());
    page.index = static_cast<std::uint32_t>((info.pfn - info.folio).raw());
    page.mapcount = info.mapcount;
    page.swapcache = info.swapcache;
    return page;
  }

  // Who was ended for want of memory is gone, as on Linux soon after.
  void collect_killed(Ending& ending) {
    for (const auto& [name, process] : processes_)
      if (process->oom_killed()) ending.killed.push_back(name);
    for (const std::string& name : ending.killed) {
      processes_.at(name)->exit();
      processes_.erase(name);
    }
    if (std::ranges::find(ending.killed, process_) != ending.killed.end())
      ending = Ending{.ends = kKilled, .killed = std::move(ending.killed)};
  }

  [[nodiscard]] Process& process() { return *processes_.at(process_); }
  [[nodiscard]] VirtRange of(const Range& range) const { return names_->of(range); }

  Done perform(const Map& m) {
    if (m.shared) shared_.push_back(names_->block(m.name));
    return ending_of(process().mmap(
        {.addr = names_->block(m.name).begin, .length = m.size, .prot = m.prot, .flags = mmap_flags(m)}));
  }
  Done perform(const Space& /*s*/) { return Ending{}; }

  // Advice that Quire follows for anonymous memory, and Linux for shared memory too.
  static bool is_anonymous_only(int advice) {
    static constexpr std::array kAll{vm::Advice::kCold, vm::Advice::kPageOut, vm::Advice::kCollapse,
                                     vm::Advice::kGuardInstall, vm::Advice::kGuardRemove};
    return std::ranges::find(kAll, static_cast<vm::Advice>(advice)) != kAll.end();
  }
  // Whether shared memory was ever mapped or moved there.
  [[nodiscard]] bool may_be_shared(VirtRange range) const {
    return std::ranges::any_of(shared_, [&](VirtRange r) { return r.overlaps(range); });
  }

  Done perform(const Access& a) {
    const VirtRange range = of(a.range);
    Ending ending;
    for (VirtAddr at = range.begin; at < range.end && !process().oom_killed(); at += a.every)
      access_one(a, at, ending);
    return ending;
  }
  void access_one(const Access& a, VirtAddr at, Ending& ending) {
    const bool write = a.kind == Access::Kind::kWrite;
    const FaultResult result = process().touch(at, write ? AccessKind::kWrite : AccessKind::kRead);
    if (!is_served(result)) {
      ++ending.bad;
      ending.ends = signal_of(result);
      return;
    }
    if (result == FaultResult::kMinor) ++ending.faults;
    if (result == FaultResult::kMajor) ++ending.majors;
    if (a.fill) return fill_one(a, at, ending);
    std::array<std::byte, 1> byte{static_cast<std::byte>(a.value.value_or(1))};
    if (write) {
      QUIRE_CHECK(process().store(at, byte).has_value());
    } else if (a.value) {
      QUIRE_CHECK(process().load(at, byte).has_value());
      if (byte[0] != static_cast<std::byte>(*a.value)) ++ending.wrong;
    }
  }

  // A whole page, or the bytes it should have.
  void fill_one(const Access& a, VirtAddr at, Ending& ending) {
    const std::uint64_t page = a.range.begin.offset.raw() / kPageSize;
    FillWords fill(*a.fill, page + pages_between(of(a.range).begin, at).raw());
    std::array<std::uint64_t, kPageSize / sizeof(std::uint64_t)> wanted{}, found{};
    for (std::uint64_t& word : wanted) word = fill.next();
    if (a.kind == Access::Kind::kWrite) {
      QUIRE_CHECK(process().store(at, std::as_bytes(std::span(wanted))).has_value());
    } else {
      QUIRE_CHECK(process().load(at, std::as_writable_bytes(std::span(found))).has_value());
      if (found != wanted) ++ending.wrong;
    }
  }

  Done perform(const Advise& a) {
    if (!vm::is_modelled(static_cast<vm::Advice>(a.advice)))
      return not_modelled(fmt::format("MADV_{}", word_of(advice_words(), a.advice)));
    const VirtRange range = of(a.range);
    if (is_anonymous_only(a.advice) && may_be_shared(range))
      return not_modelled(fmt::format("MADV_{} of shared memory", word_of(advice_words(), a.advice)));
    return ending_of(process().madvise(range.begin, range.size(), a.advice));
  }
  Done perform(const Protect& p) {
    const VirtRange range = of(p.range);
    return ending_of(process().mprotect(range.begin, range.size(), p.prot));
  }
  Done perform(const Unmap& u) {
    const VirtRange range = of(u.range);
    return ending_of(process().munmap(range.begin, range.size()));
  }
  Done perform(const Move& m) {
    const VirtRange range = of(m.range);
    const VirtAddr to = names_->at(m.to);
    if (may_be_shared(range)) shared_.push_back({to, to + m.size.value_or(range.size())});
    return ending_of(process().mremap(range.begin, range.size(), m.size.value_or(range.size()),
                                      kMoveFixed | (m.dontunmap ? kMoveDontUnmap : 0), to));
  }
  Done perform(const Resize& r) {
    const VirtRange range = of(r.range);
    return ending_of(process().mremap(range.begin, range.size(), r.size, 0));
  }
  Done perform(const Lock& l) {
    const VirtRange range = of(l.range);
    return ending_of(process().mlock(range.begin, range.size()));
  }
  Done perform(const Unlock& u) {
    const VirtRange range = of(u.range);
    return ending_of(process().munlock(range.begin, range.size()));
  }
  Done perform(const Fork& f) {
    const auto child = process().fork();
    if (child) processes_[f.child] = *child;
    return ending_of(child);
  }
  Done perform(const Exit& /*e*/) {
    process().exit();
    processes_.erase(process_);
    return Ending{};
  }
  Done perform(const Exec& /*e*/) { return ending_of(process().exec()); }
  Done perform(const Prctl& p) {
    const bool off = p.thp == Prctl::ThpDisable::kOff;
    return ending_of(
        process().set_thp_disable(off ? 0 : 1, p.thp == Prctl::ThpDisable::kExceptAdvised ? 2 : 0));
  }
  Done perform(const NameProcess& n) {
    process().set_name(n.name);
    return Ending{};
  }
  Done perform(const NameMapping& n) {
    const VirtRange range = of(n.range);
    return ending_of(process().name_mapping(range.begin, range.size(), n.name));
  }
  Done perform(const Sizes& s) {
    const VirtRange range = of(s.range);
    return ending_of(process().madvise_sizes(range.begin, range.size(), s.orders));
  }
  Done perform(const Set& s) {
    for (const std::string& file : files_of(s)) {
      const auto written = kernel_->sysfs_write(file, s.value);
      if (!written) return ending_of(written);
    }
    return Ending{};
  }
  Done perform(const Uffd& u) {
    const VirtRange range = of(u.range);
    if (may_be_shared(range)) return not_modelled("userfaultfd on shared memory");
    switch (u.op) {
      case Uffd::Op::kRegister:
        return ending_of(process().uffd_register(range.begin, range.size()));
      case Uffd::Op::kUnregister:
        return ending_of(process().uffd_unregister(range.begin, range.size()));
      case Uffd::Op::kCopy:
        return ending_of(process().uffd_copy(range.begin, range.size(), static_cast<std::byte>(u.value)));
      case Uffd::Op::kZero:
        return ending_of(process().uffd_zeropage(range.begin, range.size()));
      case Uffd::Op::kWake:
        return Ending{};
      default:
        return not_modelled("write-protection by userfaultfd");
    }
  }
  // The numbers of devices and of those in use come apart when some are off.
  Done perform(const Swapoff& s) {
    auto& number = numbers_[s.device];
    if (!number) return Ending{.ends = errno_name(Errno::kInval)};
    const auto off = kernel_->swapoff(*number);
    if (off) number.reset();
    return ending_of(off);
  }
  Done perform(const Swapon& s) {
    if (numbers_[s.device]) return Ending{.ends = errno_name(Errno::kBusy)};
    return swap_on(s.device);
  }
  Done perform(const Pin& p) {
    const VirtRange range = of(p.range);
    return ending_of(p.to_read ? process().pin_to_read(range.begin, range.size())
                               : process().pin(range.begin, range.size()));
  }
  Done perform(const Unpin& u) {
    const VirtRange range = of(u.range);
    return ending_of(process().unpin(range.begin, range.size()));
  }
  // What the limit cannot take back cgroup v1 refuses to forbid; v2 would kill for it.
  Done perform(const Limit& l) { return ending_of(kernel_->set_limit(*group_, l.size)); }
  Done perform(const Khugepaged& k) {
    for (unsigned round = 0; round < k.rounds; ++round) {
      const long long before = full_scans();
      for (unsigned pass = 0; pass < kMaxPasses && full_scans() == before; ++pass) kernel_->khugepaged(1);
    }
    return Ending{};
  }
  [[nodiscard]] long long full_scans() const {
    return std::atoll(kernel_->sysfs_read("khugepaged/full_scans")->c_str());
  }
  Done perform(const Split& s) {
    const VirtRange range = of(s.range);
    return ending_of(kernel_->debugfs_write(
        "split_huge_pages", fmt::format("{},{:#x},{:#x},{}", process().pid(), range.begin.raw(),
                                        range.end.raw(), s.order.raw())));
  }

  std::unique_ptr<Kernel> kernel_;
  const std::vector<SwapDevice> devices_;
  std::vector<std::optional<unsigned>> numbers_;  // of each while it is in use
  std::map<std::string, Process*> processes_;
  std::vector<std::string> counter_names_;
  std::vector<std::size_t> counter_places_;  // of each in Kernel::counters()
  // Of each frame since the last step; none: only seen where it is protected.
  absl::flat_hash_map<std::uint64_t, std::optional<std::uint64_t>> contents_;
  std::array<std::byte, kPageSize> page_bytes_{};
  std::vector<VirtRange> shared_;
  std::optional<unsigned> group_;  // of all programs, with a limit
  const Names* names_ = nullptr;
  std::string process_;
};

}  // namespace

Result<std::unique_ptr<Side>, Diagnostic> engine_side(const Experiment& experiment,
                                                      std::shared_ptr<phys::HostMemory> host) {
  if (!experiment.arch.empty() && experiment.arch != arch::Native::kName)
    return fail(Diagnostic{
        Diagnostic::Kind::kPrivilege, "engine",
        fmt::format("this is the engine of {}, not of {}", arch::Native::kName, experiment.arch), ""});
  auto kernel =
      QUIRE_TRY(Kernel::create({.ram = experiment.ram.value_or(1_GiB),
                                .host = std::move(host),
                                .reclaim = experiment.limit ? Reclaim::kWhenShort : Reclaim::kNever},
                               experiment.policy.empty() ? "linux-6.18" : experiment.policy));
  std::vector<Set> settings = experiment.settings;
  if (experiment.policy.empty())
    settings.insert(settings.begin(), Set{{}, OrderSet::of(kOrderPmd), "", "never"});
  for (const Set& set : settings)
    for (const std::string& file : files_of(set))
      QUIRE_CHECK(kernel->sysfs_write(file, set.value).has_value());
  auto side = std::make_unique<EngineSide>(std::move(kernel), experiment.swaps);
  for (unsigned device = 0; device < experiment.swaps.size(); ++device) QUIRE_TRY(side->swap_on(device));
  if (experiment.limit) side->limit_to(*experiment.limit);
  return side;
}

}  // namespace quire::litmus
