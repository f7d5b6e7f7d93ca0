// Which program wrote a text.
#include <algorithm>
#include <array>

#include "convert/calls.h"
#include "convert/importer.h"
#include "convert/perf_script_line.h"
#include "convert/strace_line.h"
#include "convert/text_cursor.h"

namespace quire::convert {
namespace {

bool is_lackey(std::string_view line) {
  if (line.starts_with("==")) return line.find(" Lackey, an example Valgrind tool") != std::string_view::npos;
  TextCursor cursor(line);
  if (!cursor.skip("I  ") && !cursor.skip(" L ") && !cursor.skip(" S ") && !cursor.skip(" M ")) return false;
  return cursor.number<std::uint64_t>(16) && cursor.skip(",") && cursor.number<std::uint64_t>() &&
         cursor.at_end();
}

bool is_perf_script(std::string_view line) {
  const auto split = split_perf_script(line);
  if (!split) return false;
  return split->event.starts_with("PERF_RECORD_") || split->event.find(':') != std::string_view::npos ||
         split->event == "page-faults";
}

bool is_strace(std::string_view line) {
  const auto split = split_strace(line);
  if (!split || split->what == StraceLine::What::kOther) return false;
  return split->what != StraceLine::What::kCall || split_call(split->text).has_value();
}

constexpr std::array kNames{std::pair{Format::kPerfScript, std::string_view("perf")},
                            std::pair{Format::kStrace, std::string_view("strace")},
                            std::pair{Format::kLackey, std::string_view("lackey")}};

}  // namespace

std::string_view format_word(Format format) {
  return std::ranges::find(kNames, format, [](const auto& entry) { return entry.first; })->second;
}

std::optional<Format> format_from_word(std::string_view word) {
  const auto* const found = std::ranges::find(kNames, word, [](const auto& entry) { return entry.second; });
  if (found == kNames.end()) return std::nullopt;
  return found->first;
}

// The program's own output may stand between the lines: most of what is
// recognised decides.
std::optional<Format> detect(const std::vector<std::string>& lines) {
  const std::array votes{std::pair{std::ranges::count_if(lines, is_perf_script), Format::kPerfScript},
                         std::pair{std::ranges::count_if(lines, is_strace), Format::kStrace},
                         std::pair{std::ranges::count_if(lines, is_lackey), Format::kLackey}};
  const auto& best = *std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.first; });
  if (best.first == 0) return std::nullopt;
  return best.second;
}

std::unique_ptr<Importer> make_importer(Format format, record::EventSink& sink,
                                        const record::Scrubber& scrubber) {
  switch (format) {
    case Format::kPerfScript:
      return make_perf_script_importer(sink, scrubber);
    case Format::kStrace:
      return make_strace_importer(sink, scrubber);
    case Format::kLackey:
      break;
  }
  return make_lackey_importer(sink);
}

}  // namespace quire::convert
