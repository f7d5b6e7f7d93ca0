// `perf script` text: tracepoints of system calls and faults, the page-faults
// event, and the records of mappings, programs and tasks.
#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "convert/calls.h"
#include "convert/perf_script_line.h"
#include "convert/process_tree.h"
#include "convert/text_cursor.h"
#include "record/perf_decode.h"
#include "trace/event.h"

namespace quire::convert {
namespace {

using record::PerfEvent;
using trace::TouchBits;
using Type = PerfEvent::Type;

constexpr std::uint64_t kKernelHalf = 1ULL << 63;
constexpr std::uint64_t kMostPeriod = 1U << 30;  // sums of it cannot overflow

// "-e page-faults:u" is printed with what was asked for.
bool is_page_faults(std::string_view event) {
  const std::string_view name = event.substr(0, event.find(':'));
  return name == "page-faults" || name == "faults";
}

// The value behind "name=" or "name: ", in hexadecimal.
std::optional<std::uint64_t> field(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  TextCursor cursor(text.substr(at + name.size()));
  return cursor.address_or_number();
}

// How often a place in a file or the kernel is named: " (/usr/bin/x)", " ([kernel...])".
unsigned places(std::string_view text) {
  unsigned found = 0;
  for (auto at = text.find(" ("); at != std::string_view::npos; at = text.find(" (", at + 1)) {
    if (at + 2 < text.size() && (text[at + 2] == '/' || text[at + 2] == '[')) ++found;
  }
  return found;
}

class PerfScript final : public Importer {
 public:
  PerfScript(record::EventSink& sink, const record::Scrubber& scrubber)
      : tree_(sink, scrubber), scrubber_(scrubber) {}

  Result<void, std::string> line(std::string_view text) override {
    if (text.empty() || text.front() == '\t') return {};  // the end of a call chain, or a step of one
    if (text.front() == '#') {
      comment(text);
      return {};
    }
    const auto split = split_perf_script(text);
    if (!split) return fail(std::string("expected COMMAND PID [CPU] SECONDS: EVENT: ..."));
    if (split->event.starts_with("PERF_RECORD_")) return record(*split);
    return sample(*split);
  }

  Result<Findings, Diagnostic> finish() override;

 private:
  // What a task did last that its next lines are about.
  struct Task {
    bool touched = false;            // told by a tracepoint, its page-faults event not seen yet
    std::uint64_t faults_since = 0;  // the last kmem:rss_stat
  };

  void comment(std::string_view text);
  Result<void, std::string> record(const PerfScriptLine& line);
  Result<void, std::string> sample(const PerfScriptLine& line);
  Result<void, std::string> enter(const PerfScriptLine& line, std::string_view name);
  Result<void, std::string> leave(const PerfScriptLine& line, std::string_view name);
  Result<void, std::string> raw(const PerfScriptLine& line);
  Result<void, std::string> touch(const PerfScriptLine& line);
  Result<void, std::string> page_fault(const PerfScriptLine& line);
  Result<void, std::string> resident(const PerfScriptLine& line);
  void tell_lacks(trace::Header& header) const;

  PerfEvent event_of(const PerfScriptLine& line, Type type) const {
    PerfEvent event;
    event.type = type;
    event.pid = event.tid = line.tid;
    event.time_ns = line.time_ns;
    return event;
  }

