#include "top/columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "top/figures.h"

namespace quire::top {
namespace {

using enum ColumnId;
using Align = Column::Align;
using First = Column::First;

double number(ByteCount bytes) { return static_cast<double>(bytes.raw()); }

// What the figure of a process is, whoever shows or sorts it.
std::optional<ByteCount> bytes_of(const Process& process, ColumnId id) {
  if (id == kRss) return process.rss();
  if (!process.folios) return std::nullopt;
  const FolioSample& sample = *process.folios;
  if (id == kAnon) return sample.counts.anon.total().bytes();
  if (!sample.stranded) return std::nullopt;
  return id == kPartial ? partial_bytes(sample.counts) : sample.stranded->bytes();
}

// Large folios among the anonymous memory.
std::optional<double> large_share(const Process& process) {
  if (!process.folios) return std::nullopt;
  const double anon = number(process.folios->counts.anon.total().bytes());
  return anon == 0 ? 0 : number(large_bytes(process.folios->counts)) / anon;
}

std::optional<Time> age_of(const Process& process, Time now) {
  if (!process.folios) return std::nullopt;
  return std::max(now - process.folios->at, Time());
}

template <typename Value, typename Shown>
std::string known(const std::optional<Value>& value, Shown shown) {
  return value ? shown(*value) : kUnknown;
}

std::string cpu_text(double share) { return fmt::format("{:.1f}", 100 * share); }

}  // namespace

const std::vector<Column>& columns() {
  static const std::vector<Column> kColumns{
      {kPid, "pid", "PID", "number of the process", 7, 0, Align::kRight, First::kSmallest},
      {kUser, "user", "USER", "its owner", 8, 60, Align::kLeft, First::kSmallest},
      {kState, "state", "S", "state", 1, 110, Align::kLeft, First::kSmallest},
      {kCpu, "cpu", "CPU%", "of one cpu, per cent", 5, 66, Align::kRight, First::kLargest},
      {kMinor, "faults", "FLT/s", "minor faults per second", 5, 70, Align::kRight, First::kLargest},
      {kMajor, "major", "MAJ/s", "major faults per second", 5, 130, Align::kRight, First::kLargest},
      {kRss, "rss", "RSS", "resident memory", 5, 0, Align::kRight, First::kLargest},
      {kAnon, "anon", "ANON", "anonymous memory", 5, 96, Align::kRight, First::kLargest},
      {kLarge, "large", "LARGE", "of it in folios of several pages", 5, 0, Align::kRight, First::kLargest},
      {kPartial, "partial", "PART", "in folios mapped in part", 5, 104, Align::kRight, First::kLargest},
      {kWaste, "waste", "WASTE", "in its folios, mapped by nobody", 5, 50, Align::kRight, First::kLargest},
      {kAge, "age", "AGE", "of the four before", 4, 60, Align::kRight, First::kLargest},
      {kName, "name", "COMMAND", "name of the program", 0, 0, Align::kLeft, First::kSmallest}};
  return kColumns;
}

const Column& column(ColumnId id) { return columns()[static_cast<std::size_t>(id)]; }

const Column* column_of(std::string_view word) {
  const auto found = std::ranges::find(columns(), word, &Column::word);
  return found == columns().end() ? nullptr : &*found;
}

SortKey sort_key(const Process& process, ColumnId id, Time now) {
  const auto of = [](const std::optional<double>& figure) -> SortKey {
    return figure ? SortKey(*figure) : std::nullopt;
  };
  switch (id) {
    case kPid:
      return static_cast<double>(process.stat.pid);
    case kUser:
      return process.user;
    case kState:
      return std::string(1, process.stat.state);
    case kCpu:
      return of(process.cpu_share);
    case kMinor:
      return of(process.minor_per_second);
    case kMajor:
      return of(process.major_per_second);
    case kLarge:
      return of(large_share(process));
    case kAge: {
      const auto age = age_of(process, now);
      return age ? SortKey(static_cast<double>(age->count())) : std::nullopt;
    }
    case kName:
      return process.stat.name;
    default: {
      const auto bytes = bytes_of(process, id);
      return bytes ? SortKey(number(*bytes)) : std::nullopt;
    }
  }
}

std::string cell_text(const Process& process, ColumnId id, Time now, Glyphs glyphs) {
  switch (id) {
    case kPid:
      return std::to_string(process.stat.pid);
    case kUser:
      return harmless(process.user, glyphs);
    case kState:
      return harmless(std::string(1, process.stat.state), glyphs);
    case kCpu:
      return known(process.cpu_share, cpu_text);
    case kMinor:
      return known(process.minor_per_second, short_number);
    case kMajor:
      return known(process.major_per_second, short_number);
    case kLarge:
      return known(large_share(process), percent);
    case kAge:
      return known(age_of(process, now), short_age);
    case kName:
      return harmless(process.stat.name, glyphs);
    default:
      return known(bytes_of(process, id), short_bytes);
  }
}

}  // namespace quire::top
