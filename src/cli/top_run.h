// cli/top_run.h - the three ways `quire top` goes on: on a screen, as lines, as
// a file of metrics.
#pragma once

#include <string>

#include "quire/result.h"
#include "top/collector.h"
#include "top/terminal.h"
#include "top/view.h"

namespace quire::cli {

struct TopPlan {
  top::Wanted wanted;
  top::View view;  // how it begins
  top::Terminal::Colour colour = top::Terminal::Colour::kOn;
  std::uint64_t rounds = 0;   // 0: until somebody ends it
  std::size_t columns = 120;  // of plain text
  // Of metrics:
  std::string output;         // a file, replaced at once each time; empty: standard output
  std::size_t processes = 0;  // with metrics of their own
};

[[nodiscard]] Result<int, Diagnostic> top_on_screen(const TopPlan& plan);
[[nodiscard]] Result<int, Diagnostic> top_as_text(const TopPlan& plan);
[[nodiscard]] Result<int, Diagnostic> top_as_json(const TopPlan& plan);
[[nodiscard]] Result<int, Diagnostic> top_as_metrics(const TopPlan& plan);

}  // namespace quire::cli
