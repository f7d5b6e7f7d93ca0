#include "litmus/random.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>

#include "base/rng.h"
#include "litmus/names.h"

namespace quire::litmus {
namespace {

constexpr const char* kArena = "A";
constexpr const char* kBesideFull = "anon_beside_full";
constexpr std::uint64_t kPages = 1536;  // three blocks of 2 MiB
constexpr const char* kShared = "S";    // shared memory, in some experiments
constexpr std::uint64_t kSharedPages = 96;
constexpr std::size_t kMostProcesses = 4;
// Newer than the headers of Debian 12.
constexpr int kCollapse = 25;
constexpr int kGuardInstall = 102;
constexpr int kGuardRemove = 103;

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : rng_(seed) {}
  template <typename T, std::size_t N>
  [[nodiscard]] T one_of(const std::array<T, N>& all) {
    return all[rng_.below(N)];
  }
  [[nodiscard]] bool percent(unsigned n) { return rng_.chance(n); }
  [[nodiscard]] std::uint64_t below(std::uint64_t n) { return rng_.below(n); }

 private:
  base::Rng rng_;
};

// --- Settings ---

Set size_setting(Order order, const char* value) { return {{}, OrderSet::of(order), "", value}; }
Set file_setting(const char* file, const char* value) { return {{}, {}, file, value}; }

// Under a limit of some MiB larger folios are so few that Linux may find all of them in use and end the
// program, with swap to spare; which of them it had seen used is not the experiment's.
constexpr Order kMostLimited{6};

std::vector<Set> random_settings(Chance& chance, Order most) {
  std::vector<Set> settings;
  // `always` reaches every program of the host: now and then.
  const bool everybody = chance.percent(5);
  settings.push_back(file_setting("enabled", everybody            ? "always"
                                             : chance.percent(50) ? "madvise"
                                                                  : "never"));
  const unsigned how_many = chance.one_of(std::array{25U, 50U, 100U});
  for (unsigned order = 2; order <= kPmdOrder; ++order) {
    const char* value = "never";
    if (chance.percent(how_many)) value = chance.percent(70) ? "madvise" : "inherit";
    if (everybody && chance.percent(10)) value = "always";
    if (Order(order) > most) value = "never";
    settings.push_back(size_setting(Order(order), value));
  }
  static constexpr std::array kDefrag{"always", "defer", "defer+madvise", "madvise", "never"};
  settings.push_back(file_setting("defrag", chance.one_of(kDefrag)));
  settings.push_back(file_setting("use_zero_page", chance.percent(70) ? "1" : "0"));
  return settings;
}

// Page tables and stacks of four programs are charged too, and cannot be taken back: a limit
// leaves room for them.
ByteCount random_limit(Chance& chance) { return chance.one_of(std::array{3_MiB, 4_MiB, 6_MiB, 10_MiB}); }

// Under a limit all that can be written has room here, so that nobody is killed.
std::vector<SwapDevice> ample_device() { return {SwapDevice{.algorithm = "lz4", .size = 64_MiB}}; }

// Some hold all that can be written, some do not; a few are not of whole clusters.
std::vector<SwapDevice> random_devices(Chance& chance) {
  static constexpr std::array<std::uint64_t, 8> kSizes{256, 512, 700, 1024, 1100, 2048, 16384, 16384};
  std::vector<SwapDevice> devices(chance.percent(85) ? 1 : 2);
  for (SwapDevice& device : devices) {
    device.algorithm = chance.percent(70) ? "lz4" : "lzo";
    device.size = PageCount(chance.one_of(kSizes)).bytes();
    if (chance.percent(50)) device.priority = chance.percent(50) ? 5 : 10;
  }
  return devices;
}

// --- Steps ---

class Script {
 public:
  explicit Script(const RandomOptions& options)
      : chance_(options.seed),
        swap_(options.swap == RandomOptions::Swap::kZram),
        limited_(swap_ && chance_.percent(15)),
        pins_(chance_.percent(30) && !limited_),
        uffd_(chance_.percent(25)),
        shared_(chance_.percent(15)),
        exec_(chance_.percent(15)),
        beside_full_(chance_.percent(30)),
        swapoff_(swap_ && !limited_ && chance_.percent(5)) {}

