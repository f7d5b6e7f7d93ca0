#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "lab/phone_day.h"

namespace quire::cli {

Result<int, Diagnostic> run_generate_phone_day(Words words) {
  std::string output;
  unsigned seed = 1;
  lab::PhoneDayOptions options;
  Arguments arguments(
      {.verb = "generate phone-day",
       .synopsis = "-o FILE [options]",
       .summary =
           "Writes the recording of a phone's day: apps forked from one process, opened, used, put aside,\n"
           "opened again, killed. A model with a seed: the same seed, the same bytes.",
       .examples = {"quire generate phone-day -o day.quire",
                    "quire generate phone-day --seed 7 -o other.quire",
                    "quire generate phone-day --hours 4 -o morning.quire"}});
  arguments.option("-o,--output", output, "FILE", "The recording; an older one becomes FILE.old",
                   Values::files(".quire"));
  arguments.option("--seed", seed, "N", "Of all chance in it (default 1)");
  arguments.option("--hours", options.hours, "N", "How long the day is (default 16)");
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;
  options.seed = seed;
  if (output.empty()) {
    return fail(Diagnostic{Diagnostic::Kind::kUsage, "generate phone-day", "no file to write",
                           "name it with -o FILE"});
  }
  const lab::PhoneDayCounts counts = QUIRE_TRY(lab::generate_phone_day(output, options));
  tell("generate",
       fmt::format(
           "{}: seed {}, {} cold starts, {} reopenings, {} apps killed, {} touches, {} pages used again",
           output, options.seed, counts.cold_starts, counts.reopenings, counts.kills, counts.touches,
           counts.accessed_pages));
  return 0;
}

}  // namespace quire::cli
