// litmus/testing_random_experiment.h - for tests only: any experiment the
// language can say.
#pragma once

#include <array>

#include "base/rng.h"
#include "litmus/experiment.h"
#include "litmus/words.h"

namespace quire::litmus::testing {

class RandomExperiment {
 public:
  explicit RandomExperiment(std::uint64_t seed) : rng_(seed) {}

  Experiment make() {
    Experiment e;
    if (flip()) e.about = "Something = true, of a folio.";
    if (flip()) e.rules = {"2.4", "T5a"};
    if (flip()) e.fails = static_cast<Subject>(rng_.below(4));
    if (flip()) e.ram = 512_MiB;
    while (e.swaps.size() < kMaxSwapDevices && flip()) e.swaps.push_back(device());
    if (flip()) e.limit = 8_MiB;
    limited_ = e.limit.has_value();
    devices_ = e.swaps.size();
    if (flip()) e.arch = "arm64";
    if (flip()) e.policy = "thp_anon=64K:always";
    if (flip()) e.settings.push_back(set());
    const std::uint64_t steps = 1 + rng_.below(12);
    for (std::uint64_t i = 0; i < steps; ++i) add_step(e);
    return e;
  }

 private:
  bool flip() { return rng_.chance(50); }
  ByteCount bytes() { return ByteCount(1 + rng_.below(1 + rng_.below(3) * (1U << 22))); }
  ByteCount pages() { return PageCount(1 + rng_.below(1024)).bytes(); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(rng_.below(256)); }
  int word(std::span<const NumberedWord> list) { return list[rng_.below(list.size())].number; }
  std::string process() { return processes_[rng_.below(processes_.size())]; }

  Place place() {
    if (names_.empty() || rng_.chance(10)) return {{}, "", bytes()};
    return {{}, names_[rng_.below(names_.size())], flip() ? ByteCount() : bytes()};
  }
  Range range() {
    Range r{place(), static_cast<Range::Extent>(rng_.below(4)), {}};
    if (r.extent == Range::Extent::kWhole) r.begin.offset = {};
    if (r.begin.name.empty()) r = {{{}, "", bytes()}, Range::Extent::kLength, {}};
    if (r.extent == Range::Extent::kLength) r.length = bytes();
    return r;
  }
  Location location() {
    if (!names_.empty() && flip()) return {Location::Kind::kPlace, 2_MiB, {}, place()};
    if (flip()) return {};
    return {
        Location::Kind::kFree, ByteCount(kPageSize << rng_.below(10)), flip() ? ByteCount() : pages(), {}};
  }
  std::string new_name() { return names_.emplace_back("M" + std::to_string(names_.size())); }
  Set set() {
    if (flip()) return {{}, OrderSet(4U << rng_.below(8) | 4U), "", "inherit"};
    return {{}, {}, "khugepaged/max_ptes_none", std::to_string(rng_.below(512))};
  }

  SwapDevice device() {
    SwapDevice d{.algorithm = flip() ? "lzo-rle" : "zstd", .size = 64_MiB};
    if (flip()) d.unit = 16_KiB;
    if (flip()) d.priority = static_cast<int>(rng_.below(32768));
    return d;
  }

