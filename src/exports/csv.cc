// CSV as RFC 4180 has it, but with "\n" at the ends of lines.
#include <fmt/format.h>

#include <algorithm>
#include <variant>
#include <vector>

#include "exports/event_fields.h"
#include "exports/formats.h"
#include "trace/describe.h"

namespace quire::exports {
namespace {

using trace::Event;
using trace::Kind;

// A name that a spreadsheet would take for a formula gets an apostrophe in front.
std::string cell(std::string text) {
  if (!text.empty() && std::string_view("=+-@").find(text.front()) != std::string_view::npos)
    text.insert(0, 1, '\'');
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string line_of(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& text : cells) {
    line += text;
    line += ',';
  }
  line.back() = '\n';
  return line;
}

std::string value_of(const report::Figure& figure) {
  if (const auto* text = std::get_if<std::string>(&figure.value)) return cell(*text);
  return std::visit([](const auto& value) { return fmt::format("{}", value); }, figure.value);
}

// "/folios/64kB" -> "folios_64kB"
std::string column_of(const std::string& key) {
  std::string name = key.substr(1);
  std::ranges::replace(name, '/', '_');
  return name;
}

constexpr const char* kEventColumns =
    "time_us,kind,task,mm,address,access,call,phase,arg0,arg1,arg2,arg3,arg4,arg5,result,file,name\n";

std::vector<std::string> event_cells(const Event& event, const record::Scrubber& scrubber) {
  const bool touch = event.kind == Kind::kTouch;
  const bool call = event.kind == Kind::kSyscall;
  const bool enter = event.phase == trace::Phase::kEnter;
  std::vector<std::string> cells{
      fmt::format("{}", event.time_us),
      std::string(trace::kind_name(event.kind)),
      fmt::format("{}", event.task),
      fmt::format("{}", event.mm),
      touch ? fmt::format("0x{:x}", event.addr.raw()) : "",
      touch ? access_name(event) : "",
      call ? std::string(trace::sys_name(event.sys)) : "",
      call ? enter ? "enter" : "exit" : "",
  };
  for (std::size_t i = 0; i < event.args.size(); ++i) {
    const bool private_number = scrubber.active() && event.kind == Kind::kFile && i < 2;  // device, inode
    cells.push_back(touch || private_number ? "" : fmt::format("{}", event.args[i]));
  }
  const bool has_result = (call && !enter) || event.kind == Kind::kExec;
  cells.push_back(has_result ? fmt::format("{}", event.result) : "");
  cells.push_back(event.file != 0 ? fmt::format("{}", event.file) : "");
  const bool named = !event.text.empty() && event.kind != Kind::kAccessed;  // its text is runs of pages
  cells.push_back(named ? cell(shown_name(event.text, scrubber)) : "");
  return cells;
}

// The figures of all rows, each once: a row may lack some.
std::vector<std::string> keys_of(const Results& results) {
  std::vector<std::string> keys;
  for (const Row& row : results.rows) {
    for (const report::Figure& figure : row.figures)
      if (std::ranges::find(keys, figure.key) == keys.end()) keys.push_back(figure.key);
  }
  return keys;
}

}  // namespace

Result<void, Diagnostic> events_csv(trace::Reader& reader, const record::Scrubber& scrubber, Output& out) {
  QUIRE_TRY(reader.rewind());
  out.write(kEventColumns);
  Event event;
  while (QUIRE_TRY(reader.next(event))) out.write(line_of(event_cells(event, scrubber)));
  return {};
}

void results_csv(const Results& results, Output& out) {
  const std::vector<std::string> keys = keys_of(results);
  std::vector<std::string> names;
  for (const auto& [name, value] : results.rows.front().labels) names.push_back(name);
  for (const std::string& key : keys) names.push_back(column_of(key));
  out.write(line_of(names));
  for (const Row& row : results.rows) {
    std::vector<std::string> cells;
    for (const auto& [name, value] : row.labels) cells.push_back(cell(value));
    for (const std::string& key : keys) {
      const report::Figure* const figure = row.figure(key);
      cells.push_back(figure == nullptr ? "" : value_of(*figure));
    }
    out.write(line_of(cells));
  }
}

}  // namespace quire::exports
