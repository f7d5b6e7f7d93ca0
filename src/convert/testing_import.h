// convert/testing_import.h - for tests and fuzz targets: a text through an
// importer, and what came of it.
#pragma once

#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "convert/convert.h"
#include "convert/importer.h"
#include "trace/event_codec.h"

namespace quire::convert::testing {

// Keeps the events and checks each as a writer would.
class Collected final : public record::EventSink {
 public:
  void take(const trace::Event& event) override {
    QUIRE_CHECK_MSG(trace::unstorable(event) == nullptr, "{}", trace::unstorable(event));
    QUIRE_CHECK(events.empty() || event.time_us >= events.back().time_us);
    events.push_back(event);
  }
  std::vector<trace::Event> events;
};

struct Imported {
  std::vector<trace::Event> events;
  std::optional<Tally> tally;        // nothing when a line did not fit
  std::optional<Findings> findings;  // nothing when no program began
  std::optional<Diagnostic> wrong;

  [[nodiscard]] std::vector<trace::Event> of(trace::Kind kind) const {
    std::vector<trace::Event> found;
    for (const trace::Event& event : events)
      if (event.kind == kind) found.push_back(event);
    return found;
  }
  [[nodiscard]] std::vector<trace::Event> of(trace::Sys sys) const {
    std::vector<trace::Event> found;
    for (const trace::Event& event : events)
      if (event.kind == trace::Kind::kSyscall && event.sys == sys) found.push_back(event);
    return found;
  }
};

inline Imported import_text(Format format, std::string_view text, Lines lines = Lines::kAllMustFit,
                            const record::Scrubber& scrubber = {}) {
  Imported imported;
  Collected sink;
  LineSource source = LineSource::of_text(text);
  const auto importer = make_importer(format, sink, scrubber);
  if (auto tally = read_lines(source, *importer, lines)) {
    imported.tally = std::move(*tally);
    if (auto findings = importer->finish()) {
      imported.findings = std::move(*findings);
    } else {
      imported.wrong = findings.error();
    }
  } else {
    imported.wrong = tally.error();
  }
  imported.events = std::move(sink.events);
  return imported;
}

// A sample made with the real program; QUIRE_SOURCE_DIR/tests/corpus/NAME.
inline std::string sample(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Any bytes are read line by line, strictly and leniently, without harm; leniently
// to the end.
inline void fuzz(Format format, std::string_view text) {
  (void)import_text(format, text);
  const Imported lenient = import_text(format, text, Lines::kSkipBad);
  QUIRE_CHECK(lenient.tally.has_value());
  QUIRE_CHECK(lenient.tally->skipped <= lenient.tally->lines);
  QUIRE_CHECK(lenient.findings.has_value() != lenient.wrong.has_value());
  (void)detect(LineSource::of_text(text).peek(50));
}

}  // namespace quire::convert::testing
