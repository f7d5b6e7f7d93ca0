#include "lab/finished_recording.h"

namespace quire::lab {

Result<trace::Reader, Diagnostic> open_finished(const std::string& file) {
  trace::Reader reader = QUIRE_TRY(trace::Reader::open(file));
  if (reader.summary()) return reader;
  return fail(Diagnostic{Diagnostic::Kind::kDamagedInput, file,
                         "the recording was cut off, and a part of a run says nothing of the whole",
                         "record again"});
}

}  // namespace quire::lab