  Experiment run(unsigned steps) {
    Experiment experiment;
    experiment.about = "made by chance";
    experiment.ram = 128_MiB;
    experiment.settings = random_settings(chance_, limited_ ? kMostLimited : kOrderPmd);
    if (beside_full_)
      experiment.settings.push_back(file_setting(kBesideFull, chance_.percent(80) ? "1" : "0"));
    if (swap_) experiment.swaps = limited_ ? ample_device() : random_devices(chance_);
    if (limited_) experiment.limit = random_limit(chance_);
    devices_ = experiment.swaps.size();
    add(experiment, Map{.name = kArena, .size = PageCount(kPages).bytes(), .location = {}});
    if (chance_.percent(95)) add(experiment, Advise{MADV_HUGEPAGE, whole()});
    if (shared_)
      add(experiment,
          Map{.name = kShared, .size = PageCount(kSharedPages).bytes(), .location = {}, .shared = true});
    while (experiment.steps.size() < steps) {
      process_ = lives_.alive()[chance_.below(lives_.alive().size())];
      if (exec_ && chance_.percent(2) && experiment.steps.size() + 3 <= steps) {
        begin_anew(experiment);
      } else {
        add(experiment, under_limit(action()));
      }
    }
    return experiment;
  }

 private:
  void add(Experiment& experiment, Action action) {
    Step step;
    step.process = process_;
    step.action = std::move(action);
    lives_.after(step);
    experiment.steps.push_back(std::move(step));
  }

  // exec leaves nothing: the arena is mapped again.
  void begin_anew(Experiment& experiment) {
    add(experiment, Exec{});
    Map again{.name = fmt::format("m{}", ++maps_), .size = PageCount(kPages).bytes(), .location = {}};
    again.location.kind = Location::Kind::kPlace;
    again.location.place = page(0);
    add(experiment, again);
    add(experiment, Advise{MADV_HUGEPAGE, whole()});
  }

  // What depends on which page the kernel took first, or cannot be taken, is no step of an
  // experiment with a limit: it is written to instead.
  Action under_limit(Action action) {
    if (!limited_) return action;
    const auto* const advise = std::get_if<Advise>(&action);
    const bool by_chance = advise != nullptr && (advise->advice == MADV_FREE || advise->advice == kCollapse);
    if (by_chance || std::holds_alternative<Lock>(action)) return filled();
    if (!chance_.percent(3)) return action;
    process_ = kFirstProcess;
    return lives_.has(kFirstProcess) ? Action(Limit{random_limit(chance_)}) : filled();
  }

  Action action() {
    if (swap_ && chance_.percent(45)) return of_swap();
    if (pins_ && chance_.percent(12)) return pin();
    if (uffd_ && chance_.percent(15)) return uffd();
    if (shared_ && chance_.percent(15)) return of_shared();
    const std::uint64_t dice = chance_.below(100);
    if (dice < 28) return access(Access::Kind::kWrite);
    if (dice < 37) return access(Access::Kind::kRead);
    if (dice < 46) return Protect{range(), chance_.one_of(std::array{3, 3, 1, 0})};
    if (dice < 51) return Unmap{range()};
    if (dice < 56) return map();
    if (dice < 79) return Advise{advice(), range()};
    if (dice < 86) return move();
    if (dice < 88) return resize();
    if (dice < 90) return lock();
    if (dice < 92) return prctl();
    if (dice < 93 && lives_.has(kFirstProcess)) return setting();
    if (dice < 97 && lives_.alive().size() < kMostProcesses) return Fork{fmt::format("c{}", ++children_)};
    if (lives_.alive().size() > 1) return Exit{};
    return Advise{MADV_HUGEPAGE, whole()};
  }

