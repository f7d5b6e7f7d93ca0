#include "lab/foresight.h"

#include <algorithm>
#include <array>
#include <map>
#include <ranges>
#include <unordered_map>

#include "vm/madvise.h"

namespace quire::lab {

using trace::Event;
using trace::Kind;
using trace::MmId;
using trace::Sys;
using trace::TouchBits;

namespace {

// What of an event counts here: a page written to, or pages that from then on are others.
struct Step {
  std::uint64_t event = 0;
  std::uint64_t first = 0;  // page
  std::uint64_t end = 0;
  MmId mm = 0;
  enum class What : std::uint8_t { kWritten, kOthers, kForked } what = What::kWritten;
};

bool discards(std::uint64_t advice) {
  switch (static_cast<vm::Advice>(advice)) {
    case vm::Advice::kDontNeed:
    case vm::Advice::kDontNeedLocked:
    case vm::Advice::kRemove:
    case vm::Advice::kGuardInstall:
      return true;
    default:
      return false;
  }
}

// Makes the steps of a recording.
class Steps {
 public:
  void add(std::uint64_t number, const Event& e) {
    number_ = number;
    switch (e.kind) {
      case Kind::kTouch:
        if ((e.flags & TouchBits::kUncounted) == 0 &&
            (e.flags & (TouchBits::kWrite | TouchBits::kNoDirection)) != 0)
          put(Step::What::kWritten, e.mm, e.addr.align_down(), kOrder0.bytes());
        return;
      case Kind::kFork:
        if (e.args[1] == 0) return;  // the same address space
        put(Step::What::kForked, e.mm, VirtAddr(0), ByteCount());
        breaks_[static_cast<MmId>(e.args[1])] = breaks_[e.mm];
        return;
      case Kind::kExec:
        breaks_[e.mm] = VirtAddr(e.args[2]);
        return;
      case Kind::kSyscall:
        return syscall(e);
      default:
        return;
    }
  }
  [[nodiscard]] std::vector<Step> take() && { return std::move(steps_); }

 private:
  void put(Step::What what, MmId mm, VirtAddr at, ByteCount length) {
    const VirtAddr first = at.align_down();
    const VirtAddr end = (at + length).align_up();
    steps_.push_back({number_, first.raw() >> kPageShift, end.raw() >> kPageShift, mm, what});
  }
  void others(const Event& e, std::uint64_t at, std::uint64_t length) {
    put(Step::What::kOthers, e.mm, VirtAddr(at), ByteCount(length));
  }

  void syscall(const Event& e) {
    if (e.sys == Sys::kMunmap) return others(e, e.args[0], e.args[1]);
    if (e.phase == trace::Phase::kEnter || e.result < 0) return;
    const auto result = static_cast<std::uint64_t>(e.result);
    switch (e.sys) {
      case Sys::kMmap:
        return others(e, result, e.args[1]);
      case Sys::kMremap: {
        const std::uint64_t kept = result == e.args[0] ? std::min(e.args[1], e.args[2]) : 0;
        others(e, e.args[0] + kept, e.args[1] - std::min(kept, e.args[1]));
        return others(e, result + kept, e.args[2] - kept);
      }
      case Sys::kMadvise:
        if (discards(e.args[2])) others(e, e.args[0], e.args[1]);
        return;
      case Sys::kShmat:
        return others(e, result, e.args[3]);
      case Sys::kBrk: {
        VirtAddr& top = breaks_[e.mm];
        if (result < top.raw()) others(e, VirtAddr(result).align_up().raw(), top.raw() - result);
        top = VirtAddr(result);
        return;
      }
      default:
        return;
    }
  }

  std::uint64_t number_ = 0;
  std::vector<Step> steps_;
  std::unordered_map<MmId, VirtAddr> breaks_;
};

// The pages of one address space that are going to be written to.
class Written {
 public:
  void add(std::uint64_t page) { block(page)[word(page)] |= bit(page); }

  void drop(std::uint64_t first, std::uint64_t end) {
    auto at = blocks_.lower_bound(first >> kPmdOrder);
    while (at != blocks_.end() && (at->first << kPmdOrder) < end) {
      const std::uint64_t base = at->first << kPmdOrder;
      const std::uint64_t from = std::max(first, base);
      const std::uint64_t to = std::min(end, base + kPagesOfBlock);
      if (to - from == kPagesOfBlock) {
        at = blocks_.erase(at);
        continue;
      }
      for (std::uint64_t page = from; page < to; ++page) at->second[word(page)] &= ~bit(page);
      ++at;
    }
  }
  void drop_all() { blocks_.clear(); }

  // The largest order whose block round `page` is all in.
  [[nodiscard]] unsigned largest_round(std::uint64_t page) {
    const Bits& bits = block(page);
    unsigned largest = 0;
    for (unsigned o = 2; o <= kPmdOrder && whole(bits, page, o); ++o) largest = o;
    return largest;
  }

 private:
  static constexpr std::uint64_t kPagesOfBlock = 1ULL << kPmdOrder;
  static constexpr unsigned kWordShift = 6;
  using Bits = std::array<std::uint64_t, (kPagesOfBlock >> kWordShift)>;

  static std::size_t word(std::uint64_t page) { return (page & (kPagesOfBlock - 1)) >> kWordShift; }
  static std::uint64_t bit(std::uint64_t page) { return 1ULL << (page & ((1U << kWordShift) - 1)); }
  Bits& block(std::uint64_t page) { return blocks_[page >> kPmdOrder]; }

  static bool whole(const Bits& bits, std::uint64_t page, unsigned order) {
    const std::uint64_t first = page >> order << order;
    if (order < kWordShift) {
      const std::uint64_t mask = ((1ULL << (1U << order)) - 1) << (first & ((1U << kWordShift) - 1));
      return (bits[word(first)] & mask) == mask;
    }
    const std::size_t begin = word(first);
    const std::size_t n = 1ULL << (order - kWordShift);
    return std::all_of(bits.begin() + static_cast<std::ptrdiff_t>(begin),
                       bits.begin() + static_cast<std::ptrdiff_t>(begin + n),
                       [](std::uint64_t w) { return w == ~0ULL; });
  }

  std::map<std::uint64_t, Bits> blocks_;  // by their number
};

}  // namespace

Result<Foresight, Diagnostic> Foresight::learn(trace::Reader& reader) {
  QUIRE_TRY(reader.rewind());
  Steps collected;
  Event event;
  std::uint64_t events = 0;
  while (QUIRE_TRY(reader.next(event))) collected.add(++events, event);
  const std::vector<Step> steps = std::move(collected).take();
  Foresight foresight;
  foresight.largest_.resize(events + 1);
  std::unordered_map<MmId, Written> spaces;
  for (const Step& step : std::views::reverse(steps)) {
    Written& written = spaces[step.mm];
    switch (step.what) {
      case Step::What::kWritten:
        written.add(step.first);
        foresight.largest_[step.event] = static_cast<std::uint8_t>(written.largest_round(step.first));
        break;
      case Step::What::kOthers:
        written.drop(step.first, step.end);
        break;
      case Step::What::kForked:
        written.drop_all();
        break;
    }
  }
  return foresight;
}

}  // namespace quire::lab
