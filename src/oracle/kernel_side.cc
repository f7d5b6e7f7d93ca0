#include "oracle/kernel_side.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <thread>

#include "litmus/settings_of.h"
#include "litmus/words.h"
#include "live/host.h"
#include "live/unique_fd.h"
#include "live/zram.h"
#include "oracle/khugepaged_nap.h"
#include "oracle/live_group.h"
#include "oracle/live_programs.h"

namespace quire::litmus {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);
constexpr int kMoveFixed = MREMAP_MAYMOVE | MREMAP_FIXED;
constexpr int kMoveDontUnmap = 4;  // MREMAP_DONTUNMAP

Diagnostic cannot(std::string what) { return {Diagnostic::Kind::kPrivilege, "kernel", std::move(what), ""}; }
Diagnostic broken(std::string what) { return {Diagnostic::Kind::kFailure, "kernel", std::move(what), ""}; }

std::string signal_name(int signal) { return signal == SIGBUS ? "SIGBUS" : "SIGSEGV"; }

// errno as the language spells it.
std::string error_name(int error) {
  if (error == 0) return "";
  if (error == E2BIG) return "E2BIG";
  if (error == EINTR) return "EINTR";
  return errno_name(static_cast<Errno>(error));
}

Ending ending_of(const Answer& answer) {
  if (answer.killed) return {.ends = kKilled};
  return {.ends = answer.bad != 0 ? signal_name(answer.signal) : error_name(answer.error),
          .faults = answer.faults,
          .majors = answer.majors,
          .bad = answer.bad,
          .wrong = answer.wrong};
}

// Swap is out of use when the programs that filled it are gone.
class SwapInUse {
 public:
  explicit SwapInUse(LiveSwap& swap) : swap_(swap) {}
  SwapInUse(const SwapInUse&) = delete;
  SwapInUse& operator=(const SwapInUse&) = delete;
  // What fails here fails again, and is told, before the next experiment.
  ~SwapInUse() { (void)swap_.turn_off(); }

 private:
  LiveSwap& swap_;
};

class KernelSide : public Side {
 public:
  KernelSide(KernelHost& host, const policy::Settings& settings, const Experiment& experiment,
             std::unique_ptr<LiveGroup> group)
      : host_(host),
        settings_(settings),
        devices_(experiment.swaps),
        swap_(host.swap()),
        group_(std::move(group)) {
    slots_[kFirstProcess] = 0;
  }
  [[nodiscard]] Result<void, Diagnostic> enter_group() const {
    if (group_) return group_->add(programs_.pid(0));
    return {};
  }
  [[nodiscard]] std::string name() const override { return "Linux " + live::describe_host().kernel_release; }

  Result<Ending, Diagnostic> perform(const Step& step, const Names& names) override {
    names_ = &names;
    slot_ = slots_.at(step.process);
    process_ = step.process;
    host_.layouts().forget();
    Ending ending =
        QUIRE_TRY(std::visit([this](const auto& action) { return perform(action); }, step.action));
    if (group_) QUIRE_TRY(look_at_group(ending));
    return ending;
  }
  bool limited() override { return limited_; }

  Result<Pages, Diagnostic> pages(const std::string& process, VirtRange range) override {
    Pages pages;
    for (const live::PageView& view :
         QUIRE_TRY(host_.layouts().read(programs_.pid(slots_.at(process)), range)))
      pages.append(page_of(view));
    return pages;
  }

  const std::vector<std::string>& counter_names() const override { return host_.counters().names(); }
  std::vector<std::int64_t> counters() override { return host_.counters().read(); }

