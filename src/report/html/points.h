// report/html/points.h - the questions of a sceptical maintainer, one function each.
#pragma once

#include "report/html/content.h"
#include "report/html/model.h"

namespace quire::report {

// points_program.cc: what was run, where, and its children.
[[nodiscard]] Section named_workloads(const Model& model);
[[nodiscard]] Section kernel_facts(const Model& model);
[[nodiscard]] Section short_children(const Model& model);
// points_cost.cc: what it costs, and beside what.
[[nodiscard]] Section both_columns(const Model& model);
// points_baselines.cc: what it is held against, and what each part of it is worth.
[[nodiscard]] Section baselines(const Model& model);
void add_ablation(const Model& model, const Subject& subject, Section& section);
// points_sweep.cc: machines in pieces and short of memory.
[[nodiscard]] Section no_certainty(const Model& model);
// points_sizes.cc: sizes, settings, counters.
[[nodiscard]] Section all_orders(const Model& model);
[[nodiscard]] Section no_magic(const Model& model);
[[nodiscard]] Section kernel_counters(const Model& model);
// points_trust.cc: how sure all of it is.
[[nodiscard]] Section statistics(const Model& model);
[[nodiscard]] Section honesty(const Model& model);

}  // namespace quire::report
