#include "report/html/run_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

namespace quire::report {
namespace {

using Names = std::initializer_list<const char*>;

// More of anything is no answer of Quire, and no page could show it.
constexpr std::size_t kMostPolicies = 256;
constexpr std::size_t kMostResults = 1U << 17;
constexpr std::size_t kMostRows = 1U << 20;

// A place in a document. Remembers the first thing that is not as it should be;
// after that nothing is looked at any more.
class Place {
 public:
  Place(const Json& json, std::string where, std::string& wrong)
      : json_(json), where_(std::move(where)), wrong_(wrong) {}

  [[nodiscard]] const Json& json() const { return json_; }
  [[nodiscard]] bool sound() const { return wrong_.empty(); }
  void say(const std::string& at, const char* expected) const {
    if (wrong_.empty()) wrong_ = fmt::format("{}{}: expected {}", where_, at, expected);
  }

  // Members that must be there, and may be.
  void texts(Names names) const {
    for (const char* const name : names) member(name, "a text", [](const Json& j) { return j.is_string(); });
  }
  void numbers(Names names) const {
    for (const char* const name : names)
      member(name, "a number", [](const Json& j) { return j.is_number(); });
  }
  void constant(const char* name, std::uint64_t value) const {
    if (sound() && !(json_.contains(name) && json_[name] == value))
      say(std::string("/") + name, std::to_string(value).c_str());
  }
  // "0x7f12a0000000"
  void address(const char* name) const {
    constexpr std::size_t kMostLetters = 18;
    member(name, "an address", [](const Json& j) {
      if (!j.is_string()) return false;
      const auto& text = j.get_ref<const std::string&>();
      return text.starts_with("0x") && text.size() > 2 && text.size() <= kMostLetters &&
             text.find_first_not_of("0123456789abcdef", 2) == std::string::npos;
    });
  }
  void may_be_numbers(Names names) const {
    for (const char* const name : names)
      if (has(name)) numbers({name});
  }
  void may_be_texts(Names names) const {
    for (const char* const name : names)
      if (has(name)) texts({name});
  }
  void may_be_flags(Names names) const {
    for (const char* const name : names)
      if (has(name)) member(name, "true or false", [](const Json& j) { return j.is_boolean(); });
  }

  [[nodiscard]] bool has(const char* name) const { return json_.contains(name); }

  // Looks into a member that must be an object, or a list of objects.
  template <typename Look>
  void object(const char* name, Look look) const {
    if (!sound() || !member(name, "an object", [](const Json& j) { return j.is_object(); })) return;
    look(Place(json_[name], where_ + "/" + name, wrong_));
  }
  template <typename Look>
  void may_be_object(const char* name, Look look) const {
    if (has(name)) object(name, look);
  }
  template <typename Look>
  void objects(const char* name, std::size_t most, Look look) const {
    if (!list(name, most)) return;
    for (std::size_t i = 0; i < json_[name].size() && sound(); ++i) {
      const Place one(json_[name][i], fmt::format("{}/{}/{}", where_, name, i), wrong_);
      if (!one.json_.is_object()) return one.say("", "an object");
      look(one);
    }
  }
  template <typename Look>
  void may_be_objects(const char* name, std::size_t most, Look look) const {
    if (has(name)) objects(name, most, look);
  }

  void text_list(const char* name, std::size_t most) const {
    list_of(name, most, "a list of texts", [](const Json& j) { return j.is_string(); });
  }
  void may_be_text_list(const char* name, std::size_t most) const {
    if (has(name)) text_list(name, most);
  }
  void number_list(const char* name, std::size_t size) const {
    list_of(name, size, "a list of numbers", [](const Json& j) { return j.is_number(); });
    if (sound() && json_[name].size() != size)
      say(std::string("/") + name, "as many entries as its neighbours");
  }
  // Whole numbers below `end`.
  void index_list(const char* name, std::size_t size, std::size_t end) const {
    number_list(name, size);
    if (!sound()) return;
    const bool inside = std::ranges::all_of(
        json_[name], [end](const Json& j) { return j.is_number_unsigned() && j.get<std::uint64_t>() < end; });
    if (!inside) say(std::string("/") + name, "numbers of entries that there are");
  }
  // Every member is a number.
  void numbers_only() const {
    for (const auto& [name, value] : json_.items())
      if (!value.is_number()) return say("/" + name, "a number");
  }
  [[nodiscard]] std::size_t size_of(const char* name) const {
    const auto at = json_.find(name);
    return at != json_.end() && at->is_array() ? at->size() : 0;
  }

