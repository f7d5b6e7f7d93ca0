#include "lab/verify.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/size.h"
#include "cli/arguments.h"
#include "cli/policies.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "lab/record_runs.h"
#include "lab/run_streams.h"
#include "live/host.h"
#include "policy/parse.h"
#include "report/document.h"
#include "report/figures.h"
#include "report/table.h"

namespace quire::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Request {
  std::string file;
  std::vector<std::string> policies;
  std::vector<std::string> command;
  unsigned recordings = 1;
  unsigned warmups = 1;
  unsigned timeout_seconds = 600;
  unsigned time_rounds = 0;
  bool only_times = false;
  std::string profile;
  unsigned jobs = default_jobs();
  bool json = false;
};

Diagnostic misuse(std::string what, std::string hint) {
  return {Diagnostic::Kind::kUsage, "verify", std::move(what), std::move(hint)};
}

Result<void, Diagnostic> check(const Request& request) {
  if (request.file.empty() == request.command.empty()) {
    return fail(misuse(
        request.file.empty() ? "nothing to verify" : "a recording and a command: only one can be verified",
        "quire verify -- CMD, or quire verify FILE"));
  }
  if (request.recordings == 0) return fail(misuse("--recordings must be at least 1", ""));
  if (request.time_rounds != 0 && request.time_rounds < 6)
    return fail(misuse("--time must be at least 6: fewer rounds give no interval", ""));
  if (request.only_times && request.time_rounds == 0)
    return fail(misuse("--only-times needs to know how often", "add --time 15"));
  if (request.timeout_seconds == 0) return fail(misuse("--timeout must be at least 1 second", ""));
  return {};
}

// Asked first, so that nothing is run in vain.
Result<void, Diagnostic> check_host() {
  const auto missing = [](std::string what, const std::string& reason) {
    return fail(Diagnostic{Diagnostic::Kind::kPrivilege, "verify", std::move(what) + ": " + reason,
                           "run it as root; quire replay needs no privilege"});
  };
  if (const auto bpf = live::probe_bpf(); !bpf.available) return missing("needs BPF to count", bpf.reason);
  if (const auto points = live::probe_tracepoints(); !points.available) {
    return missing("needs kernel type information to count", points.reason);
  }
  return {};
}

std::chrono::milliseconds timeout_of(const Request& request) {
  return std::chrono::seconds(request.timeout_seconds);
}

lab::Measured measured_of(const Request& request) {
  if (request.time_rounds == 0) return lab::Measured::kCounts;
  return request.only_times ? lab::Measured::kTimes : lab::Measured::kCountsAndTimes;
}

Result<lab::VerifyResult, Diagnostic> verify_files(const Request& request,
                                                   const std::vector<lab::Policy>& policies,
                                                   std::vector<std::string> files, unsigned warmups) {
  const auto profile = QUIRE_TRY(profile_of(request.profile));
  return lab::verify({.recordings = std::move(files),
                      .policies = policies,
                      .jobs = request.jobs,
                      .measured = measured_of(request),
                      .time_rounds = request.time_rounds,
                      .profile = profile,
                      .warmups = warmups,
                      .timeout = timeout_of(request)});
}

Result<lab::VerifyResult, Diagnostic> verify_request(const Request& request,
                                                     const std::vector<lab::Policy>& policies) {
  const lab::RunStreams streams = QUIRE_TRY(lab::RunStreams::enter());
  if (!request.file.empty()) return verify_files(request, policies, {request.file}, request.warmups);
  const lab::RecordedRuns runs =
      QUIRE_TRY(lab::RecordedRuns::make({.command = request.command,
                                         .recordings = request.recordings,
                                         .warmups = request.warmups,
                                         .timeout = timeout_of(request),
                                         .tool_version = std::string(report::tool_version())}));
  lab::VerifyResult result = QUIRE_TRY(verify_files(request, policies, runs.files(), 0));
  result.notes.insert(result.notes.begin(), runs.notes().begin(), runs.notes().end());
  return result;
}

// Folios that other processes made while the program ran, or our own mistake.
std::string quiet_text(const lab::PolicyVerdict& verdict) {
  if (verdict.quiet.quiet()) return "no other process made large folios meanwhile";
  std::string text;
  for (unsigned order = 2; order <= kPmdOrder; ++order) {
    if (verdict.quiet.foreign[order] == 0) continue;
    text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", verdict.quiet.foreign[order],
                        base::sysfs_size(Order(order)));
  }
  return "folios made by other processes meanwhile, not counted here: " + text;
}