  std::vector<std::optional<std::uint64_t>> contents(const std::string& process, VirtRange range) override {
    const std::string path = fmt::format("/proc/{}/mem", programs_.pid(slots_.at(process)));
    const live::UniqueFd memory(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const auto views = host_.layouts().read(programs_.pid(slots_.at(process)), range);
    std::vector<std::optional<std::uint64_t>> hashes(pages_between(range.begin, range.end).raw());
    std::array<char, kPageSize> page{};
    for (std::size_t i = 0; views && i < hashes.size(); ++i) {
      const auto at = static_cast<off_t>((range.begin + PageCount(i)).raw());
      if (((*views)[i].present || (*views)[i].swapped) &&
          ::pread(memory.get(), page.data(), page.size(), at) == static_cast<ssize_t>(page.size()))
        hashes[i] = hash_of({page.data(), page.size()});
    }
    return hashes;
  }

 private:
  using Done = Result<Ending, Diagnostic>;

  static Page page_of(const live::PageView& view) {
    Page page;
    if (view.swapped) {
      page.state = Page::State::kSwapped;
      page.device = view.swap.device();
      page.slot = view.swap.slot();
    }
    if (view.guard_region) page.state = Page::State::kGuard;
    if (!view.present) return page;
    page.pmd = view.pmd_mapped;
    page.state = view.zero ? Page::State::kZero : view.anon ? Page::State::kAnon : Page::State::kFile;
    if (!page.has_folio()) return page;
    page.folio = view.head.raw();
    page.order = static_cast<std::uint8_t>(view.order.raw());
    page.index = static_cast<std::uint32_t>((view.pfn - view.head).raw());
    page.mapcount = view.mapcount;
    page.swapcache = view.swapcache;
    return page;
  }

  // What the limit did meanwhile. The kernel counts a victim before the step ends that
  // made it one; it ends some time later.
  Result<void, Diagnostic> look_at_group(Ending& ending) {
    const LiveGroup::Events events = QUIRE_TRY(group_->events());
    limited_ = events.limited != 0;
    std::vector<unsigned> killed;
    if (!programs_.collect_killed(events.oom_kills - oom_kills_, killed))
      return fail(broken("a program that was killed does not end"));
    oom_kills_ = events.oom_kills;
    for (const unsigned slot : killed) {
      const auto found = std::ranges::find(slots_, slot, [](const auto& known) { return known.second; });
      if (found == slots_.end()) continue;
      ending.killed.push_back(found->first);
      slots_.erase(found);
    }
    std::ranges::sort(ending.killed);
    return {};
  }

  Done run(const Command& command) {
    const auto answer = programs_.run(slot_, command);
    if (!answer) return fail(broken("the program does not answer"));
    return ending_of(*answer);
  }
  Done call(Call call, const Range& range, int number = 0) {
    const VirtRange r = names_->of(range);
    return run({.call = call, .addr = r.begin.raw(), .length = r.size().raw(), .number = number});
  }

  Done perform(const Map& m) {
    const int flags = MAP_FIXED | MAP_ANONYMOUS | (m.shared ? MAP_SHARED : MAP_PRIVATE) |
                      (m.populate ? MAP_POPULATE : 0) | (m.growsdown ? MAP_GROWSDOWN : 0);
    return run({.call = Call::kMmap,
                .addr = names_->block(m.name).begin.raw(),
                .length = m.size.raw(),
                .number = m.prot,
                .flags = flags});
  }
  Done perform(const Space& /*s*/) { return Ending{}; }
  Done perform(const Access& a) {
    const VirtRange range = names_->of(a.range);
    const bool write = a.kind == Access::Kind::kWrite;
    return run({.call = write ? Call::kWrite : Call::kRead,
                .addr = range.begin.raw(),
                .length = range.size().raw(),
                .stride = a.every.raw(),
                .value = a.value ? *a.value
                         : write ? 1
                                 : -1,
                .fill = a.fill,
                .first_page = a.range.begin.offset.raw() / kPageSize});
  }
  Done perform(const Advise& a) { return call(Call::kMadvise, a.range, a.advice); }
  Done perform(const Protect& p) { return call(Call::kMprotect, p.range, p.prot); }
  Done perform(const Unmap& u) { return call(Call::kMunmap, u.range); }
  Done perform(const Lock& l) { return call(Call::kMlock, l.range); }
  Done perform(const Unlock& u) { return call(Call::kMunlock, u.range); }
  Done perform(const Move& m) {
    const VirtRange range = names_->of(m.range);
    return run({.call = Call::kMremap,
                .addr = range.begin.raw(),
                .length = range.size().raw(),
                .number = kMoveFixed | (m.dontunmap ? kMoveDontUnmap : 0),
                .to = names_->at(m.to).raw(),
                .new_length = m.size.value_or(range.size()).raw()});
  }
  Done perform(const Resize& r) {
    const VirtRange range = names_->of(r.range);
    return run({.call = Call::kMremap,
                .addr = range.begin.raw(),
                .length = range.size().raw(),
                .new_length = r.size.raw()});
  }
  Done perform(const Fork& f) {
    unsigned slot = 0;
    while (slot < kSlots && programs_.alive(slot)) ++slot;
    if (slot == kSlots) return fail(broken("too many programs"));
    Done done = run({.call = Call::kFork, .slot = slot});
    if (done && done->ends.empty()) slots_[f.child] = slot;
    return done;
  }
  Done perform(const Exit& /*e*/) {
    Done done = run({.call = Call::kExit});
    slots_.erase(process_);
    return done;
  }
  Done perform(const Prctl& p) {
    return run({.call = Call::kPrctl,
                .number = p.thp == Prctl::ThpDisable::kOff ? 0 : 1,
                .flags = p.thp == Prctl::ThpDisable::kExceptAdvised ? 2 : 0});
  }
  // Hints of named policies; a file for this kernel has none.
  Done perform(const NameProcess& /*n*/) {
    return fail(cannot("names are hints to policies of the engine only"));
  }
  Done perform(const NameMapping& /*n*/) {
    return fail(cannot("names are hints to policies of the engine only"));
  }
  Done perform(const Sizes& /*s*/) { return fail(cannot("sets of sizes are of the engine only")); }
  Done perform(const Set& s) {
    litmus::apply(settings_, s);
    QUIRE_TRY(host_.apply(settings_));
    return Ending{};
  }
  Done perform(const Limit& l) {
    Ending ending;
    if (const std::errc refused = group_->set_limit(l.size); refused != std::errc{})
      ending.ends = error_name(static_cast<int>(refused));
    return ending;
  }
  Done perform(const Exec& /*e*/) { return run({.call = Call::kExec}); }
  Done perform(const Uffd& u) {
    const VirtRange range = names_->of(u.range);
    return run({.call = Call::kUffd,
                .addr = range.begin.raw(),
                .length = range.size().raw(),
                .number = static_cast<int>(u.op),
                .value = u.value});
  }
  Done perform(const Swapoff& s) {
    return run({.call = Call::kSwapoff, .number = static_cast<int>(host_.swap().number(s.device))});
  }
  Done perform(const Swapon& s) {
    return run({.call = Call::kSwapon,
                .number = static_cast<int>(host_.swap().number(s.device)),
                .flags = live::swapon_flags(devices_[s.device].priority)});
  }
  Done perform(const Pin& p) { return call(p.to_read ? Call::kPinToRead : Call::kPin, p.range); }
  Done perform(const Unpin& u) { return call(Call::kUnpin, u.range); }
  Done perform(const Khugepaged& k) {
    for (unsigned round = 0; round < k.rounds; ++round)
      if (!let_khugepaged_come_round()) return fail(broken("khugepaged does not come round"));
    return Ending{};
  }
  Done perform(const Split& s) {
    const VirtRange range = names_->of(s.range);
    const live::UniqueFd file(::open("/sys/kernel/debug/split_huge_pages", O_WRONLY | O_CLOEXEC));
    if (!file.valid()) return fail(cannot("split: /sys/kernel/debug/split_huge_pages cannot be opened here"));
    const std::string words = fmt::format("{},{:#x},{:#x},{}", programs_.pid(slot_), range.begin.raw(),
                                          range.end.raw(), s.order.raw());
    Ending ending;
    if (::write(file.get(), words.data(), words.size()) < 0) ending.ends = error_name(errno);
    return ending;
  }

  KernelHost& host_;
  policy::Settings settings_;
  const std::vector<SwapDevice> devices_;
  // In this order: programs go first, and what they had with them.
  const SwapInUse swap_;
  const std::unique_ptr<LiveGroup> group_;
  std::uint64_t oom_kills_ = 0;  // that were told
  bool limited_ = false;
  LivePrograms programs_;
  std::map<std::string, unsigned> slots_;
  const Names* names_ = nullptr;
  std::string process_;
  unsigned slot_ = 0;
};

Result<void, Diagnostic> check_host() {
  utsname name{};
  ::uname(&name);
  const std::string running = fmt::format("{} on {}", name.release, name.machine);
  if (!running.starts_with("6.18.") || std::string_view(name.machine) != "x86_64")
    return fail(cannot("the host runs Linux " + running + ", expected 6.18 on x86_64"));
  if (const auto c = live::probe_page_frames(); !c.available)
    return fail(
        Diagnostic{Diagnostic::Kind::kPrivilege, "kernel", c.reason, "run it as root, or --on engine"});
  return {};
}

Result<live::SettingsGuard, Diagnostic> hold_settings() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    auto guard = live::SettingsGuard::hold();
    if (guard || std::chrono::steady_clock::now() > deadline) return guard;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

}  // namespace

