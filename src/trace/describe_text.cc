#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "base/size.h"
#include "trace/describe.h"

namespace quire::trace {
namespace {

constexpr std::size_t kMaxRows = 60;   // of a table; the rest is counted
constexpr std::size_t kMaxDepth = 16;  // of indentation
constexpr std::size_t kMaxCommand = 200;

std::string date_text(std::int64_t seconds) {
  const std::time_t when = seconds;
  std::tm parts{};
  if (::gmtime_r(&when, &parts) == nullptr) return "an impossible time";
  std::string text(64, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts));
  return text;
}

std::string exit_text(int status) {
  if (WIFEXITED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
  if (WIFSIGNALED(status)) return fmt::format("killed by signal {}", WTERMSIG(status));
  return fmt::format("wait status {}", status);
}

// Collects lines of text.
class Page {
 public:
  template <typename... Args>
  void line(fmt::format_string<Args...> text, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), text, std::forward<Args>(args)...);
    text_ += '\n';
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void put_origin(Page& page, const Header& header) {
  if (header.tier == Tier::kImported) {
    page.line("imported   from {} by Quire {}", escape_name(header.imported_from),
              escape_name(header.tool_version));
  } else {
    page.line("recorded   {} with Quire {}, tier {}", date_text(header.wall_clock_start),
              escape_name(header.tool_version), tier_name(header.tier));
  }
}

void put_header(Page& page, const TraceStats& stats) {
  const Header& header = stats.header;
  std::string command;
  for (const std::string& word : header.argv) command += (command.empty() ? "" : " ") + escape_name(word);
  if (command.size() > kMaxCommand) command = escape_name(header.argv.front()) + " ... (see --json)";
  page.line("command    {}", command);
  put_origin(page, header);
  for (const std::string& lack : header.lacks) page.line("           lacks: {}", escape_name(lack));
  if (!header.kernel_release.empty()) {
    page.line("host       Linux {} {}, {} cpus, {}{}", escape_name(header.kernel_release),
              escape_name(header.machine), header.cpus, base::human_size(ByteCount(header.ram_bytes)),
              header.thp_disabled_while_recording ? ", small pages only while recording" : "");
  }
  const double events = static_cast<double>(std::max<std::uint64_t>(stats.events, 1));
  page.line("file       {}, {} events, {:.2f} bytes an event, format {}, hash {:016x}",
            base::human_size(stats.file_size), stats.events,
            static_cast<double>(stats.file_size.raw()) / events, header.format_version, stats.content_hash);
  if (header.scrubbed) page.line("           values of the environment are blanked");
}

void put_end(Page& page, const TraceStats& stats) {
  if (stats.summary) {
    const Summary& end = *stats.summary;
    page.line("ended      {}{}, {} tasks, {:.3f} s user, {:.3f} s system, {} events lost",
              exit_text(end.exit_status), end.interrupted ? " (recording interrupted)" : "", end.tasks,
              static_cast<double>(end.cpu_user_ns) * 1e-9, static_cast<double>(end.cpu_sys_ns) * 1e-9,
              end.lost_events);
  }
  for (const std::string& note : stats.notes) page.line("note       {}", escape_name(note));
  if (stats.damage) page.line("DAMAGED    {}", escape_name(stats.damage->line()));
  if (!stats.summary || !stats.summary->gate) {
    page.line("gate       not checked: nothing vouches for the completeness of this recording");
    return;
  }
  const Gate& gate = *stats.summary->gate;
  page.line("gate       {}: {} faults recorded + {} populated, {} by the kernel, {} in replay",
            gate.passed ? "passed" : "FAILED", gate.recorded_faults, gate.modelled_populate,
            gate.kernel_faults, gate.replayed_faults);
  for (const std::string& failure : gate.failures) page.line("           {}", escape_name(failure));
}

void put_counts(Page& page, const TraceStats& stats) {
  page.line("\nevents");
  for (const auto& [kind, n] : stats.by_kind) page.line("  {:<18} {:>12}", kind_name(kind), n);
  const TouchCounts& touches = stats.touches;
  page.line(
      "\ntouches: {} read, {} write, {} execute, {} of unknown direction; {} of these by the kernel, {} "
      "uncounted",
      touches.reads, touches.writes, touches.executes, touches.no_direction, touches.kernel,
      touches.uncounted);
  const HotnessStats& hotness = stats.hotness;
  if (hotness.samples != 0) {
    page.line("accessed: {} samples in {} windows, {} pages in {} runs, {} pages of them written",
              hotness.samples, hotness.windows, hotness.pages, hotness.runs, hotness.written);
  }
  if (stats.by_syscall.empty()) return;
  page.line("\nsystem calls");
  for (const auto& [sys, n] : stats.by_syscall) page.line("  {:<18} {:>12}", sys_name(sys), n);
}

std::string faults_text(const TaskStats& task) {
  return task.exited ? fmt::format("{:>9} {:>7}", task.min_flt, task.maj_flt)
                     : fmt::format("{:>9} {:>7}", "-", "-");
}

// How many times smaller, for each unit.
std::string ratios_text(const MappingContents& mapping, ContentsCodec codec) {
  std::string text;
  for (std::size_t unit = 0; unit < kContentsUnits.size(); ++unit) {
    const UnitSizes& sizes = mapping.of(codec, unit);
    if (unit != 0) text += "/";
    text += sizes.stored_bytes == 0
                ? "-"
                : fmt::format("{:.2f}", static_cast<double>(sizes.units * kContentsUnits[unit]) /
                                            static_cast<double>(sizes.stored_bytes));
  }
  return text;
}

// Goes through the tasks as a tree, parents before children, each once,
// however the recording says they descend from each other.
template <typename Visit>
void for_each_in_tree(const std::map<TaskId, TaskStats>& tasks, Visit visit) {
  std::set<TaskId> seen;
  const auto walk_from = [&](TaskId root) {
    std::vector<std::pair<TaskId, std::size_t>> left{{root, 0}};
    while (!left.empty()) {
      const auto [id, depth] = left.back();
      left.pop_back();
      const auto found = tasks.find(id);
      if (found == tasks.end() || !seen.insert(id).second) continue;
      visit(found->second, depth);
      const auto& children = found->second.children;
      for (auto child = children.rbegin(); child != children.rend(); ++child)
        left.emplace_back(*child, depth + 1);
    }
  };
  for (const auto& [id, task] : tasks) {
    if (task.parent == 0) walk_from(id);
  }
  for (const auto& [id, task] : tasks) walk_from(id);
}

void put_tasks(Page& page, const TraceStats& stats) {
  page.line("\ntasks{:>35} {:>9} {:>9} {:>9} {:>9} {:>7} {:>9}", "mm", "read", "write", "execute", "min_flt",
            "maj_flt", "syscalls");
  std::size_t rows = 0;
  for_each_in_tree(stats.tasks, [&](const TaskStats& task, std::size_t depth) {
    if (++rows > kMaxRows) return;
    const std::string name = fmt::format("{:{}}{} {}", "", 2 + 2 * std::min(depth, kMaxDepth), task.id,
                                         task.comm.empty() ? "?" : escape_name(task.comm));
    page.line("{:<34} {:>5} {:>9} {:>9} {:>9} {} {:>9}", name, task.mm, task.touches.reads,
              task.touches.writes, task.touches.executes, faults_text(task), task.syscalls);
  });
  if (rows > kMaxRows) page.line("  ... and {} more (see --json)", rows - kMaxRows);
}

void put_mms(Page& page, const TraceStats& stats) {
  page.line("\naddress spaces{:>34} {:>9} {:>9} {:>9} {:>9} {:>9}", "read", "write", "execute", "kernel",
            "syscalls", "mappings");
  std::size_t rows = 0;
  for (const auto& [id, mm] : stats.mms) {
    if (++rows > kMaxRows) continue;
    page.line("  {:<36} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
              fmt::format("{} {}", id, mm.comm.empty() ? "?" : escape_name(mm.comm)), mm.touches.reads,
              mm.touches.writes, mm.touches.executes, mm.touches.kernel, mm.syscalls, mm.mappings_seen);
  }
  if (rows > kMaxRows) page.line("  ... and {} more (see --json)", rows - kMaxRows);
}

// The last sample of each address space, its mappings added up by kind.
void put_contents(Page& page, const TraceStats& stats) {
  if (stats.contents.empty()) return;
  page.line("\ncontents (sizes only){:>14} {:>9} {:>7} {:>7}  {:<19} {:<19}", "present", "sampled", "zero",
            "same", "lz4 4K/16K/64K", "zstd 4K/16K/64K");
  std::map<MmId, const ContentsSample*> last;
  for (const ContentsSample& sample : stats.contents) last[sample.mm] = &sample;
  std::size_t rows = 0;
  for (const auto& [mm, sample] : last) {
    for (const auto& [kind, sum] : contents_by_kind(*sample)) {
      if (++rows > kMaxRows) continue;
      page.line("  {:<22} {:>10} {:>9} {:>7} {:>7}  {:<19} {:<19}",
                fmt::format("{} {}", mm, mapping_kind_name(kind)), sum.present, sum.sampled, sum.zero,
                sum.same, ratios_text(sum, ContentsCodec::kLz4), ratios_text(sum, ContentsCodec::kZstd));
    }
  }
  if (rows > kMaxRows) page.line("  ... and {} more (see --json)", rows - kMaxRows);
}

}  // namespace

std::string to_text(const TraceStats& stats) {
  Page page;
  put_header(page, stats);
  put_end(page, stats);
  put_counts(page, stats);
  put_tasks(page, stats);
  put_mms(page, stats);
  put_contents(page, stats);
  return page.take();
}

}  // namespace quire::trace
