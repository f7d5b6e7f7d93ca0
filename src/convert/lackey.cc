// valgrind --tool=lackey --trace-mem=yes: every access of a program, and no
// mappings.
//
// Of each page the first access is kept, and the first write when that was a
// read: what would have faulted. Mappings are derived from the pages touched.
#include <fmt/format.h>

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <utility>

#include "convert/importer.h"
#include "convert/perf_script_line.h"
#include "convert/text_cursor.h"
#include "trace/event.h"

namespace quire::convert {
namespace {

using trace::Event;
using trace::Kind;
using trace::TouchBits;
using trace::VmaBits;

constexpr unsigned kPageShift = 12;
constexpr std::uint64_t kPage = 1ULL << kPageShift;
constexpr std::size_t kMaxTouches = 1U << 26;  // 1 GiB of them
constexpr std::uint64_t kMaxAccess = 1U << 16;

struct Touch {
  std::uint64_t addr;
  std::uint8_t flags;
};

// What was ever done to a page.
struct Uses {
  static constexpr std::uint8_t kRead = 1, kWritten = 2, kExecuted = 4;
};

// A run of pages of one kind.
struct Run {
  std::uint64_t begin = 0;  // page numbers
  std::uint64_t end = 0;
  std::uint8_t uses = 0;
};

class Lackey final : public Importer {
 public:
  explicit Lackey(record::EventSink& sink) : sink_(sink) {}

  Result<void, std::string> line(std::string_view text) override;
  Result<Findings, Diagnostic> finish() override;

 private:
  void message(std::string_view text);
  Result<void, std::string> access(std::uint64_t addr, std::uint64_t size, std::uint8_t uses);
  void touch(std::uint64_t addr, std::uint8_t uses);
  [[nodiscard]] std::vector<Run> runs() const;
  void tell_program(const std::vector<Run>& runs);
  void tell_end();
  [[nodiscard]] Event event_of(Kind kind) const;