std::vector<report::Column> columns_of(const lab::PolicyVerdict& verdict) {
  std::vector<report::Column> columns;
  if (verdict.predicted.recordings > 1) {
    columns.push_back({"lowest", report::sheet_of(verdict.predicted.min)});
    columns.push_back({"highest", report::sheet_of(verdict.predicted.max)});
  }
  columns.push_back({"predicted", report::sheet_of(verdict.predicted.median)});
  columns.push_back({"measured", report::sheet_of(verdict.measured)});
  columns.push_back({"error", report::difference(verdict.measured, verdict.predicted.median)});
  return columns;
}

void print_verdict(const lab::PolicyVerdict& verdict, report::Ink ink) {
  fmt::print("policy {} ({}): {}\n", one_line(verdict.policy.text),
             policy::canonical(verdict.policy.settings),
             verdict.agrees() ? ink.good("agrees") : ink.bad("OFF"));
  fmt::print("{}", report::table_of(columns_of(verdict), ink));
  for (const std::string& off : verdict.off) fmt::print("{}: {}\n", ink.bad("OFF"), off);
  fmt::print("{}\n\n", ink.faint(quiet_text(verdict)));
}

const char* word_of(lab::Change change) {
  return change == lab::Change::kNone ? "same" : change == lab::Change::kFaster ? "faster" : "slower";
}

double error_of(const lab::TimedPolicy& policy) {
  return (policy.predicted_ns - policy.measured.mean) / std::max(policy.measured.mean, 1.0);
}

// No word about a difference that the control's own runs have as well.
void print_times(std::string_view what, const lab::VerifyResult& result, const lab::TimeComparison& times) {
  fmt::print(
      "{}, {} rounds; with 4K pages {:.1f} ms, noise {:.1f} ms{}\n", what, result.timing->rounds,
      times.control.mean / 1e6, times.noise_ns() / 1e6,
      result.timing->price_factor
          ? fmt::format("; a fault costs {:.2f} of the profile beyond clearing", *result.timing->price_factor)
          : "");
  fmt::print(" {:<24} {:>12} {:>12} {:>19} {:>8}  {}\n", "policy", "predicted", "measured", "between",
             "error", "beside 4K: predicted, measured");
  for (const lab::TimedPolicy& p : times.policies) {
    fmt::print(" {:<24} {:>9.1f} ms {:>9.1f} ms {:>19} {:>+6.1f} %  {}, {}\n", one_line(p.text),
               p.predicted_ns / 1e6, p.measured.mean / 1e6,
               fmt::format("{:.1f} to {:.1f} ms", p.measured.low / 1e6, p.measured.high / 1e6),
               error_of(p) * 100, word_of(times.predicted_change(p)), word_of(times.measured_change(p)));
  }
}

Json time_json(const cost::MiddleMean& time) {
  return {{"mean", time.mean}, {"low", time.low}, {"high", time.high}};
}

Json times_json(const lab::VerifyResult& result, const lab::TimeComparison& times) {
  Json json{
      {"rounds", result.timing->rounds},
      {"modes_by", result.timing->modes == lab::ModesBy::kSamples ? "samples" : "ticks"},
      {"price_factor", result.timing->price_factor ? Json(*result.timing->price_factor) : Json(nullptr)},
      {"control_ns", time_json(times.control)},
      {"noise_ns", times.noise_ns()}};
  json["policies"] = Json::array();
  for (const lab::TimedPolicy& p : times.policies) {
    json["policies"].push_back({{"policy", p.text},
                                {"predicted_ns", p.predicted_ns},
                                {"measured_ns", time_json(p.measured)},
                                {"error", error_of(p)},
                                {"predicted_change", word_of(times.predicted_change(p))},
                                {"measured_change", word_of(times.measured_change(p))}});
  }
  return json;
}

Json foreign_json(const live::QuietResult& quiet) {
  Json json = Json::object();
  for (unsigned order = 2; order <= kPmdOrder; ++order) {
    json[base::sysfs_size(Order(order))] = quiet.foreign[order];
  }
  return json;
}

