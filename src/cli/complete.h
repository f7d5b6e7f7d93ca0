// cli/complete.h - what a half-typed command line can become. Shells ask by
// running the program: completion/ has their sides.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/verbs.h"

namespace quire::cli {

// "quire __complete WORDS...": the words behind "quire" up to the cursor, the
// last one half typed or empty.
inline constexpr std::string_view kCompleteWord = "__complete";

struct Candidate {
  std::string word;   // the whole word, with what was typed of it
  std::string about;  // one line, may be empty
};

struct Completion {
  // What the shell adds by its own means: "words" nothing, "files", "files
  // .quire", "folders", or "command N": a command begins at word N of WORDS.
  std::string besides = "words";
  std::vector<Candidate> candidates;
};

[[nodiscard]] Completion complete(const Group& group, std::span<const std::string> words);

// A line with `besides`, then a line a candidate: word, tab, about.
[[nodiscard]] std::string to_text(const Completion& completion);

}  // namespace quire::cli
