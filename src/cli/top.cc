#include <fmt/format.h>
#include <langinfo.h>
#include <unistd.h>

#include <charconv>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "cli/arguments.h"
#include "cli/tell.h"
#include "cli/top_run.h"
#include "cli/verbs.h"
#include "policy/near_miss.h"
#include "top/openmetrics.h"

namespace quire::cli {
namespace {

using Seconds = std::chrono::duration<double>;

struct Request {
  std::vector<std::string> pids;
  std::string cgroup, user, sort, interval, iterations, budget, output, processes;
  bool batch = false, json = false, openmetrics = false;
};

Diagnostic misuse(std::string what, std::string hint) {
  return {Diagnostic::Kind::kUsage, "top", std::move(what), std::move(hint)};
}

template <typename Number>
std::optional<Number> number_of(const std::string& word) {
  Number number{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

Result<top::Time, Diagnostic> interval_of(const std::string& word) {
  if (word.empty()) return top::View().interval;
  const auto seconds = number_of<double>(word);
  if (seconds && *seconds > 0 && *seconds <= Seconds(top::kLongestInterval).count()) {
    const auto wanted = std::chrono::duration_cast<top::Time>(Seconds(*seconds));
    if (wanted >= top::kShortestInterval) return wanted;
  }
  return fail(misuse(fmt::format("--interval \"{}\": wanted are seconds, from 0.1 to a day", one_line(word)),
                     "--interval 0.5"));
}

// Per cent of one cpu.
Result<double, Diagnostic> budget_of(const std::string& word) {
  if (word.empty()) return top::Wanted().budget;
  const auto percent = number_of<double>(word);
  if (percent && *percent >= 0.1 && *percent <= 100) return *percent / 100;
  return fail(
      misuse(fmt::format("--budget \"{}\": wanted is a per cent of one cpu, from 0.1 to 100", one_line(word)),
             "--budget 5"));
}

Result<std::uint64_t, Diagnostic> count_of(const std::string& option, const std::string& word,
                                           std::uint64_t most) {
  const auto number = number_of<std::uint64_t>(word);
  if (number && *number >= 1 && *number <= most) return *number;
  return fail(
      misuse(fmt::format("{} \"{}\": wanted is a number from 1 to {}", option, one_line(word), most), ""));
}

Result<std::vector<pid_t>, Diagnostic> pids_of(const std::vector<std::string>& words) {
  std::vector<pid_t> pids;
  for (const std::string& word : words) {
    const auto pid = number_of<pid_t>(word);
    if (!pid || *pid <= 0)
      return fail(
          misuse(fmt::format("\"{}\" is no process number", one_line(word)), "pgrep NAME finds them"));
    pids.push_back(*pid);
  }
  return pids;
}

std::vector<std::string> sort_words() {
  std::vector<std::string> words;
  for (const top::Column& column : top::columns()) words.emplace_back(column.word);
  return words;
}

Result<top::ColumnId, Diagnostic> sort_of(const std::string& word) {
  if (word.empty()) return top::View().sort;
  if (const top::Column* column = top::column_of(word)) return column->id;
  const std::vector<std::string> words = sort_words();
  return fail(misuse(fmt::format("--sort \"{}\": there are {}", one_line(word), fmt::join(words, ", ")),
                     policy::did_you_mean(word, words)));
}

top::Glyphs glyphs_of_locale() {
  std::setlocale(LC_CTYPE, "");
  return std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0 ? top::Glyphs::kUtf8 : top::Glyphs::kAscii;
}

// As wide as somebody says; otherwise what a mail or a log can hold.
std::size_t columns_of_text() {
  const char* value = std::getenv("COLUMNS");
  const auto columns = value == nullptr ? std::nullopt : number_of<std::size_t>(value);
  constexpr std::size_t kLeast = 40, kMost = 1000, kUsual = 120;
  return columns && *columns >= kLeast && *columns <= kMost ? *columns : kUsual;
}

Result<void, Diagnostic> check_metrics(const Request& request) {
  if (request.openmetrics && (request.json || request.batch))
    return fail(misuse("--openmetrics, --json and --batch at once", "choose one"));
  if (!request.openmetrics && !(request.output.empty() && request.processes.empty()))
    return fail(misuse("--output and --processes are of --openmetrics", ""));
  if (request.openmetrics && request.output.empty() && !request.interval.empty())
    return fail(misuse("--openmetrics with --interval needs a file", "-o FILE"));
  return {};
}

Result<TopPlan, Diagnostic> plan_of(const Request& request) {
  QUIRE_TRY(check_metrics(request));
  TopPlan plan;
  plan.wanted.pids = QUIRE_TRY(pids_of(request.pids));
  plan.wanted.cgroup = request.cgroup;
  if (!plan.wanted.pids.empty() && !plan.wanted.cgroup.empty())
    return fail(misuse("--pid and --cgroup at once", "name either"));
  plan.wanted.interval = QUIRE_TRY(interval_of(request.interval));
  plan.wanted.budget = QUIRE_TRY(budget_of(request.budget));
  plan.view.interval = plan.wanted.interval;
  plan.view.sort = QUIRE_TRY(sort_of(request.sort));
  plan.view.user = request.user;
  plan.view.glyphs = glyphs_of_locale();
  if (!request.iterations.empty())
    plan.rounds = QUIRE_TRY(count_of("--iterations", request.iterations, 1'000'000'000));
  if (!request.processes.empty())
    plan.processes = QUIRE_TRY(count_of("--processes", request.processes, top::kMostProcesses));
  plan.columns = columns_of_text();
  plan.output = request.output;
  if (request.openmetrics && request.interval.empty()) plan.rounds = 1;
  return plan;
}

// A terminal that cannot be drawn on gets lines.
bool is_dumb_terminal() {
  return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0 && !top::can_draw();
}

}  // namespace

Result<int, Diagnostic> run_top(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "top",
       .synopsis = "[options]",
       .summary = "Shows live what large folios do on this host and in its processes; F1 helps.",
       .examples = {"quire top", "quire top -b -n 1 --sort waste",
                    "quire top --openmetrics -d 15 -o /var/lib/node_exporter/quire.prom"}});
  arguments.option("-d,--interval", request.interval, "SECONDS", "Between two readings (default: 2)");
  arguments.option("-n,--iterations", request.iterations, "N", "So many readings, then end");
  arguments.option("-s,--sort", request.sort, "COLUMN", "rss, large, waste, partial, faults, cpu, name ...",
                   Values::of(sort_words()));
  arguments.option("-p,--pid", request.pids, "PID", "This process only; repeatable");
  arguments.option("--cgroup", request.cgroup, "PATH", "The processes of a control group");
  arguments.option("-u,--user", request.user, "NAME", "The processes of a user");
  arguments.option("--budget", request.budget, "PERCENT", "Of one cpu, to look at folios (default: 5)");
  arguments.flag("-b,--batch", request.batch, "Plain text");
  arguments.json(request.json);
  arguments.flag("--openmetrics", request.openmetrics, "Metrics; once without --interval");
  arguments.option("-o,--output", request.output, "FILE", "Of --openmetrics: replaces FILE at once");
  arguments.option("--processes", request.processes, "N", "Of --openmetrics: also of the N largest");
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;
  TopPlan plan = QUIRE_TRY(plan_of(request));
  if (arguments.ink().use() == report::Ink::Use::kPlain) plan.colour = top::Terminal::Colour::kOff;
  if (request.openmetrics) return top_as_metrics(plan);
  if (request.json) return top_as_json(plan);
  if (request.batch) return top_as_text(plan);
  if (is_dumb_terminal()) {
    tell("top", "this terminal cannot be drawn on: plain text, as with --batch");
    return top_as_text(plan);
  }
  return top_on_screen(plan);
}

}  // namespace quire::cli