  ProcessTree tree_;
  record::Scrubber scrubber_;
  trace::Header header_;
  std::unordered_map<std::uint32_t, Task> tasks_;                // of the tree
  std::unordered_map<std::uint64_t, std::uint64_t> anon_bytes_;  // by mm_id
  std::uint64_t counted_ = 0;                                    // faults, by page-faults events
  std::uint64_t sampled_ = 0;                                    // of these, told only by a period
  std::uint64_t no_address_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t hidden_ = 0;  // pages that came with another's fault
  bool saw_calls_ = false, saw_tracepoint_ = false, saw_kernel_ = false, saw_mmap_ = false;
  bool saw_untold_ = false;  // page-faults events without a direction
};

// perf script --header: the host's name and the command line are left alone.
void PerfScript::comment(std::string_view text) {
  TextCursor cursor(text);
  if (cursor.skip("# os release : ")) header_.kernel_release = std::string(cursor.rest());
  if (cursor.skip("# arch : ")) header_.machine = std::string(cursor.rest());
  if (cursor.skip("# nrcpus online : ")) header_.cpus = cursor.number<std::uint32_t>().value_or(0);
  if (cursor.skip("# total memory : ")) {
    const std::uint64_t kib = cursor.number<std::uint64_t>().value_or(0);
    if (kib < 1ULL << 50) header_.ram_bytes = kib << 10;
  }
}

Result<void, std::string> PerfScript::record(const PerfScriptLine& line) {
  const std::string_view what = line.event;
  if (what.starts_with("PERF_RECORD_FORK") || what.starts_with("PERF_RECORD_EXIT")) {
    const PerfEvent event = QUIRE_TRY(read_fork_or_exit(line));
    if (event.type == Type::kExit) tasks_.erase(event.tid);
    tree_.feed(event);
  } else if (what == "PERF_RECORD_MMAP2") {
    const auto event = QUIRE_TRY(read_mmap(line));
    saw_mmap_ = true;
    if (event) tree_.feed(*event);
  } else if (what == "PERF_RECORD_COMM") {
    const auto event = QUIRE_TRY(read_comm(line));
    if (!event) return {};
    if (!tree_.begun()) header_.argv = {event->text};
    tree_.feed(*event);
  } else if (what == "PERF_RECORD_LOST") {
    TextCursor cursor(line.text);
    cursor.skip("lost ");
    const auto lost = cursor.number<std::uint32_t>();
    if (!lost) return fail(std::string("expected PERF_RECORD_LOST lost NUMBER"));
    lost_ += *lost;
  }
  return {};
}

Result<void, std::string> PerfScript::sample(const PerfScriptLine& line) {
  TextCursor cursor(line.event);
  if (cursor.skip("syscalls:sys_enter_")) return enter(line, cursor.rest());
  if (cursor.skip("syscalls:sys_exit_")) return leave(line, cursor.rest());
  if (cursor.skip("raw_syscalls:")) return raw(line);
  if (cursor.skip("exceptions:page_fault_")) return touch(line);
  if (is_page_faults(line.event)) return page_fault(line);
  if (line.event == "kmem:rss_stat") return resident(line);
  return {};
}

// "addr: 0x00000000, len: 0x00002000, ...": in the order of the arguments.
Result<void, std::string> PerfScript::enter(const PerfScriptLine& line, std::string_view name) {
  const auto call = find_call(name);
  if (!call || call->role == Role::kExec) return {};
  PerfEvent event = event_of(line, Type::kEnter);
  event.number = call->number;
  TextCursor cursor(line.text);
  std::size_t args = 0;
  while (args < event.args.size() && cursor.until(": ")) {
    const auto value = cursor.address_or_number();
    if (!value) break;
    event.args[args++] = *value;
    if (!cursor.skip(", ")) break;
  }
  if (args < call->least_args)
    return fail(fmt::format("expected {} arguments of {}, each NAME: 0xVALUE", call->least_args, name));
  saw_calls_ = true;
  tree_.feed(event);
  return {};
}

Result<void, std::string> PerfScript::leave(const PerfScriptLine& line, std::string_view name) {
  const auto call = find_call(name);
  if (!call || call->role == Role::kExec) return {};
  TextCursor cursor(line.text);
  const auto result = cursor.address_or_number();
  if (!result) return fail(std::string("expected the result as 0xVALUE"));
  PerfEvent event = event_of(line, Type::kReturn);
  event.number = call->number;
  event.result = static_cast<std::int64_t>(*result);
  tree_.feed(event);
  return {};
}

// "NR 9 (0, 2000, 3, 22, ffffffff, 0)" and "NR 9 = 139879"
Result<void, std::string> PerfScript::raw(const PerfScriptLine& line) {
  const bool entered = line.event == "raw_syscalls:sys_enter";
  TextCursor cursor(line.text);
  const auto number = cursor.skip("NR ") ? cursor.number<std::uint64_t>() : std::nullopt;
  if (!number || !cursor.skip(entered ? " (" : " = "))
    return fail(std::string("expected NR NUMBER (ARGS) or = RESULT"));
  const auto call = find_call(*number);
  if (!call || call->role == Role::kExec) return {};
  PerfEvent event = event_of(line, entered ? Type::kEnter : Type::kReturn);
  event.number = *number;
  if (entered) {
    for (std::uint64_t& arg : event.args) {
      const auto value = cursor.number<std::uint64_t>(16);
      if (!value) return fail(std::string("expected six arguments in hexadecimal"));
      arg = *value;
      cursor.skip(", ");
    }
    saw_calls_ = true;
  } else {
    const auto result = cursor.number<std::int64_t>();
    if (!result) return fail(std::string("expected the result"));
    event.result = *result;
  }
  tree_.feed(event);
  return {};
}

// "address=0x7f00 ip=0x7f01 error_code=0x6"
Result<void, std::string> PerfScript::touch(const PerfScriptLine& line) {
  const auto address = field(line.text, "address=");
  const auto error = field(line.text, "error_code=");
  if (!address || !error) return fail(std::string("expected address=0xADDRESS ip=... error_code=0xCODE"));
  if (*address >= kUserEnd) return {};
  saw_tracepoint_ = true;
  const bool kernel = line.event == "exceptions:page_fault_kernel";
  saw_kernel_ = saw_kernel_ || kernel;
  PerfEvent event = event_of(line, Type::kFault);
  event.address = *address;
  event.touch_flags =
      static_cast<std::uint8_t>(record::touch_bits_of_error(*error) | (kernel ? TouchBits::kKernel : 0));
  tree_.feed(event);
  if (tree_.knows(line.tid)) {
    Task& task = tasks_[line.tid];
    task.touched = true;
    ++task.faults_since;
  }
  return {};
}

// What the kernel counts as a fault; behind the tracepoint of the same, or alone.
// With -F +addr the address stands first, "ADDRESS name (file) IP name (file)".
Result<void, std::string> PerfScript::page_fault(const PerfScriptLine& line) {
  if (line.period > kMostPeriod) return fail(fmt::format("expected a period of at most {}", kMostPeriod));
  if (!tree_.knows(line.tid)) return {};
  Task& task = tasks_[line.tid];
  counted_ += line.period;
  if (line.period > 1) sampled_ += line.period - 1;
  if (std::exchange(task.touched, false)) return {};
  TextCursor cursor(line.text);
  const auto first = cursor.number<std::uint64_t>(16);
  const bool has_address = first && (cursor.at_end() || places(line.text) >= 2);
  if (!has_address || *first >= kUserEnd) {
    ++no_address_;
    return {};
  }
  const auto ip_at = cursor.rest().find(") ");
  TextCursor ip(ip_at == std::string_view::npos ? std::string_view() : cursor.rest().substr(ip_at + 2));
  PerfEvent event = event_of(line, Type::kFault);
  event.address = *first;
  event.touch_flags = TouchBits::kNoDirection;
  if (ip.number<std::uint64_t>(16).value_or(0) >= kKernelHalf) {
    event.touch_flags |= TouchBits::kKernel;
    saw_kernel_ = true;
  }
  saw_untold_ = true;
  ++task.faults_since;
  tree_.feed(event);
  return {};
}

// "mm_id=17 curr=1 type=MM_ANONPAGES size=8192B": more than one page for one
// fault came in a large folio, and nobody will see its other pages touched.
// Kernels before 6.2 tell it late, but not more of it than there were faults.
Result<void, std::string> PerfScript::resident(const PerfScriptLine& line) {
  constexpr std::uint64_t kPage = 4096;
  if (!tree_.knows(line.tid) || line.text.find("type=MM_ANONPAGES") == std::string_view::npos) return {};
  const auto mm = field(line.text, "mm_id=");
  const auto own = field(line.text, "curr=");
  const auto bytes = field(line.text, "size=");
  if (!mm || !own || !bytes) return fail(std::string("expected mm_id=ID curr=0|1 type=NAME size=BYTES"));
  if (*own != 1) return {};
  const auto [last, first] = anon_bytes_.try_emplace(*mm, *bytes);
  const std::uint64_t faults = std::max<std::uint64_t>(std::exchange(tasks_[line.tid].faults_since, 0), 1);
  const std::uint64_t before = std::exchange(last->second, *bytes);
  const std::uint64_t pages = *bytes > before ? (*bytes - before) / kPage : 0;
  if (!first && pages > faults + 2) hidden_ += pages - faults;
  return {};
}

void PerfScript::tell_lacks(trace::Header& header) const {
  const auto lack = [&header](std::string what) { header.lacks.push_back(std::move(what)); };
  if (counted_ == 0) lack("the kernel's count of faults: record page-faults as well");
  if (!saw_tracepoint_ && !saw_untold_)
    lack("touches of memory: record exceptions:page_fault_user, or show the address (-F +addr)");
  if (saw_untold_)
    lack("whether a touch read, wrote or fetched an instruction, where only page-faults told of it");
  if (!saw_kernel_)
    lack("touches the kernel made for the program: record exceptions:page_fault_kernel as well");
  if (!saw_calls_) lack("system calls: what was mapped and unmapped while the program ran");
  if (!saw_mmap_) lack("mappings: show them with --show-mmap-events");
  if (sampled_ != 0) lack("most faults: they were sampled; record each with -c 1");
  if (hidden_ != 0)
    lack(fmt::format("touches inside large folios, {} pages of them: record with transparent huge pages off",
                     hidden_));
  if (hidden_ == 0 && anon_bytes_.empty())
    lack("whether large folios were on and hid touches: record kmem:rss_stat as well, or switch them off");
  lack("page-cache pages mapped round a file touch");
  lack("environment, working folder, limits and settings of the recorded run");
}

Result<Findings, Diagnostic> PerfScript::finish() {
  if (!tree_.begun()) {
    return fail(
        Diagnostic{.kind = Diagnostic::Kind::kDamagedInput,
                   .where = {},
                   .what = "no program begins in it: expected a line with PERF_RECORD_COMM exec",
                   .hint = "perf record ... -- CMD, then perf script --show-task-events --show-mmap-events"});
  }
  Findings findings = tree_.finish();
  findings.header = std::move(header_);
  tell_lacks(findings.header);
  findings.summary.min_flt = counted_;
  findings.summary.lost_events += lost_ + hidden_ + sampled_ + no_address_;
  return findings;
}

}  // namespace

std::unique_ptr<Importer> make_perf_script_importer(record::EventSink& sink,
                                                    const record::Scrubber& scrubber) {
  return std::make_unique<PerfScript>(sink, scrubber);
}

}  // namespace quire::convert
