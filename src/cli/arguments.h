// cli/arguments.h - the words behind a verb. The one place that knows the
// command-line library.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/definition.h"
#include "quire/result.h"
#include "report/colour.h"

namespace quire::cli {

// Declares what a verb takes, then reads it. Every verb also takes --help and
// --color.
//
// Refers to   : every variable given to option(), flag(), operand() and
//               command(), until parse() has returned
// Invariants  : I-ARGS-1 an option takes one word, so that a repeatable one
//               never swallows an operand
//               I-ARGS-2 nothing behind "--" is looked at
class Arguments {
 public:
  enum class Parsed : std::uint8_t { kRun, kHelpShown };

  explicit Arguments(const About& about);
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  ~Arguments();

  // `names` is "-o,--output"; `value` is what help calls the word: "FILE".
  void option(const std::string& names, std::string& to, const std::string& value, const std::string& help,
              const Values& values = {});
  void option(const std::string& names, unsigned& to, const std::string& value, const std::string& help,
              const Values& values = {});
  // May be given several times.
  void option(const std::string& names, std::vector<std::string>& to, const std::string& value,
              const std::string& help, const Values& values = {});
  void flag(const std::string& names, bool& to, const std::string& help);
  // --json, alike everywhere.
  void json(bool& to);
  void operand(const std::string& name, std::string& to, const std::string& help, const Values& values = {});
  // One or more of them.
  void operands(const std::string& name, std::vector<std::string>& to, const std::string& help,
                const Values& values = {});
  // Everything behind "--". Without this, such words are refused.
  void command(std::vector<std::string>& to);

  // kUsage for what cannot be understood, with the nearest option. After
  // kHelpShown nothing is left to do.
  [[nodiscard]] Result<Parsed, Diagnostic> parse(const Words& words);

  // How the answer on standard output is coloured. After parse().
  [[nodiscard]] report::Ink ink() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quire::cli
