// oracle/elsewhere.h - asks the engine of another architecture.
//
// An engine is compiled for one architecture (arch/native.h). The others are
// programs beside this one, quire-arm64, quire-arm64-16k and quire-arm64-64k,
// that run an experiment and tell their verdict as JSON.
#pragma once

#include <string>

#include "litmus/verdict.h"

namespace quire::litmus {

// Where engines are from the folder of this program, when they are not in it: an
// installed quire is among the commands of the host, its engines are not.
inline constexpr const char* kEnginesFromPrograms = "../libexec/quire";

// The program of an architecture's engine; kFailure when it is not installed.
[[nodiscard]] Result<std::string, Diagnostic> engine_program(const std::string& arch);

// The verdict of that architecture's engine: `kind`, `findings`, `unable` and
// `told` are set. kUsage when there is no such engine, kFailure when it ended
// badly; what it found wrong with the file is the Diagnostic it printed.
[[nodiscard]] Result<Verdict, Diagnostic> ask_elsewhere(const std::string& arch, const std::string& file);

}  // namespace quire::litmus
