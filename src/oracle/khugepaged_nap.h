// oracle/khugepaged_nap.h - khugepaged put to sleep, really.
#pragma once

#include "policy/settings.h"

namespace quire::litmus {

// Whether khugepaged runs under these settings: whether 2 MiB can be had at all.
[[nodiscard]] bool wakes_khugepaged(const policy::Settings& settings);

// Gives khugepaged something to look at, and waits until it has. A khugepaged
// that was just started waits for its first process, not for its time: the
// first program that asks for huge pages would wake it and be collapsed under
// the eyes of the experiment. After one look it sleeps as long as its settings
// say, whatever comes.
void let_khugepaged_nap();

// Wakes it until it has been round all processes, those of other people too, and
// sleeps again. Nothing when it does not run. False when that takes too long.
[[nodiscard]] bool let_khugepaged_come_round();

}  // namespace quire::litmus