 private:
  template <typename Is>
  bool member(const char* name, const char* expected, Is is) const {
    const auto at = json_.find(name);
    if (at != json_.end() && is(*at)) return true;
    say(std::string("/") + name, expected);
    return false;
  }
  bool list(const char* name, std::size_t most) const {
    if (!sound() || !member(name, "a list", [](const Json& j) { return j.is_array(); })) return false;
    if (json_[name].size() <= most) return true;
    say(std::string("/") + name, "a shorter list");
    return false;
  }
  template <typename Is>
  void list_of(const char* name, std::size_t most, const char* expected, Is is) const {
    if (list(name, most) && !std::ranges::all_of(json_[name], is)) say(std::string("/") + name, expected);
  }

  const Json& json_;
  std::string where_;
  std::string& wrong_;
};

void check_numbers_by_size(const Place& place, const char* name) {
  place.may_be_object(name, [](const Place& sizes) { sizes.numbers_only(); });
}

// Of what was replayed.
void check_counts(const Place& p) {
  p.numbers({"minor_faults", "peak_resident_bytes", "kernel_ns"});
  p.may_be_numbers({"lost_races",
                    "pmd_maps",
                    "folio_splits",
                    "pmd_splits",
                    "wasted_at_peak_bytes",
                    "final_resident_bytes",
                    "wasted_at_end_bytes",
                    "peak_rss_bytes",
                    "peak_page_tables_bytes",
                    "final_page_tables_bytes",
                    "copied_pages",
                    "fault_ns",
                    "copy_ns",
                    "swap_in_ns",
                    "swap_out_ns",
                    "fork_ns",
                    "unmap_ns",
                    "fault_ns_p50",
                    "fault_ns_p99",
                    "fault_ns_p999",
                    "fault_ns_max",
                    "events",
                    "touches",
                    "suppressed_touches",
                    "populated_pages",
                    "collapsed_blocks",
                    "refused_touches",
                    "khugepaged_passes",
                    "largest_bytes"});
  check_numbers_by_size(p, "folios");
}

// Of a machine that could be short of memory.
void check_pressure(const Place& p) {
  p.may_be_numbers({"major_faults", "swapped_out_pages", "swapped_in_pages", "refaulted_pages",
                    "scanned_by_kswapd_pages", "scanned_directly_pages", "reclaimed_by_kswapd_pages",
                    "reclaimed_directly_pages", "direct_reclaims", "oom_kills", "peak_swap_bytes",
                    "peak_zram_bytes"});
}

void check_figures(const Place& p) {
  p.texts({"policy", "canonical"});
  p.may_be_texts({"state_hash", "scope", "change"});
  check_counts(p);
}

// A baseline, or a row of an ablation: figures, or why there are none.
void check_variant(const Place& p) {
  p.texts({"name", "today", "canonical"});
  p.may_be_texts({"missing", "caveat", "state_hash"});
  p.may_be_numbers({"kernel_ns_difference", "peak_resident_bytes_difference"});
  if (!p.has("missing")) check_counts(p);
}

void check_samples(const Place& samples, std::size_t n) {
  for (const char* const name :
       {"event", "time_us", "file_bytes", "never_touched_bytes", "page_tables_bytes"})
    samples.number_list(name, n);
  samples.object("anon_bytes", [n](const Place& sizes) {
    for (const auto& [size, unused] : sizes.json().items()) sizes.number_list(size.c_str(), n);
  });
}

void check_folio_map(const Place& map, std::size_t samples) {
  map.constant("page_size_bytes", 4096);
  map.text_list("reasons", 256);
  map.objects("mappings", kMostRows, [](const Place& mapping) {
    mapping.texts({"process", "name"});
    mapping.address("start");
    mapping.numbers({"mm", "bytes"});
  });
  const std::size_t mappings = map.size_of("mappings");
  const std::size_t reasons = map.size_of("reasons");
  map.object("runs", [&](const Place& runs) {
    const std::size_t n = runs.size_of("order");
    if (n > kMostRows) return runs.say("/order", "a shorter list");
    runs.index_list("first_sample", n, samples);
    runs.index_list("last_sample", n, samples);
    runs.index_list("mapping", n, mappings);
    runs.index_list("order", n, kMaxOrder + 1);
    runs.index_list("reason", n, reasons);
    for (const char* const name : {"offset_pages", "pages", "resident_pages", "touched_pages"})
      runs.index_list(name, n, 1ULL << 52);
  });
}

void check_timeline(const Place& timeline) {
  timeline.numbers({"every_events"});
  std::size_t samples = 0;
  timeline.object("samples", [&samples](const Place& s) {
    samples = s.size_of("event");
    check_samples(s, samples);
  });
  timeline.object("folio_map", [&samples](const Place& map) { check_folio_map(map, samples); });
}

void check_mapping_use(const Place& mapping) {
  mapping.texts({"name"});
  mapping.may_be_numbers(
      {"bytes", "resident_bytes", "never_touched_bytes", "stranded_bytes", "zero_filled_bytes"});
  check_numbers_by_size(mapping, "not_huge");
}

void check_replayed(const Place& policy) {
  check_figures(policy);
  policy.may_be_objects("fault_times", 1024, [](const Place& step) {
    step.numbers({"at_most_ns", "faults"});
    if (step.sound() && step.json()["at_most_ns"] < 1) step.say("/at_most_ns", "at least 1");
  });
  policy.may_be_object("counters", [](const Place& counters) {
    for (const auto& [name, value] : counters.json().items()) {
      if (value.is_object()) {
        counters.object(name.c_str(), [](const Place& size) { size.numbers_only(); });
      } else if (!value.is_number()) {
        counters.say("/" + name, "a number");
      }
    }
  });
  policy.may_be_text_list("notes", 1024);
  policy.may_be_object("timeline", check_timeline);
  policy.may_be_objects("mappings", kMostRows, check_mapping_use);
}

void check_advice(const Place& advice) {
  advice.texts({"verdict", "confidence"});
  advice.may_be_texts({"policy", "scope", "change", "sentence", "why", "concerns", "needs", "risk", "keep"});
  advice.may_be_numbers({"recommended"});
  advice.text_list("doubts", 1024);
  advice.text_list("do", 1024);
  advice.text_list("undo", 1024);
  advice.may_be_text_list("pareto", kMostPolicies);
  advice.numbers({"user_ns"});
  advice.objects("candidates", kMostPolicies, check_figures);
  advice.may_be_objects("baselines", kMostPolicies, check_variant);
  advice.may_be_objects("ablation", kMostPolicies, check_variant);
  if (advice.sound() && advice.size_of("candidates") < 2) advice.say("/candidates", "now and 4K at least");
}

void check_outcome(const Place& outcome) {
  outcome.numbers({"minor_faults", "peak_rss_bytes"});
  check_numbers_by_size(outcome, "folios");
}

void check_time(const Place& time) { time.numbers({"mean", "low", "high"}); }

void check_verified(const Place& policy) {
  policy.texts({"policy", "canonical"});
  policy.may_be_flags({"agrees"});
  policy.may_be_text_list("off", 1024);
  policy.object("predicted", check_outcome);
  policy.object("measured", check_outcome);
  policy.may_be_object("error", check_outcome);
  policy.may_be_object("predicted_band", [](const Place& band) {
    band.object("min", check_outcome);
    band.object("max", check_outcome);
  });
  policy.may_be_object("measured_run", [](const Place& run) {
    run.may_be_numbers({"min_flt", "maj_flt", "tasks", "wait_status", "cpu_ns"});
    run.may_be_flags({"quiet", "peak_rss_exact"});
  });
}

void check_times(const Place& time) {
  time.numbers({"rounds", "noise_ns"});
  time.object("control_ns", check_time);
  time.objects("policies", kMostPolicies, [](const Place& policy) {
    policy.texts({"policy", "predicted_change", "measured_change"});
    policy.numbers({"predicted_ns", "error"});
    policy.object("measured_ns", check_time);
  });
}

void check_sweep(const Place& sweep) {
  sweep.objects("results", kMostResults, [](const Place& result) {
    check_figures(result);
    result.texts({"recording", "command", "machine", "profile"});
    result.numbers({"ram_bytes"});
    result.may_be_numbers({"fragmentation", "large_folios", "large_fallbacks"});
    check_pressure(result);
  });
  sweep.may_be_objects("skipped", kMostResults, [](const Place& skipped) {
    skipped.texts({"recording", "command", "policy", "machine", "profile", "reason"});
  });
}

void check_inputs(const Place& inputs) {
  inputs.may_be_texts({"content_hash"});
  inputs.may_be_object("header", [](const Place& header) {
    header.may_be_texts({"tool_version", "tier", "kernel_release", "machine"});
    header.may_be_numbers(
        {"page_size_bytes", "cpus", "ram_bytes", "wall_clock_start_seconds", "fault_around_bytes"});
    header.may_be_flags({"thp_disabled_while_recording", "scrubbed"});
    header.may_be_text_list("argv", kMostRows);
    header.may_be_text_list("lacks", 256);
    header.may_be_object("thp_state", [](const Place& state) {
      for (const auto& [file, text] : state.json().items()) state.texts({file.c_str()});
    });
  });
  inputs.may_be_object("summary", [](const Place& summary) {
    summary.may_be_numbers({"lost_events", "events", "touches", "min_flt", "maj_flt", "tasks", "exit_status",
                            "cpu_user_ns", "cpu_sys_ns"});
    summary.may_be_object("gate", [](const Place& gate) {
      gate.may_be_flags({"passed"});
      gate.may_be_text_list("failures", 1024);
    });
  });
  for (const char* const name : {"path", "command"}) {  // one text, or the words of a command
    if (inputs.has(name) && !inputs.json()[name].is_string()) inputs.text_list(name, kMostRows);
  }
}

void check_policies(const Place& document, void (*check)(const Place&)) {
  document.objects("policies", kMostPolicies, check);
}

}  // namespace

std::string wrong_in(const Json& document, RunKind kind) {
  std::string wrong;
  const Place place(document, "", wrong);
  place.texts({"tool_version"});
  place.may_be_object("host", [](const Place& host) {
    host.may_be_texts({"kernel_release", "machine"});
    host.may_be_numbers({"cpus", "ram_bytes"});
  });
  place.may_be_text_list("notes", 4096);
  place.may_be_object("machine", [](const Place& machine) {
    machine.may_be_numbers({"ram_bytes", "fragmentation"});
    machine.may_be_texts({"profile"});
  });
  place.object("inputs", check_inputs);
  switch (kind) {
    case RunKind::kReplay:
      check_policies(place, check_replayed);
      break;
    case RunKind::kAdvise:
      place.object("advice", check_advice);
      break;
    case RunKind::kVerify:
      check_policies(place, check_verified);
      place.may_be_object("system_time", check_times);
      place.may_be_object("processor_time", check_times);
      break;
    case RunKind::kSweep:
      place.object("sweep", check_sweep);
      break;
  }
  return wrong;
}

}  // namespace quire::report