Result<KernelHost, Diagnostic> KernelHost::open() {
  QUIRE_TRY(check_host());
  auto layouts = QUIRE_TRY(live::LayoutReader::open());
  return KernelHost(QUIRE_TRY(hold_settings()), std::move(layouts));
}

KernelHost::KernelHost(live::SettingsGuard guard, live::LayoutReader layouts)
    : guard_(std::move(guard)), layouts_(std::move(layouts)) {
  ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

KernelHost::KernelHost(KernelHost&& other) noexcept
    : guard_(std::move(other.guard_)),
      layouts_(std::move(other.layouts_)),
      counters_(std::move(other.counters_)),
      swap_(std::move(other.swap_)),
      khugepaged_naps_(other.khugepaged_naps_),
      ours_(std::exchange(other.ours_, false)) {}

KernelHost::~KernelHost() {
  if (ours_) ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

Result<void, Diagnostic> KernelHost::apply(const policy::Settings& settings) {
  QUIRE_TRY(guard_.apply(settings));
  const bool runs = wakes_khugepaged(settings);
  if (runs && !khugepaged_naps_) let_khugepaged_nap();
  khugepaged_naps_ = runs;  // the next one to start is a new one
  return {};
}

Result<std::unique_ptr<Side>, Diagnostic> KernelHost::side(const Experiment& experiment) {
  if (!experiment.arch.empty() && experiment.arch != "x86-64")
    return fail(cannot("the experiment is for " + experiment.arch));
  const auto settings = settings_of(experiment);
  if (!settings || settings->policy != &policy::kLinux618)
    return fail(cannot("the policy " + experiment.policy + " is one of the engine only"));
  QUIRE_TRY(apply(*settings));
  QUIRE_TRY(swap_.turn_on(guard_, experiment.swaps));
  std::unique_ptr<LiveGroup> group;
  if (experiment.limit && experiment.swaps.empty()) QUIRE_TRY(swap_.wait_for_others());
  if (experiment.limit) group = QUIRE_TRY(LiveGroup::make(*experiment.limit));
  auto side = std::make_unique<KernelSide>(*this, *settings, experiment, std::move(group));
  QUIRE_TRY(side->enter_group());
  return side;
}

}  // namespace quire::litmus
