// convert/importer.h - what every importer is: lines in, events out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quire/result.h"
#include "record/translate.h"
#include "trace/header.h"

namespace quire::convert {

// Which program wrote the text.
enum class Format : std::uint8_t { kPerfScript, kStrace, kLackey };

// "perf", "strace", "lackey"; and back. The words of --from.
[[nodiscard]] std::string_view format_word(Format format);
[[nodiscard]] std::optional<Format> format_from_word(std::string_view word);

// What a text amounts to once it is read.
struct Findings {
  trace::Header header;    // what the text tells of it, and what it lacks
  trace::Summary summary;  // min_flt: what the text tells of the kernel's count; 0: nothing
  // Where exec put brk, by the number of the kExec event: often told only later.
  std::map<std::uint64_t, std::uint64_t> brk_of_exec;
};

// Reads the lines of one format.
//
// Refers to   : the sink it was made with
// Invariants  : I-IMPORT-1 whatever the lines are, the events are storable and
//               as record::Translator orders them
class Importer {
 public:
  virtual ~Importer() = default;

  // On failure: what the line holds, and what was expected. The line changed
  // nothing then.
  [[nodiscard]] virtual Result<void, std::string> line(std::string_view text) = 0;
  // After the last line. kDamagedInput when no program began in it.
  [[nodiscard]] virtual Result<Findings, Diagnostic> finish() = 0;
};

[[nodiscard]] std::unique_ptr<Importer> make_importer(Format format, record::EventSink& sink,
                                                      const record::Scrubber& scrubber);

// Each is in a file of its own.
[[nodiscard]] std::unique_ptr<Importer> make_perf_script_importer(record::EventSink& sink,
                                                                  const record::Scrubber& scrubber);
[[nodiscard]] std::unique_ptr<Importer> make_strace_importer(record::EventSink& sink,
                                                             const record::Scrubber& scrubber);
[[nodiscard]] std::unique_ptr<Importer> make_lackey_importer(record::EventSink& sink);

// Which format the first lines of a text are in; nothing when it is none.
[[nodiscard]] std::optional<Format> detect(const std::vector<std::string>& lines);

}  // namespace quire::convert
