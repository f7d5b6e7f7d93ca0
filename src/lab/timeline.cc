#include "lab/timeline.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "lab/replayer.h"

namespace quire::lab {
namespace {

using stats::MthpStat;

// Numbers each mapping once.
class MappingNumbers {
 public:
  explicit MappingNumbers(std::vector<SeenMapping>& mappings) : mappings_(mappings) {}

  std::uint32_t of(const SeenMapping& m) {
    const Key key{m.mm, m.range.begin.raw(), m.range.end.raw(), m.process, m.name};
    const auto [at, is_new] = numbers_.try_emplace(key, static_cast<std::uint32_t>(mappings_.size()));
    if (is_new) mappings_.push_back(m);
    return at->second;
  }

 private:
  using Key = std::tuple<trace::MmId, std::uint64_t, std::uint64_t, std::string, std::string>;
  std::vector<SeenMapping>& mappings_;
  std::map<Key, std::uint32_t> numbers_;
};

}  // namespace

TimelineSampler::TimelineSampler(kernel::Kernel& kernel, unsigned most, std::uint64_t expected)
    : kernel_(kernel),
      most_(std::max(most, 2U)),
      every_(std::max<std::uint64_t>(expected / most_ + (expected % most_ != 0 ? 1 : 0), 1)) {}

void TimelineSampler::after(const trace::Event& event, const Replayer& replayer) {
  names_.apply(event);
  if (++events_ % every_ == 0) take(event, replayer);
}

void TimelineSampler::take(const trace::Event& event, const Replayer& replayer) {
  if (shots_.size() == most_) {
    thin_out();
    if (events_ % every_ != 0) return;
  }
  shots_.push_back({sums(event), parts(replayer)});
}

void TimelineSampler::thin_out() {
  every_ *= 2;
  std::size_t kept = 0;
  for (Shot& shot : shots_)
    if (shot.sample.event % every_ == 0) std::swap(shots_[kept++], shot);
  shots_.resize(kept);
}

TimelineSample TimelineSampler::sums(const trace::Event& event) const {
  const vm::System& system = kernel_.system();
  const auto& usage = system.folios.usage();
  TimelineSample sample;
  sample.event = events_;
  sample.time_us = event.time_us;
  PageCount small(usage.pages);
  for (unsigned o = 2; o <= kPmdOrder; ++o) {
    const std::int64_t live = system.counters.get(MthpStat::nr_anon, Order(o));
    const PageCount pages(live > 0 ? static_cast<std::uint64_t>(live) << o : 0);
    sample.anon[o] = pages.bytes();
    small -= std::min(small, pages);
  }
  const PageCount file = std::min(small, system.page_cache.pages());
  sample.file = file.bytes();
  sample.anon[0] = (small - file).bytes();
  sample.never_touched = PageCount(usage.pages - usage.touched).bytes();
  sample.tables = PageCount(system.tables.pages).bytes();
  return sample;
}

std::vector<TimelineSampler::Part> TimelineSampler::parts(const Replayer& replayer) const {
  struct Holder {
    trace::MmId id;
    vm::AddressSpace* mm;
  };
  std::vector<Holder> holders;
  for (trace::MmId id = 1; id < replayer.spaces_end(); ++id)
    if (vm::AddressSpace* const mm = replayer.space(id)) holders.push_back({id, mm});
  std::ranges::stable_sort(holders, std::greater<>(), [](const Holder& h) { return h.mm->rss().anon(); });
  holders.resize(std::min(holders.size(), Timeline::kProcesses));

  std::vector<Part> parts;
  for (const Holder& h : holders) add_parts(h.id, *h.mm, parts);
  std::ranges::stable_sort(parts, std::greater<>(), &Part::resident);
  parts.resize(std::min(parts.size(), Timeline::kMappings));
  const auto runs = [&parts] {
    std::size_t n = 0;
    for (const Part& part : parts) n += part.runs.size();
    return n;
  };
  for (PageCount most(2); runs() > Timeline::kRuns; most += most)
    for (Part& part : parts) part.runs = coarser(part.runs, most);
  return parts;
}

void TimelineSampler::add_parts(trace::MmId id, vm::AddressSpace& mm, std::vector<Part>& parts) const {
  for (const vm::Vma& vma : mm.mappings()) {
    if (!vma.is_anonymous()) continue;
    Part part{{id, names_.process(id), names_.mapping(mm, vma), vma.range}, folio_runs(mm, vma), {}};
    for (const FolioRun& run : part.runs) part.resident += run.resident;
    if (part.resident != PageCount()) parts.push_back(std::move(part));
  }
}

Timeline TimelineSampler::finish() {
  Timeline timeline{.every = every_, .samples = {}, .mappings = {}, .runs = {}};
  MappingNumbers numbers(timeline.mappings);
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::size_t> open;  // runs of the sample before
  for (std::uint32_t i = 0; i < shots_.size(); ++i) {
    timeline.samples.push_back(shots_[i].sample);
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::size_t> now;
    for (const Part& part : shots_[i].parts) {
      const std::uint32_t mapping = numbers.of(part.mapping);
      for (const FolioRun& run : part.runs) {
        const std::pair place{mapping, run.offset.raw()};
        const auto before = open.find(place);
        if (before != open.end() && timeline.runs[before->second].run == run) {
          timeline.runs[before->second].last = i;
          now.insert(*before);
        } else {
          now.emplace(place, timeline.runs.size());
          timeline.runs.push_back({i, i, mapping, run});
        }
      }
    }
    open = std::move(now);
  }
  return timeline;
}

}  // namespace quire::lab
