// litmus/verdict.h - what was found of one experiment.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

#include "litmus/check.h"
#include "litmus/experiment.h"
#include "litmus/observation.h"

namespace quire::litmus {

struct Verdict {
  enum class Kind : std::uint8_t {
    kHolds,
    kFails,
    kUnable,  // nothing wrong was found, but a side cannot do all of it
  };
  Kind kind = Kind::kHolds;
  std::string file;
  Experiment experiment;
  std::optional<Recording> engine, kernel;
  bool kernel_is_stored = false;
  std::vector<Finding> findings;  // each says which side
  std::vector<std::string> unable;
  // JSON: what the engine of another architecture told, in place of its recording.
  std::string told;

  // Performs the experiment on the engine and holds the result against what
  // the file expects, and against what is in `kernel`.
  [[nodiscard]] Result<void, Diagnostic> ask_engine();
  // Says what is still to be said: `kind` and `unable`.
  void conclude();
};

// Adds findings of one side, or of "both", or of what was "stored".
void add(std::vector<Finding>& to, const std::string& side, std::vector<Finding> more);

// Parses the text of a file, and reads what a kernel did as far as that is stored beside it.
[[nodiscard]] Result<Verdict, Diagnostic> open_experiment(const std::string& file, std::string_view text);

[[nodiscard]] const char* word_of(Verdict::Kind kind);

// As `litmus run` prints it, and as its --json has it.
enum class Layout : std::uint8_t { kHide, kShow };
[[nodiscard]] std::string to_text(const Verdict& verdict, Layout layout);
[[nodiscard]] nlohmann::ordered_json to_json(const Verdict& verdict);

}  // namespace quire::litmus
