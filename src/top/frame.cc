#include "top/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/size.h"

namespace quire::top {
namespace {

using Pick = std::function<const live::Counts&(const live::ThpCounts&)>;

std::optional<double> counter(const Frame& frame, const Pick& pick, std::string_view name, Span span) {
  const live::Counts& now = pick(frame.now.counts);
  const auto found = now.find(name);
  if (found == now.end()) return std::nullopt;
  if (span == Span::kSinceBoot) return static_cast<double>(found->second);
  const Reading& from = span == Span::kPerSecond ? frame.before : frame.first;
  const auto moved = static_cast<double>(found->second - live::count_of(pick(from.counts), name));
  if (span == Span::kSinceStart) return moved;
  const std::chrono::duration<double> seconds = frame.now.at - from.at;
  if (seconds.count() <= 0) return std::nullopt;
  return moved / seconds.count();
}

PageCount all_of(const live::ByOrder& pages) {
  return std::accumulate(pages.begin(), pages.end(), PageCount());
}

}  // namespace

const live::Counts& of_size(const live::ThpCounts& counts, Order size) {
  static const live::Counts kNone;
  const auto found = counts.sizes.find(size);
  return found == counts.sizes.end() ? kNone : found->second;
}

std::optional<double> size_counter(const Frame& frame, Order size, std::string_view name, Span span) {
  return counter(
      frame, [size](const live::ThpCounts& c) -> const live::Counts& { return of_size(c, size); }, name,
      span);
}

std::optional<double> khugepaged_counter(const Frame& frame, std::string_view name, Span span) {
  return counter(
      frame, [](const live::ThpCounts& c) -> const live::Counts& { return c.khugepaged; }, name, span);
}

std::optional<double> event_counter(const Frame& frame, std::string_view name, Span span) {
  return counter(frame, [](const live::ThpCounts& c) -> const live::Counts& { return c.events; }, name, span);
}

bool counts_folios(std::string_view counter) { return counter.starts_with("nr_"); }

ByteCount bytes_in(const Frame& frame, Order size, std::string_view figure) {
  const std::int64_t folios = live::count_of(of_size(frame.now.counts, size), figure);
  return ByteCount(static_cast<std::uint64_t>(std::max<std::int64_t>(folios, 0)) * size.bytes().raw());
}

live::ByOrder anon_of_host(const Frame& frame) {
  live::ByOrder pages{};
  PageCount large;
  for (unsigned n = 1; n <= kPmdOrder; ++n) {
    pages[n] = PageCount::covering(bytes_in(frame, Order(n), "nr_anon"));
    large += pages[n];
  }
  // Counted in two places at two moments: the difference may be less than nothing.
  const PageCount all = PageCount::covering(live::bytes_of(frame.memory, "AnonPages"));
  pages[0] = all - std::min(all, large);
  return pages;
}

std::string setting(const Frame& frame, const std::string& file) {
  const auto found = frame.settings.find(file);
  return found == frame.settings.end() ? "" : found->second;
}

std::string rule_of(const Frame& frame, Order size) {
  const std::string word = setting(frame, fmt::format("hugepages-{}/enabled", base::sysfs_size(size)));
  return word == "inherit" ? setting(frame, "enabled") : word;
}

ByteCount large_bytes(const live::FolioCounts& counts) {
  const live::ByOrder pages = counts.anon.by_order();
  return (all_of(pages) - pages[0]).bytes();
}

ByteCount partial_bytes(const live::FolioCounts& counts) { return all_of(counts.anon.partial).bytes(); }

}  // namespace quire::top
