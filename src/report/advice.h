// report/advice.h - advice as a person at three in the morning reads it, and as
// programs do.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lab/advise.h"
#include "report/colour.h"

namespace quire::report {

// The first screen: verdict, at most four rows, why, the lines to paste, undo,
// risk, confidence. No line is wider than 78 columns but those to paste.
// `program` comes from the recording.
[[nodiscard]] std::string advice_text(const lab::Advice& advice, const std::string& program, Ink ink = {});

[[nodiscard]] nlohmann::ordered_json advice_json(const lab::Advice& advice);

// The shell lines that make the settings of `from` those of `to`, one a file.
[[nodiscard]] std::vector<std::string> change_lines(const policy::Settings& from, const policy::Settings& to);

}  // namespace quire::report
