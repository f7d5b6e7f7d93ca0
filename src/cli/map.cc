#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/size.h"
#include "cli/arguments.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "live/folio_map.h"
#include "live/process_list.h"
#include "report/document.h"
#include "report/folio_map.h"

namespace quire::cli {
namespace {

using Json = nlohmann::ordered_json;
using Pause = std::chrono::duration<double>;

struct Request {
  std::vector<std::string> operands;
  std::vector<std::string> pids;
  std::string cgroup;
  std::vector<std::string> cont;
  std::string periodic;
  bool rollup = false;
  bool inc_smaps = false;
  bool inc_empty = false;
  bool json = false;
};

// The request, understood.
struct Plan {
  std::vector<pid_t> pids;
  std::string cgroup;
  std::optional<Pause> pause;
  report::FolioMapShape shape;
  bool rollup = false;
  bool json = false;
  live::MappingsFile file = live::MappingsFile::kMaps;
  // Only processes that were named must be there.
  [[nodiscard]] bool strict() const { return !pids.empty(); }
};

Diagnostic misuse(std::string what, std::string hint) {
  return {Diagnostic::Kind::kUsage, "map", std::move(what), std::move(hint)};
}

Result<pid_t, Diagnostic> pid_of(const std::string& word) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), pid);
  if (error == std::errc() && end == word.data() + word.size() && pid > 0) return pid;
  return fail(misuse(fmt::format("\"{}\" is no process number", one_line(word)), "pgrep NAME finds them"));
}

Result<Order, Diagnostic> block_of(const std::string& word) {
  const auto size = base::parse_size(word);
  if (size && std::has_single_bit(size->raw()) && size->raw() >= 2 * kPageSize && size->raw() <= kPmdSize)
    return Order(static_cast<unsigned>(std::countr_zero(size->raw())) - kPageShift);
  return fail(misuse(fmt::format("--cont \"{}\": wanted is a power of two from {} to {}", one_line(word),
                                 base::short_size(Order(1).bytes()), base::short_size(kOrderPmd.bytes())),
                     "--cont 64K"));
}

Result<Pause, Diagnostic> pause_of(const std::string& word) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), seconds);
  constexpr double kDay = 86400;
  if (error == std::errc() && end == word.data() + word.size() && seconds > 0 && seconds <= kDay)
    return Pause(seconds);
  return fail(misuse(fmt::format("--periodic \"{}\": wanted are seconds, up to a day", one_line(word)),
                     "--periodic 0.5"));
}

Result<Plan, Diagnostic> plan_of(const Request& request) {
  Plan plan{.pids = {},
            .cgroup = request.cgroup,
            .pause = {},
            .shape = {},
            .rollup = request.rollup,
            .json = request.json,
            .file = request.inc_smaps ? live::MappingsFile::kSmaps : live::MappingsFile::kMaps};
  for (const auto* words : {&request.operands, &request.pids}) {
    for (const std::string& word : *words) plan.pids.push_back(QUIRE_TRY(pid_of(word)));
  }
  for (const std::string& word : request.cont)
    plan.shape.blocks = plan.shape.blocks | OrderSet::of(QUIRE_TRY(block_of(word)));
  if (request.inc_empty) plan.shape.empty = report::FolioMapShape::Empty::kShow;
  if (!request.periodic.empty()) plan.pause = QUIRE_TRY(pause_of(request.periodic));
  if (plan.strict() && !plan.cgroup.empty())
    return fail(misuse("processes and --cgroup at once", "name either"));
  return plan;
}

Result<std::vector<pid_t>, Diagnostic> processes_of(const Plan& plan) {
  if (plan.strict()) return plan.pids;
  if (!plan.cgroup.empty()) return live::processes_of_cgroup(plan.cgroup);
  return live::all_processes();
}

Diagnostic absent(pid_t pid, bool was_there) {
  return {.where = fmt::format("process {}", pid),
          .what = was_there ? "ended, or ran another program, while it was read" : "no such process",
          .hint = was_there ? "" : "pgrep NAME finds them"};
}

// One look at all processes, printed as it goes; as JSON at the end.
class Round {
 public:
  Round(const Plan& plan, live::FolioMapper& mapper) : plan_(plan), mapper_(mapper) {}

