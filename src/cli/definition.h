// cli/definition.h - what a verb takes, as data: its help, its man page and what
// shells complete are made of this, so that none can drift from what it accepts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace quire::cli {

// What a word can be, for those who help to type it.
struct Values {
  enum class Kind : std::uint8_t {
    kByName,  // what the name of the value suggests: POLICY, PID, FILE
    kAny,
    kWords,
    kPolicy,
    kSize,  // of a folio
    kPid,
    kFile,
    kFolder,
    kVerb,
  };
  Kind kind = Kind::kByName;
  std::vector<std::string> words{};  // of kWords
  std::string suffix{};              // how the names of the files end: ".quire"

  [[nodiscard]] static Values of(std::vector<std::string> words) {
    return {Kind::kWords, std::move(words), {}};
  }
  [[nodiscard]] static Values files(std::string suffix) { return {Kind::kFile, {}, std::move(suffix)}; }
};

// An option, or an operand.
struct Taken {
  enum class Times : std::uint8_t { kOnce, kMany };
  std::vector<std::string> names;  // {"-o", "--output"}; of an operand {"FILE"}
  std::string value;               // what help calls its word; empty for a flag
  std::string help;                // one line
  Values values;
  Times times = Times::kOnce;
};

struct About {
  std::string verb;                   // "litmus run"
  std::string synopsis;               // behind "quire VERB"
  std::string summary;                // one or two sentences
  std::vector<std::string> examples;  // three, to copy and paste
};

struct Definition {
  enum class Command : std::uint8_t { kNone, kBehindDashes };
  About about;
  std::vector<Taken> operands;
  std::vector<Taken> options;
  Command command = Command::kNone;
};

// The words behind a verb. With `instead` the verb only says there what it
// takes, and does nothing.
struct Words {
  std::span<const std::string> given;
  Definition* instead = nullptr;
};

}  // namespace quire::cli
