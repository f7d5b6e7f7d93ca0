#include <fmt/chrono.h>
#include <fmt/format.h>

#include <set>

#include "report/html/escape.h"
#include "report/html/numbers.h"
#include "report/html/points.h"
#include "report/html/sections.h"

namespace quire::report {
namespace {

constexpr std::size_t kCommandWidth = 400;

std::string date_of(const Subject& subject) {
  const auto start = subject.header ? subject.header->number("/wall_clock_start_seconds") : std::nullopt;
  // Years a calendar has; a recording may say anything.
  if (!start || start->value < 0 || start->value > 253402300799.0) return "–";
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(static_cast<std::time_t>(start->value)));
}

std::string gate_of(const Subject& subject) {
  const auto gate = subject.summary ? subject.summary->part("/gate") : std::nullopt;
  const auto passed = gate ? gate->flag("/passed") : std::nullopt;
  if (!passed) return "not checked";
  return *passed ? "passed" : "FAILED";
}

std::string record_line(const Subject& subject) {
  std::string line = fmt::format("quire record -o {} --", shell_word(subject.name + ".quire"));
  for (const std::string& word : subject.header->texts("/argv")) line += " " + shell_word(word);
  return line;
}

void add_commands(const Model& model, Section& section) {
  std::vector<std::string> lines;
  for (const auto& run : model.runs) lines.push_back(fmt::format("{}   # {}", run->command, run->label));
  section.blocks.emplace_back(Lines{"The RUNs again", lines});
}

Cell member(const std::optional<Part>& part, const char* key, Unit unit) {
  return part ? cell_of(part->number(key), unit) : Cell{"–"};
}

Cell text_member(const std::optional<Part>& part, const std::string& key) {
  const std::string text = part ? part->text(key) : "";
  return text.empty() ? Cell{"–"} : Cell{text, part->origin() + key};
}

Table fact_table(const Subject& subject, const std::string& caption) {
  const auto& header = subject.header;
  Table table{caption, {{"", Align::kLeft}, {"when recorded", Align::kLeft}}, {}};
  table.rows = {{{"kernel"}, text_member(header, "/kernel_release")},
                {{"architecture"}, text_member(header, "/machine")},
                {{"processors"}, member(header, "/cpus", Unit::kCount)},
                {{"memory"}, member(header, "/ram_bytes", Unit::kBytes)},
                {{"page"}, member(header, "/page_size_bytes", Unit::kBytes)},
                {{"fault-around"}, member(header, "/fault_around_bytes", Unit::kBytes)},
                {{"recorded by"}, text_member(header, "/tier")}};
  if (!header) return table;
  const bool off = header->flag("/thp_disabled_while_recording").value_or(false);
  table.rows.push_back({{"large folios of the program"},
                        {off ? "off while recording (PR_SET_THP_DISABLE)" : "as the settings say",
                         header->origin() + "/thp_disabled_while_recording"}});
  return table;
}

Table settings_table(const Subject& subject, const std::string& caption) {
  Table table{caption, {{"file", Align::kLeft}, {"text", Align::kLeft}}, {}, Table::Open::kFolded};
  const auto state = subject.header->part("/thp_state");
  if (!state) return table;
  for (const auto& [file, text] : state->json().items())
    table.rows.push_back({{file}, {text.get<std::string>(), state->origin() + child(file)}});
  return table;
}

Table host_table(const Model& model) {
  Table table{"Machines that answered: of a verify the one that measured, of the others without influence",
              {{"RUN", Align::kLeft},
               {"kernel", Align::kLeft},
               {"architecture", Align::kLeft},
               {"processors"},
               {"memory"}},
              {}};
  for (const auto& run : model.runs) {
    const auto host = Part(*run, "").part("/host");
    table.rows.push_back({{run->label},
                          text_member(host, "/kernel_release"),
                          text_member(host, "/machine"),
                          member(host, "/cpus", Unit::kCount),
                          member(host, "/ram_bytes", Unit::kBytes)});
  }
  return table;
}

const std::vector<FigureRow> kForkRows{{"in fork", "/fork_ns", Unit::kNanoseconds},
                                       {"copying shared pages", "/copy_ns", Unit::kNanoseconds},
                                       {"pages copied, of 4 KiB", "/copied_pages", Unit::kCount},
                                       {"2 MiB map splits", "/pmd_splits", Unit::kCount}};

}  // namespace

