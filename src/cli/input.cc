#include "cli/input.h"

namespace quire::cli {

Result<trace::Reader, Diagnostic> open_recording(const std::string& verb, const std::string& file) {
  if (!file.empty()) return trace::Reader::open(file);
  return fail(Diagnostic{.kind = Diagnostic::Kind::kUsage,
                         .where = verb,
                         .what = "no recording given",
                         .hint = "quire " + verb + " FILE"});
}

Result<int, Diagnostic> status_of_input(const std::string& file, const trace::Reader& reader) {
  if (!reader.truncated()) return 0;
  const auto notes = reader.notes();
  return fail(Diagnostic{.kind = Diagnostic::Kind::kDamagedInput,
                         .where = file,
                         .what = notes.empty() ? "the recording was cut off" : notes.front(),
                         .hint = "the answer is about the part that is whole"});
}

}  // namespace quire::cli