  record::EventSink& sink_;
  std::vector<std::string> argv_;
  std::string pid_;
  bool mixed_ = false;
  absl::flat_hash_map<std::uint64_t, std::uint8_t> pages_;  // Uses of each
  std::uint64_t last_page_ = ~0ULL;
  std::uint8_t last_uses_ = 0;
  std::vector<Touch> touches_;
};

// "I  0401ab70,3", " S 1fff000708,8", " L ...", " M ..."
Result<void, std::string> Lackey::line(std::string_view text) {
  if (text.starts_with("==") || text.starts_with("--")) {
    message(text);
    return {};
  }
  TextCursor cursor(text);
  std::uint8_t uses = 0;
  if (cursor.skip("I  ")) {
    uses = Uses::kExecuted;
  } else if (cursor.skip(" L ")) {
    uses = Uses::kRead;
  } else if (cursor.skip(" S ") || cursor.skip(" M ")) {
    uses = Uses::kWritten;
  }
  const auto addr = cursor.number<std::uint64_t>(16);
  const bool comma = cursor.skip(",");
  const auto size = cursor.number<std::uint64_t>();
  const bool well_formed = uses != 0 && addr && comma && size && cursor.at_end();
  if (!well_formed) return fail(std::string("expected I, L, S or M, then ADDRESS,SIZE"));
  if (*addr >= kUserEnd || *size == 0 || *size > kMaxAccess)
    return fail(fmt::format("expected an address of a program and a size of 1 to {}", kMaxAccess));
  return access(*addr, *size, uses);
}

// "==123== Command: ./prog a b". A forked child writes into the same trace.
void Lackey::message(std::string_view text) {
  TextCursor cursor(text.substr(2));
  const auto pid = cursor.until(text.substr(0, 2));
  if (!pid) return;
  if (pid_.empty()) pid_ = std::string(*pid);
  if (*pid != pid_) mixed_ = true;
  if (!argv_.empty() || !cursor.skip(" Command: ")) return;
  while (!cursor.at_end()) {
    argv_.emplace_back(cursor.word());
    cursor.skip_spaces();
  }
}

Result<void, std::string> Lackey::access(std::uint64_t addr, std::uint64_t size, std::uint8_t uses) {
  if (touches_.size() + kMaxAccess / kPage + 2 > kMaxTouches)
    return fail(fmt::format("more than {} first touches; expected a smaller program", kMaxTouches));
  touch(addr, uses);
  const std::uint64_t last = addr + size - 1;
  for (std::uint64_t page = (addr >> kPageShift) + 1; page <= last >> kPageShift; ++page)
    touch(page << kPageShift, uses);
  return {};
}

void Lackey::touch(std::uint64_t addr, std::uint8_t uses) {
  const std::uint64_t page = addr >> kPageShift;
  if (page == last_page_ && (last_uses_ & uses) != 0) return;
  std::uint8_t& known = pages_[page];
  const bool first = known == 0;
  const bool writes = uses == Uses::kWritten && (known & Uses::kWritten) == 0;
  known |= uses;
  last_page_ = page;
  last_uses_ = known;
  if (!first && !writes) return;
  const std::uint8_t direction = uses == Uses::kWritten    ? TouchBits::kWrite
                                 : uses == Uses::kExecuted ? TouchBits::kExecute
                                                           : std::uint8_t{0};
  touches_.push_back({addr, static_cast<std::uint8_t>(direction | (first ? 0 : TouchBits::kPresent))});
}

// Neighbouring pages make one mapping where both were written or neither: what
// nobody writes is a file's.
std::vector<Run> Lackey::runs() const {
  std::vector<std::pair<std::uint64_t, std::uint8_t>> pages(pages_.begin(), pages_.end());
  std::ranges::sort(pages);
  std::vector<Run> runs;
  for (const auto& [page, uses] : pages) {
    const bool same = !runs.empty() && runs.back().end == page &&
                      (runs.back().uses & Uses::kWritten) == (uses & Uses::kWritten);
    if (!same) runs.push_back({page, page, 0});
    runs.back().end = page + 1;
    runs.back().uses |= uses;
  }
  return runs;
}

Event Lackey::event_of(Kind kind) const {
  Event event;
  event.kind = kind;
  event.task = 1;
  event.mm = 1;
  return event;
}

void Lackey::tell_program(const std::vector<Run>& runs) {
  Event file = event_of(Kind::kFile);
  file.task = file.mm = 0;
  file.file = 1;
  for (const Run& run : runs)
    if ((run.uses & Uses::kWritten) == 0) file.args[2] += (run.end - run.begin) * kPage;
  sink_.take(file);
  Event exec = event_of(Kind::kExec);
  if (!argv_.empty()) exec.text = argv_[0].substr(argv_[0].rfind('/') + 1).substr(0, 15);
  sink_.take(exec);
  std::uint64_t file_page = 0;
  for (const Run& run : runs) {
    Event vma = event_of(Kind::kVma);
    const bool written = (run.uses & Uses::kWritten) != 0;
    const std::uint64_t bits = VmaBits::kRead | (written ? VmaBits::kWrite : 0) |
                               ((run.uses & Uses::kExecuted) != 0 ? VmaBits::kExec : 0);
    vma.args = {run.begin * kPage, run.end * kPage, bits, written ? 0 : file_page, 0, 0};
    if (!written) {
      vma.file = 1;
      file_page += run.end - run.begin;
    }
    sink_.take(vma);
  }
}

void Lackey::tell_end() {
  sink_.take(event_of(Kind::kExit));
  sink_.take(event_of(Kind::kMmGone));
}

Result<Findings, Diagnostic> Lackey::finish() {
  if (touches_.empty()) {
    return fail(Diagnostic{.kind = Diagnostic::Kind::kDamagedInput,
                           .where = {},
                           .what = "no access in it: expected lines such as \" S 1fff000708,8\"",
                           .hint = "valgrind --tool=lackey --trace-mem=yes --log-file=FILE CMD"});
  }
  tell_program(runs());
  for (const Touch& touch : touches_) {
    Event event = event_of(Kind::kTouch);
    event.addr = VirtAddr(touch.addr);
    event.flags = touch.flags;
    sink_.take(event);
  }
  tell_end();
  Findings findings;
  findings.header.argv = std::move(argv_);
  findings.header.lacks = {
      "mappings: each run of touched pages stands for one, so that what was mapped and never touched is "
      "missing, and "
      "large folios fit less often; pages nobody wrote are taken for a file's",
      "system calls: nothing is ever unmapped or given back, and memory used again does not fault again",
      "times, the kernel's count of faults, touches the kernel made for the program",
      "the layout: under valgrind a program lies elsewhere, and valgrind's own allocator may serve it",
      "environment, working folder, limits and settings of the recorded run",
  };
  if (mixed_)
    findings.header.lacks.push_back("which process: several wrote into this trace, and are taken for one");
  findings.summary.touches = touches_.size();
  findings.summary.tasks = 1;
  return findings;
}

}  // namespace

std::unique_ptr<Importer> make_lackey_importer(record::EventSink& sink) {
  return std::make_unique<Lackey>(sink);
}

}  // namespace quire::convert