  Result<void, Diagnostic> run() {
    if (!plan_.rollup && !plan_.json) fmt::print("{}", report::folio_map_heading());
    for (const pid_t pid : QUIRE_TRY(processes_of(plan_))) {
      const bool was_there = ::kill(pid, 0) == 0 || errno != ESRCH;
      const auto process = mapper_.map(pid);
      if (!process && (plan_.strict() || process.error().kind != Diagnostic::Kind::kPrivilege))
        return fail(process.error());
      if (!process) {
        ++refused_;
      } else if (*process) {
        take(**process);
      } else if (plan_.strict()) {
        return fail(absent(pid, was_there));
      }
    }
    tell_refused();
    if (plan_.json) print_json();
    if (plan_.rollup && !plan_.json) fmt::print("{}", report::rollup_text(rollup_, plan_.shape));
    return {};
  }

 private:
  void take(const live::ProcessFolios& process) {
    if (plan_.strict() && process.mappings.empty())
      tell("map", fmt::format("process {} is of the kernel: it has no memory of its own", process.pid));
    for (const live::MappingFolios& mapping : process.mappings) {
      rollup_.add(mapping);
      if (!plan_.rollup && !plan_.json)
        fmt::print("{}", report::mapping_text(process.pid, mapping, plan_.shape));
    }
    if (plan_.json && !plan_.rollup) processes_.push_back(report::process_json(process, plan_.shape));
  }

  [[nodiscard]] std::string refusals() const {
    return fmt::format("{} processes may not be looked at and are left out", refused_);
  }
  void tell_refused() const {
    if (refused_ != 0) tell("map", refusals());
  }

  // A stream of answers has one a line.
  void print_json() const {
    Json document = report::new_document();
    document["page_size_bytes"] = kPageSize;
    if (!plan_.rollup) document["processes"] = processes_;
    document["notes"] = refused_ == 0 ? Json::array() : Json::array({refusals()});
    document["rollup"] = report::rollup_json(rollup_, plan_.shape);
    fmt::print("{}", plan_.pause ? document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"
                                 : report::to_text(document));
  }

  const Plan& plan_;
  live::FolioMapper& mapper_;
  report::Rollup rollup_;
  std::uint64_t refused_ = 0;  // processes
  Json processes_ = Json::array();
};

Result<int, Diagnostic> look(const Plan& plan) {
  live::FolioMapper mapper = QUIRE_TRY(live::FolioMapper::open({plan.shape.blocks, plan.file}));
  for (;;) {
    QUIRE_TRY(Round(plan, mapper).run());
    // Whether the answer arrived is said by whoever called.
    if (!plan.pause || std::fflush(stdout) != 0) return 0;
    std::this_thread::sleep_for(*plan.pause);
    if (!plan.json) fmt::print("\n");
  }
}

}  // namespace

Result<int, Diagnostic> run_map(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "map",
       .synopsis = "[PID...] [--cgroup PATH] [options]",
       .summary = "Says which folios processes are made of: bytes by mapping and folio size, whole or in "
                  "part,\nmapped by PMD or PTE. Without PID and --cgroup of all processes. Needs root.",
       .examples = {"quire map $(pgrep redis-server)", "quire map --rollup --cont 64K $$",
                    "quire map --json $$ | jq .rollup.anon"}});
  arguments.operands("PID", request.operands, "Processes");
  arguments.option("--pid", request.pids, "PID", "The same as PID");
  arguments.option("--cgroup", request.cgroup, "PATH", "The processes of a control group and those below it");
  arguments.flag("--rollup", request.rollup, "Everything added up");
  arguments.option("--cont", request.cont, "SIZE", "Also what lies in blocks of SIZE in order; repeatable");
  arguments.flag("--inc-smaps", request.inc_smaps, "Also the figures of /proc/PID/smaps");
  arguments.flag("--inc-empty", request.inc_empty, "Also figures that are 0");
  arguments.option("--periodic", request.periodic, "SECONDS", "Again and again, until interrupted");
  arguments.json(request.json);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;
  return look(QUIRE_TRY(plan_of(request)));
}

}  // namespace quire::cli
