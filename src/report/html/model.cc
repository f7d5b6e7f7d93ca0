#include "report/html/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "lab/replay.h"
#include "policy/parse.h"

namespace quire::report {
namespace {

constexpr const char* kNow = "now";  // what advice calls the host as it was

constexpr std::size_t kLongName = 16;

// "16K-512K,2M" of "thp_anon=16K-512K,2M:always".
std::string short_of(const std::string& canonical) {
  constexpr std::string_view kBegin = "thp_anon=";
  constexpr std::string_view kEnd = ":always";
  const bool plain = canonical.starts_with(kBegin) && canonical.ends_with(kEnd) &&
                     canonical.find_first_of(" ;") == std::string::npos;
  if (!plain) return canonical;
  return canonical.substr(kBegin.size(), canonical.size() - kBegin.size() - kEnd.size());
}

std::string label_of(std::size_t n) {
  constexpr std::size_t kLetters = 26;
  std::string label(1, static_cast<char>('A' + n % kLetters));
  return n < kLetters ? label : label + std::to_string(n / kLetters);
}

// A text, or the words of a command.
std::string words_of(const Json& inputs, const char* name) {
  const auto at = inputs.find(name);
  if (at == inputs.end()) return "";
  if (at->is_string()) return at->get<std::string>();
  return fmt::format("{}", fmt::join(at->get<std::vector<std::string>>(), " "));
}

std::string program_of(const std::string& command) {
  const std::string first = command.substr(0, command.find(' '));
  return first.substr(first.rfind('/') + 1);
}

// What a RUN says of the program it is about.
Subject subject_of(const Run& run) {
  const Part inputs(run, "/inputs");
  Subject subject;
  subject.path = words_of(inputs.json(), "path");
  subject.hash = inputs.text("/content_hash");
  subject.header = inputs.part("/header");
  subject.summary = inputs.part("/summary");
  subject.command = subject.header ? fmt::format("{}", fmt::join(subject.header->texts("/argv"), " "))
                                   : words_of(inputs.json(), "command");
  subject.name = program_of(subject.command.empty() ? subject.path : subject.command);
  if (subject.name.empty()) subject.name = "a program";
  return subject;
}

bool same(const Subject& a, const Subject& b) {
  if (!a.hash.empty() && !b.hash.empty()) return a.hash == b.hash;
  if (!a.path.empty() && !b.path.empty()) return a.path == b.path;
  return !a.command.empty() && a.command == b.command;
}

void fill_in(std::string& known, const std::string& more) {
  if (known.empty()) known = more;
}

// The program that `seen` is about, with what is new in it.
Subject& subject_like(Model& model, const Subject& seen) {
  const auto at = std::ranges::find_if(model.subjects, [&](const Subject& s) { return same(s, seen); });
  if (at == model.subjects.end()) return model.subjects.emplace_back(seen);
  fill_in(at->command, seen.command);
  fill_in(at->path, seen.path);
  fill_in(at->hash, seen.hash);
  if (!at->header) at->header = seen.header;
  if (!at->summary) at->summary = seen.summary;
  return *at;
}

// A change that stays within the program, by its name.
std::string change_in(const Part& part) { return part.text("/scope") == "host" ? "" : part.text("/change"); }

PolicyView& view_for(Subject& subject, const Part& part) {
  const std::string canonical = part.text("/canonical");
  const std::string change = change_in(part);
  auto at = std::ranges::find_if(
      subject.policies, [&](const PolicyView& v) { return v.canonical == canonical && v.change == change; });
  if (at == subject.policies.end()) {
    at = subject.policies.emplace(subject.policies.end());
    at->canonical = canonical;
    at->change = change;
  }
  if (part.text("/policy") == kNow) {
    at->is_now = change.empty();
  } else if (at->name.empty()) {
    const std::string called = change.empty() ? part.text("/change") : "";  // advice has short names
    at->name = called.empty() ? part.text("/policy") : called;
  }
  return *at;
}

// Two policies of one name go by what they say.
void tell_apart(Subject& subject) {
  std::map<std::string, std::size_t> titles;
  for (const PolicyView& view : subject.policies) ++titles[view.title()];
  for (PolicyView& view : subject.policies)
    if (view.change.empty() && view.place == 0 && titles[view.title()] > 1) view.name = view.canonical;
}

void add_notes(Subject& subject, const std::vector<std::string>& notes) {
  for (const std::string& note : notes)
    if (std::ranges::find(subject.notes, note) == subject.notes.end()) subject.notes.push_back(note);
}

void add_policies(Subject& subject, const Run& run) {
  for (std::size_t i = 0; i < run.document["policies"].size(); ++i) {
    const Part part(run, fmt::format("/policies/{}", i));
    PolicyView& view = view_for(subject, part);
    if (view.place == 0) view.place = ++subject.placed;
    if (run.kind == RunKind::kReplay) {
      view.replayed = part;
      add_notes(subject, part.texts("/notes"));
    } else {
      view.verified = part;
      const auto timed = Part(run, "").part(fmt::format("/system_time/policies/{}", i));
      if (timed && timed->text("/policy") == part.text("/policy")) view.timed = timed;
    }
  }
}

void add_advice(Subject& subject, const Run& run) {
  const Part advice(run, "/advice");
  subject.advice.push_back(advice);
  for (std::size_t i = 0; i < advice.json()["candidates"].size(); ++i) {
    const Part candidate(run, fmt::format("/advice/candidates/{}", i));
    PolicyView& view = view_for(subject, candidate);
    if (!view.candidate) view.candidate = candidate;
  }
}

// The first machine of each recording stands with its other answers, all of them in the sweep's own table.
void add_sweep(Model& model, const Run& run) {
  const Part sweep = model.sweeps.emplace_back(run, "/sweep");
  std::map<std::string, std::string> machines;  // of each recording
  for (std::size_t i = 0; i < sweep.json()["results"].size(); ++i) {
    const Part result = *sweep.part(fmt::format("/results/{}", i));
    const std::string machine = result.text("/machine") + "|" + result.text("/profile");
    if (machines.emplace(result.text("/recording"), machine).first->second != machine) continue;
    Subject seen;
    seen.hash = result.text("/recording");
    seen.command = result.text("/command");
    seen.name = program_of(seen.command);
    PolicyView& view = view_for(subject_like(model, seen), result);
    if (!view.swept) view.swept = result;
  }
}

void add(Model& model, const Run& run) {
  if (run.kind == RunKind::kSweep) return add_sweep(model, run);
  Subject& subject = subject_like(model, subject_of(run));
  add_notes(subject, Part(run, "").texts("/notes"));
  if (run.kind == RunKind::kAdvise) {
    add_advice(subject, run);
  } else {
    add_policies(subject, run);
  }
  if (const auto timing = Part(run, "").part("/system_time")) subject.timing.push_back(*timing);
}

}  // namespace

std::string child(const std::string& name) { return (Json::json_pointer() / name).to_string(); }

std::optional<Part> Part::part(const std::string& path) const {
  const Json::json_pointer at(path);
  if (!json_->contains(at) || !json_->at(at).is_object()) return std::nullopt;
  return Part(*run_, pointer_ + path);
}

std::optional<Number> Part::number(const std::string& path) const {
  const Json::json_pointer at(path);
  if (!json_->contains(at) || !json_->at(at).is_number()) return std::nullopt;
  return Number{json_->at(at).get<double>(), fmt::format("{} {}{}", run_->label, pointer_, path)};
}

std::string Part::text(const std::string& path) const {
  const Json::json_pointer at(path);
  return json_->contains(at) && json_->at(at).is_string() ? json_->at(at).get<std::string>() : "";
}

std::vector<std::string> Part::texts(const std::string& path) const {
  const Json::json_pointer at(path);
  if (!json_->contains(at) || !json_->at(at).is_array()) return {};
  return json_->at(at).get<std::vector<std::string>>();
}

std::optional<bool> Part::flag(const std::string& path) const {
  const Json::json_pointer at(path);
  if (!json_->contains(at) || !json_->at(at).is_boolean()) return std::nullopt;
  return json_->at(at).get<bool>();
}

std::string Part::origin() const { return fmt::format("{} {}", run_->label, pointer_); }

std::string PolicyView::title() const {
  if (!change.empty()) return change;
  const std::string words =
      name.empty() || (name.size() > kLongName && name != canonical) ? short_of(canonical) : name;
  return is_now ? "now: " + words : words;
}

std::optional<Number> PolicyView::predicted(const std::string& key) const {
  for (const auto& part : {replayed, candidate, swept})
    if (part)
      if (const auto number = part->number(key)) return number;
  return verified ? verified->number("/predicted" + key) : std::nullopt;
}

std::optional<Number> PolicyView::measured(const std::string& key) const {
  return verified ? verified->number("/measured" + key) : std::nullopt;
}

const PolicyView* Subject::find(const std::string& canonical) const {
  const auto at = std::ranges::find_if(
      policies, [&](const PolicyView& v) { return v.canonical == canonical && v.change.empty(); });
  return at == policies.end() ? nullptr : &*at;
}

const PolicyView* Subject::candidate(std::size_t number) const {
  if (advice.empty()) return nullptr;
  const auto part = advice.front().part(fmt::format("/candidates/{}", number));
  if (!part) return nullptr;
  const std::string change = change_in(*part);
  const auto at = std::ranges::find_if(policies, [&](const PolicyView& v) {
    return v.canonical == part->text("/canonical") && v.change == change;
  });
  return at == policies.end() ? nullptr : &*at;
}

const PolicyView* Subject::small() const { return find(policy::canonical(lab::small_pages_only())); }

const PolicyView* Subject::now() const { return candidate(0); }

bool Subject::only_swept() const {
  return std::ranges::none_of(policies, [](const PolicyView& v) { return v.place != 0 || v.candidate; });
}

const PolicyView* Subject::recommended() const {
  if (advice.empty() || advice.front().text("/verdict") == "leave") return now();
  const auto number = advice.front().number("/recommended");
  return number ? candidate(static_cast<std::size_t>(number->value)) : nullptr;
}

std::vector<const PolicyView*> Subject::pareto() const {
  std::vector<const PolicyView*> views;
  if (advice.empty()) return views;
  for (const std::string& best : advice.front().texts("/pareto"))
    for (const PolicyView& view : policies)
      if (view.candidate && best == (view.change.empty() ? view.candidate->text("/policy") : view.change))
        views.push_back(&view);
  return views;
}

std::vector<const PolicyView*> Subject::shown(std::size_t most) const {
  std::vector<const PolicyView*> views;
  const auto add = [&](const PolicyView* view) {
    if (view != nullptr && std::ranges::find(views, view) == views.end()) views.push_back(view);
  };
  for (const PolicyView& view : policies)
    if (view.place != 0) add(&view);
  std::ranges::sort(views, {}, &PolicyView::place);
  if (views.empty()) {
    add(now());
    add(recommended());
    add(small());
    for (const PolicyView* const view : pareto()) add(view);
    for (const PolicyView& view : policies)
      if (view.swept) add(&view);
  }
  views.resize(std::min(views.size(), most));
  return views;
}

Model make_model(std::vector<Run> runs) {
  Model model;
  for (Run& run : runs) {
    run.label = label_of(model.runs.size());
    model.runs.push_back(std::make_unique<const Run>(std::move(run)));
  }
  for (const auto& run : model.runs) add(model, *run);
  for (Subject& subject : model.subjects) tell_apart(subject);
  return model;
}

}  // namespace quire::report