  Action action() {
    switch (rng_.below(17)) {
      case 0: {
        Map m{.name = {}, .size = pages(), .location = location(), .prot = static_cast<int>(rng_.below(8))};
        m.shared = flip();
        m.populate = flip();
        m.growsdown = flip();
        m.name = new_name();
        return m;
      }
      case 1: {
        Space s{.name = {}, .size = pages(), .location = location()};
        s.name = new_name();
        return s;
      }
      case 2:
        return Advise{word(advice_words()), range()};
      case 3:
        return Protect{range(), static_cast<int>(rng_.below(8))};
      case 4:
        return Unmap{range()};
      case 5:
        return Move{range(), place(), flip() ? std::optional(bytes()) : std::nullopt, flip()};
      case 6:
        return Resize{range(), bytes()};
      case 7:
        return flip() ? Action(Lock{range()}) : Action(Unlock{range()});
      case 8:
        switch (rng_.below(4)) {
          case 0:
            return NameProcess{"zygote"};
          case 1:
            return NameMapping{range(), "scudo:primary"};
          case 2:
            return Sizes{range(), flip() ? std::optional(OrderSet(0x14)) : std::nullopt};
          default:
            return Prctl{static_cast<Prctl::ThpDisable>(word(prctl_words()))};
        }
      case 9:
        return Uffd{static_cast<Uffd::Op>(word(uffd_words())), range(), byte()};
      case 10:
        return flip() ? Action(Pin{range()}) : Action(Unpin{range()});
      case 11:
        return flip() ? Action(Khugepaged{static_cast<unsigned>(rng_.below(9))})
                      : Action(Split{range(), Order(static_cast<unsigned>(rng_.below(10)))});
      case 12: {
        Access a{.kind = flip() ? Access::Kind::kRead : Access::Kind::kWrite, .range = range(), .value = {}};
        a.fill = Fill{static_cast<Fill::Kind>(word(fill_words())), 0};
        if (a.fill->kind != Fill::Kind::kZeroes) a.fill->seed = static_cast<std::uint32_t>(rng_.below(1000));
        return a;
      }
      case 13:
        if (devices_ != 0) {
          const auto n = static_cast<unsigned>(rng_.below(devices_));
          return flip() ? Action(Swapoff{n}) : Action(Swapon{n});
        }
        [[fallthrough]];
      default:
        return Access{flip() ? Access::Kind::kRead : Access::Kind::kWrite, range(),
                      flip() ? bytes() : ByteCount(kPageSize), flip() ? std::optional(byte()) : std::nullopt};
    }
  }

  Property property() {
    if (flip()) return {static_cast<Property::Kind>(word(property_words())), 0, "", {}};
    switch (rng_.below(4)) {
      case 0:
        return {Property::Kind::kOrder, rng_.below(11), "", {}};
      case 1:
        return {Property::Kind::kMapcount, rng_.below(9), "", {}};
      case 2:
        if (flip()) return {Property::Kind::kSlot, rng_.below(9999), "", {}};
        if (flip()) return {Property::Kind::kSlotsTogether, 0, "", {}};
        return {flip() ? Property::Kind::kSameFolio : Property::Kind::kOwnFolios, 0, "", {}};
      default:
        return {flip() ? Property::Kind::kFolioOf : Property::Kind::kNotFolioOf, 0, flip() ? process() : "",
                place()};
    }
  }
  Claim claim() {
    switch (rng_.below(5)) {
      case 0:
        return ExpectPicture{place(), std::string(1 + rng_.below(9), 'a') + "..0"};
      case 1:
        return ExpectCounter{Order(static_cast<unsigned>(2 + rng_.below(8))), "nr_anon", flip() ? -3 : 3};
      case 2:
        return ExpectNoOtherCounters{};
      case 3:
        return ExpectFaults{rng_.below(999),
                            flip() ? ExpectFaults::Kind::kMinor : ExpectFaults::Kind::kMajor};
      default: {
        ExpectPages e{range(), {}};
        do e.properties.push_back(property());
        while (flip());
        return e;
      }
    }
  }

  void add_step(Experiment& e) {
    Step step{{}, process(), {}, flip() ? "EINVAL" : "", {}};
    if (rng_.chance(10) && !e.steps.empty()) {  // as the first it would belong to the head
      step.action = limited_ && flip() ? Action(Limit{16_MiB}) : Action(set());
      step.process = kFirstProcess;
    } else if (rng_.chance(10) && processes_.size() + 1 < kMaxProcesses) {
      const std::string child = "c" + std::to_string(processes_.size());
      step.action = Fork{child};
      if (step.ends.empty()) processes_.push_back(child);
    } else {
      step.action = action();
    }
    while (flip()) step.expectations.push_back({{}, process(), claim()});
    e.steps.push_back(std::move(step));
  }

  base::Rng rng_;
  std::size_t devices_ = 0;
  bool limited_ = false;
  std::vector<std::string> names_;
  std::vector<std::string> processes_{kFirstProcess};
};

}  // namespace quire::litmus::testing
