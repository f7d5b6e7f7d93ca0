// The upper part of the screen: the host, its settings, its memory, and its
// counters by folio size.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/size.h"
#include "top/bar.h"
#include "top/figures.h"
#include "top/findings.h"
#include "top/screen.h"

namespace quire::top {
namespace {

constexpr std::size_t kWide = 100;   // columns: from here on words are spelled out
constexpr std::size_t kTall = 30;    // lines: from here on all events are shown
constexpr std::size_t kNarrow = 60;  // columns: below, only what matters most

std::string seconds_text(Time time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

std::string clock_text(const Frame& frame) {
  const std::time_t time = std::chrono::system_clock::to_time_t(frame.wall);
  std::tm parts{};
  ::localtime_r(&time, &parts);
  return fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

// What it takes, and what it may take for folios.
std::string own_cost(const Frame& frame, std::size_t columns) {
  const Cost& cost = frame.cost;
  const std::string taken = cost.cpu_share ? fmt::format("{:.1f}%", 100 * *cost.cpu_share) : kUnknown;
  if (columns < kWide) return fmt::format("own cpu {}/{}", taken, percent(cost.budget));
  return fmt::format("own cpu {}, budget for folios {}", taken, percent(cost.budget));
}

Line title(const Frame& frame, const View& view, std::size_t columns) {
  Line line("quire top ", Style::kBold);
  line.add(clock_text(frame));
  if (view.paused == View::Flag::kOn) line.add(" PAUSED", Style::kAlert);
  if (columns < kNarrow) return line.add(fmt::format("  {}", own_cost(frame, columns)));
  const std::string host = harmless(frame.hostname, view.glyphs);
  return line.add(fmt::format("  {} {}  {} cpu{}  every {}  {}", clipped(host, 12),
                              clipped(harmless(frame.host.kernel_release, view.glyphs), 14), frame.host.cpus,
                              frame.host.cpus == 1 ? "" : "s", seconds_text(view.interval),
                              own_cost(frame, columns)));
}

// What can be seen, and how fresh it is.
Line tier_line(const Frame& frame, const View& view) {
  const Cost& cost = frame.cost;
  std::string text = frame.tier == Tier::kFrames ? "folios of all processes" : "by smaps only";
  text += fmt::format(", {} read since, oldest {}", cost.read, short_age(cost.oldest));
  if (cost.waiting != 0) text += fmt::format(", {} waiting", cost.waiting);
  if (frame.refused != 0) text += fmt::format(", {} refused", frame.refused);
  Line line("Seen ", Style::kBold);
  line.add(std::move(text));
  if (!frame.lost.empty()) line.add("; " + harmless(frame.lost, view.glyphs), Style::kAlert);
  return line;
}

// Sizes with the same word together: "16K-64K always, 2M inherit".
std::string sizes_text(const Frame& frame) {
  struct Group {
    Order from, to;
    std::string word;
  };
  std::vector<Group> groups;
  for (unsigned n = 1; n <= kPmdOrder; ++n) {
    if (!frame.sizes.contains(Order(n))) continue;
    const std::string word = setting(frame, fmt::format("hugepages-{}/enabled", base::sysfs_size(Order(n))));
    if (!groups.empty() && groups.back().word == word) {
      groups.back().to = Order(n);
    } else {
      groups.push_back({Order(n), Order(n), word});
    }
  }
  std::string text;
  for (const Group& group : groups) {
    const std::string from = base::short_size(group.from.bytes());
    const std::string to = group.from == group.to ? "" : "-" + base::short_size(group.to.bytes());
    text += fmt::format("{}{}{} {}", text.empty() ? "" : ", ", from, to, group.word);
  }
  return text;
}

Line settings_line(const Frame& frame, const View& view) {
  Line line("THP  ", Style::kBold);
  if (frame.settings.empty()) return line.add("this kernel has no transparent huge pages");
  const auto word = [&](const char* file) { return harmless(setting(frame, file), view.glyphs); };
  return line.add(fmt::format("{}; {}; defrag {}; khugepaged none {} scan {}ms; shrink_underused {}",
                              word("enabled"), harmless(sizes_text(frame), view.glyphs), word("defrag"),
                              word("khugepaged/max_ptes_none"), word("khugepaged/scan_sleep_millisecs"),
                              word("shrink_underused")));
}

// Anonymous memory by folio size, files, the rest, and what is free.
std::vector<Part> memory_parts(const Frame& frame) {
  std::vector<Part> parts = parts_of(anon_of_host(frame));
  const auto of = [&](const char* name) { return live::bytes_of(frame.memory, name); };
  const ByteCount file = of("Cached") + of("Buffers");
  ByteCount known = of("MemFree") + file + of("AnonPages");
  const ByteCount total = of("MemTotal");
  parts.push_back({Cell::kFile, file});
  parts.push_back({Cell::kOther, total - std::min(total, known)});
  parts.push_back({Cell::kFree, of("MemFree")});
  return parts;
}

std::vector<Line> memory_lines(const Frame& frame, const View& view, std::size_t columns) {
  const std::vector<Part> parts = memory_parts(frame);
  Line bar("Mem  ", Style::kBold);
  const std::string total = short_bytes(live::bytes_of(frame.memory, "MemTotal"));
  constexpr std::size_t kRound = 9;  // the label, brackets, two blanks
  const std::size_t room = columns > kRound + total.size() ? columns - kRound - total.size() : 0;
  bar.add("[");
  add_bar(bar, parts, room, view.glyphs);
  bar.add("] " + total);
  // What is neither folios nor free comes last: it may not fit.
  std::vector<Part> in_order = parts;
  std::swap(in_order[in_order.size() - 2], in_order.back());
  Line legend;
  for (const Part& part : in_order) {
    if (part.cell != Cell::kFree) legend.add(glyph_of(part.cell, view.glyphs), style_of(part.cell));
    legend.add(fmt::format("{} {}  ", sizes_of(part.cell), short_bytes(part.bytes)));
  }
  return {bar, legend};
}

struct Event {
  const char* name;   // in the kernel
  const char* shown;  // short
};

constexpr std::array kEvents{Event{"compact_stall", "compact_stall"},
                             Event{"compact_fail", "fail"},
                             Event{"thp_split_pmd", "split_pmd"},
                             Event{"thp_split_page", "split_page"},
                             Event{"thp_deferred_split_page", "deferred"},
                             Event{"thp_underused_split_page", "underused"},
                             Event{"thp_collapse_alloc_failed", "collapse_alloc_failed"},
                             Event{"thp_zero_page_alloc", "zero_page"},
                             Event{"thp_swpout_fallback", "swpout_fallback"},
                             Event{"thp_migration_fail", "migration_fail"},
                             Event{"pswpin", "pswpin"},
                             Event{"pswpout", "pswpout"}};

// Those that matter most first: a low screen has one line of them.
std::vector<Line> event_lines(const Frame& frame, const View& view, Area area) {
  std::vector<std::string> words;
  const auto add = [&](const char* shown, const std::optional<double>& number) {
    words.push_back(fmt::format("{} {}", shown, number ? short_number(*number) : kUnknown));
  };
  add("collapsed", khugepaged_counter(frame, "pages_collapsed", view.span));
  add("scans", khugepaged_counter(frame, "full_scans", view.span));
  for (const Event& event : kEvents) {
    if (frame.now.counts.events.contains(event.name))
      add(event.shown, event_counter(frame, event.name, view.span));
  }
  std::vector<Line> lines{Line("Evt ", Style::kBold)};
  for (const std::string& word : words) {
    if (lines.back().columns() + 1 + word.size() > area.columns) {
      if (area.lines < kTall) break;
      lines.emplace_back("    ");
    }
    lines.back().add(" " + word + " ");
  }
  return lines;
}

struct SizeColumn {
  const char* heading;
  const char* counter;
  std::size_t columns;
  std::size_t least_screen;
};

// Of the counters of a size, the ones that fit.
constexpr std::array kSizeColumns{SizeColumn{"alloc", "anon_fault_alloc", 6, 0},
                                  SizeColumn{"fallbk", "anon_fault_fallback", 6, 0},
                                  SizeColumn{"charge", "anon_fault_fallback_charge", 6, 70},
                                  SizeColumn{"split", "split", 6, 70},
                                  SizeColumn{"defer", "split_deferred", 6, 70},
                                  SizeColumn{"swpout", "swpout", 6, 70},
                                  SizeColumn{"swpin", "swpin", 6, 100},
                                  SizeColumn{"zswpo", "zswpout", 6, 100},
                                  SizeColumn{"splfail", "split_failed", 7, 120},
                                  SizeColumn{"shalloc", "shmem_alloc", 7, 140},
                                  SizeColumn{"shfallb", "shmem_fallback", 7, 140},
                                  SizeColumn{"nr_anon", "nr_anon", 7, 150}};

std::optional<double> failing_share(const Frame& frame, Order size, Span span) {
  const auto failed = size_counter(frame, size, "anon_fault_fallback", span);
  const auto made = size_counter(frame, size, "anon_fault_alloc", span);
  if (!failed || !made || *failed + *made <= 0) return std::nullopt;
  return *failed / (*failed + *made);
}

const char* span_text(Span span) {
  if (span == Span::kPerSecond) return "per s";
  return span == Span::kSinceStart ? "start" : "boot";
}

Line size_heading(const View& view, std::size_t columns) {
  std::string text = fmt::format("SIZE  {:<8}{:>5} {:>5} {:>5}", "RULE", "ANON", "PART", "FAIL%");
  for (const SizeColumn& c : kSizeColumns)
    if (columns >= c.least_screen) text += " " + right(c.heading, c.columns);
  return Line(text + "  " + span_text(view.span), Style::kHead);
}

Line size_line(const Frame& frame, Order size, const View& view, std::size_t columns) {
  const auto failing = failing_share(frame, size, view.span);
  Line line(left(base::short_size(size.bytes()), 6), style_of(cell_of(size)));
  const std::string rule = rule_of(frame, size);
  line.add(left(rule.empty() ? kUnknown : harmless(rule, view.glyphs), 8));
  line.add(right(short_bytes(bytes_in(frame, size, "nr_anon")), 5) + " ");
  line.add(right(short_bytes(bytes_in(frame, size, "nr_anon_partially_mapped")), 5) + " ");
  const bool bad = failing && *failing >= 0.1;
  line.add(right(failing ? percent(*failing) + (bad ? "!" : "") : kUnknown, 5),
           bad ? Style::kAlert : Style::kPlain);
  for (const SizeColumn& c : kSizeColumns) {
    if (columns < c.least_screen) continue;
    const auto number =
        size_counter(frame, size, c.counter, counts_folios(c.counter) ? Span::kSinceBoot : view.span);
    line.add(" " + right(number ? short_number(*number) : kUnknown, c.columns));
  }
  return line;
}

bool is_on(const Frame& frame, Order size) {
  const std::string rule = rule_of(frame, size);
  return !rule.empty() && rule != "never";
}

bool moved(const Frame& frame, Order size, Span span) {
  return std::ranges::any_of(kSizeColumns, [&](const SizeColumn& c) {
    return !counts_folios(c.counter) && size_counter(frame, size, c.counter, span).value_or(0) != 0;
  });
}

// Largest size first; where there is no room for all, those that matter most.
struct Sizes {
  std::vector<Order> shown;
  std::size_t hidden = 0;
};

Sizes sizes_shown(const Frame& frame, const View& view, std::size_t most) {
  const auto weight = [&](Order size) {
    return std::tuple(is_on(frame, size), moved(frame, size, view.span), bytes_in(frame, size, "nr_anon"));
  };
  Sizes sizes;
  for (const auto& [size, counts] : frame.now.counts.sizes) {
    if (view.all_sizes == View::Flag::kOn || weight(size) != std::tuple(false, false, ByteCount()))
      sizes.shown.push_back(size);
  }
  std::ranges::stable_sort(sizes.shown, std::ranges::greater(), weight);
  sizes.hidden = sizes.shown.size() - std::min(most, sizes.shown.size());
  sizes.shown.resize(sizes.shown.size() - sizes.hidden);
  std::ranges::sort(sizes.shown, std::ranges::greater());
  return sizes;
}

}  // namespace

std::vector<Line> host_lines(const Frame& frame, const View& view, Area area) {
  std::vector<Line> lines{title(frame, view, area.columns)};
  const std::vector<Line> memory = memory_lines(frame, view, area.columns);
  if (area.lines >= kLowScreen) {
    lines.push_back(settings_line(frame, view));
    lines.push_back(tier_line(frame, view));
    lines.insert(lines.end(), memory.begin(), memory.end());
    const std::vector<Line> events = event_lines(frame, view, area);
    lines.insert(lines.end(), events.begin(), events.end());
  } else {
    if (!frame.lost.empty()) lines.push_back(tier_line(frame, view));
    lines.push_back(memory.front());
  }
  return lines;
}

std::vector<Line> size_lines(const Frame& frame, const View& view, std::size_t columns, std::size_t most) {
  std::vector<Line> lines{size_heading(view, columns)};
  const Sizes sizes = sizes_shown(frame, view, std::max<std::size_t>(most, 2) - 1);
  for (const Order size : sizes.shown) lines.push_back(size_line(frame, size, view, columns));
  if (sizes.shown.empty()) lines.emplace_back("no size is on, and none is used", Style::kDim);
  if (sizes.hidden != 0) lines.back().add(fmt::format("  +{}", sizes.hidden), Style::kDim);
  return lines;
}

std::vector<Line> finding_lines(const Frame& frame, const View& view, std::size_t most) {
  const std::vector<std::string> findings = findings_of(frame);
  std::vector<Line> lines;
  for (std::size_t i = 0; i < std::min(most, findings.size()); ++i) {
    const std::size_t hidden = i + 1 == most ? findings.size() - most : 0;
    const std::string more = hidden == 0 ? "" : fmt::format("  (+{} more)", hidden);
    lines.emplace_back("! " + harmless(findings[i], view.glyphs) + more, Style::kAlert);
  }
  if (lines.empty())
    lines.emplace_back(
        frame.now.at == frame.before.at ? "  no rates yet" : "  nothing fails, nothing is held for nothing",
        Style::kDim);
  return lines;
}

}  // namespace quire::top
