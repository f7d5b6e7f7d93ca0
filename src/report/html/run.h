// report/html/run.h - a RUN: one JSON answer of the program, read strictly.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "quire/result.h"
#include "quire/types.h"

namespace quire::report {

using Json = nlohmann::ordered_json;

enum class RunKind : std::uint8_t { kReplay, kAdvise, kVerify, kSweep };
[[nodiscard]] std::string_view name_of(RunKind kind);

struct Run {
  RunKind kind = RunKind::kReplay;
  std::string label;    // "A": what tables call it
  std::string name;     // of the file, or of the recording it was made from
  std::string hash;     // XXH3 of that file
  std::string command;  // that makes it
  Json document;
};

// No answer is larger; what is is refused before it is read.
inline constexpr ByteCount kMostRunBytes = 32_MiB;

// kDamagedInput, with the place, for what is no answer of replay, advise, verify
// or sweep, is of a newer version, or has a member that is not what it should be.
[[nodiscard]] Result<Run, Diagnostic> parse_run(std::string_view text, const std::string& name);

}  // namespace quire::report
