// report/html/model.h - the RUNs of a report, put together: programs, and under
// which policies each was predicted and measured.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "report/html/run.h"

namespace quire::report {

// A number and where it stands: "A /policies/0/minor_faults".
struct Number {
  double value = 0;
  std::string origin;
};

// "/name" as a JSON pointer has it, for names that are not ours.
[[nodiscard]] std::string child(const std::string& name);

// An object within a RUN.
class Part {
 public:
  Part(const Run& run, const std::string& pointer)
      : run_(&run), pointer_(pointer), json_(&run.document.at(Json::json_pointer(pointer))) {}

  [[nodiscard]] const Run& run() const { return *run_; }
  [[nodiscard]] const Json& json() const { return *json_; }
  // "/policies/0" -> the part, or the number, of that member; nothing when it is
  // not there. `path` is a JSON pointer below this part.
  [[nodiscard]] std::optional<Part> part(const std::string& path) const;
  [[nodiscard]] std::optional<Number> number(const std::string& path) const;
  // The text of that member; empty when it is not there.
  [[nodiscard]] std::string text(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> texts(const std::string& path) const;
  // Nothing when it does not say.
  [[nodiscard]] std::optional<bool> flag(const std::string& path) const;
  // "A /policies/0"
  [[nodiscard]] std::string origin() const;

 private:
  const Run* run_;
  std::string pointer_;
  const Json* json_;
};

// One policy for one program, with everything that is known of it. Two are the same by
// their canonical settings and by what the program itself changes.
struct PolicyView {
  std::string name;  // as it was given first
  std::string canonical;
  std::string change;     // of the program itself; empty where only the host's settings count
  bool is_now = false;    // the host as it was when it was recorded
  std::size_t place = 0;  // among those replayed or verified, from 1; 0: only advised on
  std::optional<Part> replayed;
  std::optional<Part> candidate;  // of advice
  std::optional<Part> swept;      // of a sweep, on the first of its machines
  std::optional<Part> verified;
  std::optional<Part> timed;  // of verify --time

  // "64K", "now: linux-6.18", "MADV_HUGEPAGE heap"
  [[nodiscard]] std::string title() const;
  // A figure of the replay, else of the advice, of a sweep, of what a verify predicted.
  [[nodiscard]] std::optional<Number> predicted(const std::string& key) const;
  [[nodiscard]] std::optional<Number> measured(const std::string& key) const;
};

// One program: one recording, or one command.
struct Subject {
  std::string name;     // "python3"
  std::string command;  // all of it, when known
  std::string path;
  std::string hash;  // of the recording's content
  std::vector<PolicyView> policies;
  std::size_t placed = 0;  // of them replayed or verified
  std::vector<Part> advice;
  std::vector<Part> timing;    // system_time of a verify
  std::optional<Part> header;  // of the recording
  std::optional<Part> summary;
  std::vector<std::string> notes;  // of all its RUNs, each once

  // That of the host's settings alone.
  [[nodiscard]] const PolicyView* find(const std::string& canonical) const;
  // Of an entry of the advice's candidates.
  [[nodiscard]] const PolicyView* candidate(std::size_t number) const;
  // 4 KiB pages only.
  [[nodiscard]] const PolicyView* small() const;
  // What the advice is to use; the host as it was where that is to be left alone; null without advice.
  [[nodiscard]] const PolicyView* recommended() const;
  // Those that the advice says no other beats in both time and memory, fastest first.
  [[nodiscard]] std::vector<const PolicyView*> pareto() const;
  [[nodiscard]] const PolicyView* now() const;
  // Nothing is known of it but results of a sweep.
  [[nodiscard]] bool only_swept() const;
  // Those to show side by side: replayed and verified ones, else what the advice
  // is about. At most `most`.
  [[nodiscard]] std::vector<const PolicyView*> shown(std::size_t most) const;
};

struct Model {
  std::vector<std::unique_ptr<const Run>> runs;  // subjects and sweeps refer to them
  std::vector<Subject> subjects;
  std::vector<Part> sweeps;
};

// Labels the runs A, B, ... and puts them together.
[[nodiscard]] Model make_model(std::vector<Run> runs);

}  // namespace quire::report
