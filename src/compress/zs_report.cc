// What a pool says about itself: the table of its classes, as debugfs shows
// it, and whether its invariants hold.
#include <fmt/format.h>

#include <iterator>
#include <set>

#include "compress/zs_state.h"

namespace quire::compress {
namespace {

constexpr std::array<const char*, kZsFullnessGroups - 1> kColumns{"10%", "20%", "30%", "40%", "50%", "60%",
                                                                  "70%", "80%", "90%", "99%", "100%"};

void append_fullness(std::string& to, const std::array<std::uint64_t, kZsFullnessGroups>& zspages) {
  for (unsigned n = 1; n < kZsFullnessGroups; ++n)
    fmt::format_to(std::back_inserter(to), "{:>9} ", zspages[n]);
}

ZsClassStats sum(const std::vector<ZsClassStats>& lines) {
  ZsClassStats total;
  for (const ZsClassStats& line : lines) {
    for (unsigned n = 0; n < kZsFullnessGroups; ++n) total.zspages[n] += line.zspages[n];
    total.obj_allocated += line.obj_allocated;
    total.obj_used += line.obj_used;
    total.pages_used += line.pages_used;
    total.freeable += line.freeable;
  }
  return total;
}

// Checks one zspage; what it finds of used objects is added to `used`.
class ZspageCheck {
 public:
  ZspageCheck(const ZsPool::State& pool, base::InvariantReport& out) : pool_(pool), out_(out) {}

  void check(const Zspage& z, unsigned class_number, unsigned fullness) {
    const ZsClass& c = pool_.classes.all()[class_number];
    if (z.class_number != class_number || z.fullness != fullness ||
        fullness_of(z.in_use, c.objects) != fullness)
      out_.broken("I-ZS-1", "a zspage of class {} with {} of {} objects is in list {} of class {}",
                  z.class_number, z.in_use, c.objects, fullness, class_number);
    if (z.in_use == 0) out_.broken("I-ZS-5", "an empty zspage of class {}", class_number);
    check_used(z);
    check_free(z, c);
    for (const Pfn frame : z.frames)
      if (!frames_.insert(frame).second) out_.broken("I-ZS-4", "frame {} is in two zspages", frame.raw());
  }
  [[nodiscard]] std::uint64_t used() const { return used_; }
  [[nodiscard]] std::uint64_t frames() const { return frames_.size(); }

 private:
  void check_used(const Zspage& z) {
    for (std::uint32_t n = 0; n < z.words.size(); ++n) {
      if ((z.words[n] & Zspage::kUsed) == 0) continue;
      ++used_;
      const std::uint64_t handle = z.words[n] & ~Zspage::kUsed;
      if (handle >= pool_.places.size() || pool_.places[handle].zspage != &z ||
          pool_.places[handle].object != n)
        out_.broken("I-ZS-2", "object {} says it is handle {}, which lies elsewhere", n, handle);
    }
  }
  void check_free(const Zspage& z, const ZsClass& c) {
    std::uint64_t free = 0;
    for (std::uint64_t n = z.first_free; n < c.objects && free <= c.objects; n = z.words[n], ++free)
      if ((z.words[n] & Zspage::kUsed) != 0) {
        out_.broken("I-ZS-3", "object {} is in use and free", n);
        return;
      }
    if (free + z.in_use != c.objects)
      out_.broken("I-ZS-3", "{} free and {} used objects of {}", free, z.in_use, c.objects);
  }

  const ZsPool::State& pool_;
  base::InvariantReport& out_;
  std::set<Pfn> frames_;
  std::uint64_t used_ = 0;
};

}  // namespace

std::vector<ZsClassStats> ZsPool::class_stats() const {
  std::vector<ZsClassStats> lines;
  for (unsigned number = 0; number < state_->pages.size(); ++number) {
    const ZsClass& c = state_->classes.all()[number];
    const ZsClassPages& p = state_->pages[number];
    ZsClassStats line;
    line.index = c.index;
    line.size = c.size;
    line.pages_per_zspage = c.pages;
    for (unsigned n = 0; n < kZsFullnessGroups; ++n) line.zspages[n] = p.by_fullness[n].size();
    line.obj_allocated = p.zspages * c.objects;
    line.obj_used = p.in_use;
    line.pages_used = PageCount(p.zspages * c.pages.raw());
    line.freeable = state_->freeable(number);
    lines.push_back(line);
  }
  return lines;
}

std::string ZsPool::classes_text() const {
  std::string text = fmt::format(" {:>5} {:>5}", "class", "size");
  for (const char* column : kColumns) text += fmt::format(" {:>9}", column);
  text += fmt::format(" {:>13} {:>10} {:>10} {:>16} {:>8}\n", "obj_allocated", "obj_used", "pages_used",
                      "pages_per_zspage", "freeable");
  const std::vector<ZsClassStats> lines = class_stats();
  for (const ZsClassStats& line : lines) {
    text += fmt::format(" {:>5} {:>5} ", line.index, line.size.raw());
    append_fullness(text, line.zspages);
    text += fmt::format("{:>13} {:>10} {:>10} {:>16} {:>8}\n", line.obj_allocated, line.obj_used,
                        line.pages_used.raw(), line.pages_per_zspage.raw(), line.freeable.raw());
  }
  const ZsClassStats total = sum(lines);
  text += fmt::format("\n {:>5} {:>5} ", "Total", "");
  append_fullness(text, total.zspages);
  text += fmt::format("{:>13} {:>10} {:>10} {:>16} {:>8}\n", total.obj_allocated, total.obj_used,
                      total.pages_used.raw(), "", total.freeable.raw());
  return text;
}

void ZsPool::check_invariants(base::InvariantReport& out) const {
  ZspageCheck check(*state_, out);
  for (unsigned number = 0; number < state_->pages.size(); ++number) {
    const std::uint64_t before = check.used();
    std::uint64_t zspages = 0;
    for (unsigned fullness = 0; fullness < kZsFullnessGroups; ++fullness)
      for (const Zspage& z : state_->pages[number].by_fullness[fullness]) {
        check.check(z, number, fullness);
        ++zspages;
      }
    const ZsClassPages& p = state_->pages[number];
    if (zspages != p.zspages || check.used() - before != p.in_use)
      out.broken("I-ZS-1", "class {} has {} zspages and {} objects, its lists {} and {}", number, p.zspages,
                 p.in_use, zspages, check.used() - before);
  }
  if (check.used() != objects())
    out.broken("I-ZS-2", "{} handles name objects, {} objects are in use", objects(), check.used());
  if (check.frames() != state_->total.raw())
    out.broken("I-ZS-4", "{} frames in zspages, {} counted", check.frames(), state_->total.raw());
}

}  // namespace quire::compress