Json verdict_json(const lab::PolicyVerdict& verdict) {
  Json json{{"policy", verdict.policy.text}, {"canonical", policy::canonical(verdict.policy.settings)}};
  json["agrees"] = verdict.agrees();
  json["predicted"] = report::json_of(report::sheet_of(verdict.predicted.median));
  json["predicted_band"] = {{"min", report::json_of(report::sheet_of(verdict.predicted.min))},
                            {"max", report::json_of(report::sheet_of(verdict.predicted.max))}};
  json["measured"] = report::json_of(report::sheet_of(verdict.measured));
  json["error"] = report::json_of(report::difference(verdict.measured, verdict.predicted.median));
  json["off"] = report::texts_json(verdict.off);
  json["measured_run"] = {{"min_flt", verdict.counts.min_flt},
                          {"maj_flt", verdict.counts.maj_flt},
                          {"tasks", verdict.counts.tasks},
                          {"wait_status", verdict.counts.wait_status},
                          {"cpu_ns", verdict.counts.cpu_ns},
                          {"peak_rss_exact", verdict.counts.peak_rss_exact},
                          {"folios_given_back", verdict.counts.given_back},
                          {"folios_collapsed", verdict.counts.collapsed},
                          {"quiet", verdict.quiet.quiet()},
                          {"foreign_folios", foreign_json(verdict.quiet)}};
  return json;
}

void print_json(const Request& request, const lab::VerifyResult& result) {
  auto document = report::new_document();
  const std::vector<std::string> command =
      request.file.empty() ? request.command : std::vector<std::string>{request.file};
  document["inputs"] = {{request.file.empty() ? "command" : "path", report::texts_json(command)}};
  // A recording of our own is gone when this is read.
  if (!request.file.empty()) document["inputs"]["content_hash"] = result.content_hash;
  document["recordings"] = request.file.empty() ? request.recordings : 1;
  document["agrees"] = result.agrees();
  document["notes"] = report::texts_json(result.notes);
  document["policies"] = Json::array();
  for (const lab::PolicyVerdict& verdict : result.policies)
    document["policies"].push_back(verdict_json(verdict));
  if (result.timing) {
    document["system_time"] = times_json(result, result.timing->system);
    document["processor_time"] = times_json(result, result.timing->processor);
  }
  fmt::print("{}", report::to_text(document));
}

void print_answer(const Request& request, const lab::VerifyResult& result, report::Ink ink) {
  if (request.json) {
    print_json(request, result);
  } else {
    for (const lab::PolicyVerdict& verdict : result.policies) print_verdict(verdict, ink);
    if (result.timing) {
      print_times("system time", result, result.timing->system);
      print_times("processor time", result, result.timing->processor);
    }
  }
  for (const std::string& note : result.notes) tell("verify", note);
}

}  // namespace

Result<int, Diagnostic> run_verify(Words words) {
  Request request;
  Arguments arguments({.verb = "verify",
                       .synopsis = "[options] FILE | -- CMD [ARG...]",
                       .summary =
                           "Records CMD (or takes a recording), predicts it under each policy, runs it for "
                           "real under each\nand compares. Changes this host's huge-page settings meanwhile "
                           "and puts them back.",
                       .examples = {"quire verify --policy 64K --policy 2M -- python3 script.py",
                                    "quire verify --recordings 4 --policy all -- java -jar app.jar",
                                    "quire verify mine.quire --policy 16K+64K --json"}});
  arguments.operand("FILE", request.file, "A recording to run again, instead of a command",
                    Values::files(".quire"));
  arguments.option("-p,--policy", request.policies, "POLICY",
                   "In the kernel's words, or 4K, 16K+64K, all; repeatable");
  arguments.option("--recordings", request.recordings, "N",
                   "Recordings of CMD; several predict a band (default 1)");
  arguments.option("-w,--warmup", request.warmups, "N", "Runs before the first one that counts (default 1)");
  arguments.option("--timeout", request.timeout_seconds, "SECONDS",
                   "For each run of the program (default 600)");
  arguments.option("--time", request.time_rounds, "N",
                   "System time too, in N rounds, 6 or more (default: not)");
  arguments.flag("--only-times", request.only_times, "With --time: do not count faults and folios first");
  arguments.option("--profile", request.profile, "FILE", "Of this host, from quire calibrate; for --time",
                   Values::files(".toml"));
  arguments.option("--jobs", request.jobs, "N", "Policies replayed at once (default: one per cpu)");
  arguments.json(request.json);
  arguments.command(request.command);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  QUIRE_TRY(check(request));
  if (!request.file.empty()) QUIRE_TRY(trace::Reader::open(request.file));
  const auto policies = QUIRE_TRY(policies_of("verify", request.policies));
  QUIRE_TRY(check_host());
  const lab::VerifyResult result = QUIRE_TRY(verify_request(request, policies));
  print_answer(request, result, arguments.ink());
  return result.agrees() ? 0 : static_cast<int>(Diagnostic::Kind::kFinding);
}

}  // namespace quire::cli
