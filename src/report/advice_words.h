// report/advice_words.h - advice in words, one sentence or list of lines each: what
// the screen and the answer for programs both say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/advise.h"

namespace quire::report {

inline constexpr const char* kAdviceRisk =
    "a host too fragmented for a size falls back to smaller ones; what fewer TLB misses save is not in "
    "these times";

[[nodiscard]] const char* word_of(lab::Confidence confidence);
// "281.2 ms"
[[nodiscard]] std::string time_text(double ns);

// "64K", "MADV_HUGEPAGE heap": a change of the program has a name of its own; one of
// the host is what it gives every program.
[[nodiscard]] std::string name_of(const lab::Candidate& c);

// Whether it changes settings of the host.
[[nodiscard]] bool concerns_host(const lab::Candidate& c);

[[nodiscard]] std::string verdict_of(const lab::Advice& advice);
// The figure that decided.
[[nodiscard]] std::string reason_of(const lab::Advice& advice);

// Lines to paste.
[[nodiscard]] std::vector<std::string> do_lines(const lab::Advice& advice);
[[nodiscard]] std::vector<std::string> undo_lines(const lab::Advice& advice);
// What keeps the host so over a reboot; empty where nothing of it changes, or the
// kernel knows no such words.
[[nodiscard]] std::string boot_words(const lab::Advice& advice);

// Whom the change concerns.
[[nodiscard]] std::string_view scope_text(lab::Scope scope);

}  // namespace quire::report