  [[nodiscard]] static Range whole() { return {Place{{}, kArena, {}}, Range::Extent::kWhole, {}}; }
  [[nodiscard]] static Place page(std::uint64_t n) { return {{}, kArena, PageCount(n).bytes()}; }
  [[nodiscard]] std::uint64_t any_page() {
    const std::uint64_t align = chance_.one_of(std::array<std::uint64_t, 5>{1, 1, 4, 16, 512});
    return chance_.below(kPages) / align * align;
  }
  [[nodiscard]] std::uint64_t any_length() {
    return chance_.one_of(std::array<std::uint64_t, 13>{1, 1, 2, 3, 4, 8, 16, 16, 17, 33, 100, 512, 700});
  }
  [[nodiscard]] static Range pages(std::uint64_t first, std::uint64_t n) {
    return {page(first), Range::Extent::kLength, PageCount(n).bytes()};
  }
  [[nodiscard]] Range range() {
    const std::uint64_t first = any_page();
    return pages(first, std::min(any_length(), kPages - first));
  }
  [[nodiscard]] Action access(Access::Kind kind) {
    Access access{.kind = kind, .range = range(), .value = std::nullopt};
    access.every = PageCount(chance_.one_of(std::array<std::uint64_t, 5>{1, 1, 3, 16, 40})).bytes();
    if (kind == Access::Kind::kWrite) access.value = static_cast<std::uint8_t>(1 + chance_.below(200));
    return access;
  }
  [[nodiscard]] Action map() {
    const Range where = range();
    Map map{.name = fmt::format("m{}", ++maps_), .size = where.length, .location = {}};
    map.location.kind = Location::Kind::kPlace;
    map.location.place = where.begin;
    map.prot = chance_.percent(85) ? PROT_READ | PROT_WRITE : PROT_READ;
    map.populate = chance_.percent(15);
    return map;
  }
  [[nodiscard]] int advice() {
    static constexpr std::array<int, 21> kAdvice{
        MADV_HUGEPAGE,       MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTNEED,   MADV_DONTNEED,
        MADV_DONTNEED,       MADV_FREE,     MADV_FREE,       MADV_FREE,       MADV_POPULATE_READ,
        MADV_POPULATE_WRITE, MADV_DONTFORK, MADV_DOFORK,     MADV_WIPEONFORK, MADV_KEEPONFORK,
        MADV_COLD,           MADV_PAGEOUT,  kCollapse,       kCollapse,       kGuardInstall,
        kGuardRemove};
    return chance_.one_of(kAdvice);
  }
  [[nodiscard]] Action move() {
    const Range from = range();
    const std::uint64_t n = from.length.raw() / kPageSize;
    const std::uint64_t to = any_page();
    Move move{.range = from, .to = page(to), .size = std::nullopt};
    const std::uint64_t wanted = chance_.percent(75) ? n : 1 + chance_.below(n + 20);
    const std::uint64_t size = std::min(wanted, kPages - to);
    if (size != n) move.size = PageCount(size).bytes();
    move.dontunmap = !move.size && chance_.percent(25);
    return move;
  }
  [[nodiscard]] Action resize() {
    const Range from = range();
    const std::uint64_t n = from.length.raw() / kPageSize;
    return Resize{from, PageCount(1 + chance_.below(n + 20)).bytes()};
  }
  [[nodiscard]] Action pin() {
    const std::uint64_t dice = chance_.below(100);
    if (dice < 25) return Pin{range(), true};
    if (dice < 60 || pinned_.empty()) {
      pinned_.push_back(range());
      return Pin{pinned_.back()};
    }
    return Unpin{pinned_[chance_.below(pinned_.size())]};
  }
  [[nodiscard]] Action uffd() {
    using enum Uffd::Op;
    Uffd uffd{.op = chance_.one_of(std::array{kRegister, kRegister, kUnregister, kCopy, kCopy, kCopy, kZero}),
              .range = range()};
    if (uffd.op == kCopy) uffd.value = static_cast<std::uint8_t>(1 + chance_.below(200));
    return uffd;
  }
  // What goes out, what comes back, and with which sizes.
  [[nodiscard]] Action of_swap() {
    if (swapoff_ && chance_.percent(4)) {
      const auto device = static_cast<unsigned>(chance_.below(devices_));
      return chance_.percent(50) ? Action(Swapoff{device}) : Action(Swapon{device});
    }
    const std::uint64_t dice = chance_.below(100);
    if (dice < 40) return Advise{MADV_PAGEOUT, chance_.percent(25) ? whole() : range()};
    if (dice < 44) return Advise{MADV_COLD, range()};
    if (dice < 49) return Advise{MADV_FREE, range()};
    if (dice < 53) return Advise{kCollapse, range()};
    if (dice < 56) return Advise{MADV_POPULATE_WRITE, range()};
    if (dice < 76) return filled();
    if (dice < 90 || !lives_.has(kFirstProcess)) return access(Access::Kind::kRead);
    return setting();
  }
  // Noise, text or zeroes all over.
  [[nodiscard]] Action filled() {
    Access access{.kind = Access::Kind::kWrite, .range = range(), .value = std::nullopt};
    access.every = PageCount(chance_.one_of(std::array<std::uint64_t, 4>{1, 1, 1, 3})).bytes();
    const std::uint64_t dice = chance_.below(100);
    const auto seed = static_cast<std::uint32_t>(chance_.below(1000));
    if (dice < 40) {
      access.fill = Fill{Fill::Kind::kNoise, seed};
    } else if (dice < 70) {
      access.fill = Fill{Fill::Kind::kText, seed};
    } else {
      access.fill = Fill{Fill::Kind::kZeroes, 0};
    }
    return access;
  }
  // A range of the shared memory.
  [[nodiscard]] Range shared_range() {
    const std::uint64_t first = chance_.below(kSharedPages);
    const std::uint64_t n = std::min(1 + chance_.below(40), kSharedPages - first);
    return {{{}, kShared, PageCount(first).bytes()}, Range::Extent::kLength, PageCount(n).bytes()};
  }
  [[nodiscard]] Action of_shared() {
    const std::uint64_t dice = chance_.below(100);
    if (dice < 60) {
      Action action = access(dice < 35 ? Access::Kind::kWrite : Access::Kind::kRead);
      std::get<Access>(action).range = shared_range();
      return action;
    }
    if (dice < 70) return Protect{shared_range(), chance_.one_of(std::array{3, 3, 1, 0})};
    if (dice < 73) return Unmap{shared_range()};
    if (dice < 78) return pins_ ? Action(Pin{shared_range()}) : Action(Lock{shared_range()});
    static constexpr std::array kAdvice{MADV_DONTNEED,  MADV_DONTNEED,      MADV_FREE,
                                        MADV_HUGEPAGE,  MADV_POPULATE_READ, MADV_POPULATE_WRITE,
                                        MADV_WIPEONFORK};
    return Advise{chance_.one_of(kAdvice), shared_range()};
  }
  [[nodiscard]] Action lock() {
    if (chance_.percent(60)) return Lock{range()};
    return Unlock{range()};
  }
  [[nodiscard]] Action prctl() {
    using enum Prctl::ThpDisable;
    return Prctl{chance_.one_of(std::array{kOff, kOff, kOn, kExceptAdvised})};
  }
  // The machine's, not a process's: the language writes it without one.
  [[nodiscard]] Action setting() {
    process_ = kFirstProcess;
    if (beside_full_ && chance_.percent(50))
      return file_setting(kBesideFull, chance_.percent(60) ? "1" : "0");
    // Not 2 MiB: khugepaged begins to run when it is switched on, and looks at
    // the programs that are there already.
    const Order order(2 + static_cast<unsigned>(chance_.below(kPmdOrder - 2)));
    const bool allowed = chance_.percent(60) && (!limited_ || order <= kMostLimited);
    return size_setting(order, allowed ? "madvise" : "never");
  }

  Chance chance_;
  Lives lives_;
  // What this experiment is about besides.
  const bool swap_, limited_, pins_, uffd_, shared_, exec_, beside_full_, swapoff_;
  std::size_t devices_ = 0;
  std::vector<Range> pinned_;
  std::string process_ = kFirstProcess;
  unsigned children_ = 0;
  unsigned maps_ = 0;
};

}  // namespace

Experiment random_experiment(const RandomOptions& options) { return Script(options).run(options.steps); }

}  // namespace quire::litmus