Section named_workloads(const Model& model) {
  Section section{"workloads", "1. Named workloads, and how to run them again"};
  Table table{"",
              {{"program", Align::kLeft},
               {"command", Align::kLeft},
               {"recording, XXH3", Align::kLeft},
               {"recorded", Align::kLeft},
               {"events"},
               {"lost"},
               {"gate", Align::kLeft}},
              {}};
  std::vector<std::string> again;
  for (const Subject& s : model.subjects) {
    const std::string origin = s.header ? s.header->origin() + "/argv" : "";
    table.rows.push_back({{s.name},
                          {s.command.empty() ? "–" : shortened(s.command, kCommandWidth), origin},
                          {s.hash.empty() ? "–" : s.hash},
                          {date_of(s)},
                          member(s.summary, "/events", Unit::kCount),
                          member(s.summary, "/lost_events", Unit::kCount),
                          {gate_of(s)}});
    if (s.header) again.push_back(record_line(s));
  }
  section.blocks.emplace_back(std::move(table));
  if (!again.empty()) section.blocks.emplace_back(Lines{"Recorded again", again});
  add_commands(model, section);
  section.blocks.emplace_back(Paragraph{
      "The one seed is that of fragmented memory, 1; there is no other chance in a replay, and equal "
      "recording, "
      "policy and machine give an equal state hash. Arguments and files that "
      "the program read are not in a recording; packages and versions are for whoever publishes it to name.",
      Paragraph::Kind::kNote});
  if (model.subjects.size() == 1)
    section.blocks.emplace_back(
        Missing{"One workload only. Whoever wants to change a default needs those it could hurt.",
                "quire report ONE.quire OTHER.quire -o report.html"});
  return section;
}

Section kernel_facts(const Model& model) {
  Section section{"kernel", "10. Kernel facts"};
  for (const Subject& subject : model.subjects) {
    if (subject.only_swept()) continue;
    if (subject.header) {
      section.blocks.emplace_back(
          fact_table(subject, captioned(model, subject, "The host of the recording")));
      section.blocks.emplace_back(settings_table(
          subject, captioned(model, subject, "Its settings below /sys/kernel/mm/transparent_hugepage")));
    } else {
      section.blocks.emplace_back(
          Missing{captioned(model, subject,
                            "Nothing is known of the host of the recording: no RUN here carries its header."),
                  fmt::format("quire info {}", file_of(subject))});
    }
  }
  section.blocks.emplace_back(host_table(model));
  section.blocks.emplace_back(
      Missing{"Microcode, NUMA nodes, kernel configuration, whether the host is a virtual machine, and free "
              "memory by order are in no RUN.",
              "quire doctor"});
  return section;
}

Section short_children(const Model& model) {
  Section section{"children", "11. Short children"};
  for (const Subject& subject : model.subjects) {
    if (subject.only_swept()) continue;
    const auto tasks = subject.summary ? subject.summary->number("/tasks") : std::nullopt;
    Table table =
        figures_table(captioned(model, subject, "After fork"), subject.shown(kSideBySide), kForkRows);
    if (tasks && tasks->value <= 1) {
      section.blocks.emplace_back(
          Missing{captioned(model, subject,
                            "One task: this workload says nothing of what a child costs that writes to "
                            "shared folios and exits."),
                  "quire record -o children.quire -- sh -c 'a command with children'"});
    } else if (tasks) {
      section.blocks.emplace_back(Paragraph{
          captioned(model, subject,
                    fmt::format("{} tasks, threads included.", number_text(tasks->value, Unit::kCount)))});
    }
    if (!table.rows.empty()) section.blocks.emplace_back(std::move(table));
  }
  return section;
}

}  // namespace quire::report
