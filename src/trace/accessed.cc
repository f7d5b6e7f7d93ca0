#include "trace/accessed.h"

#include "base/check.h"
#include "trace/format.h"

namespace quire::trace {
namespace {

// Two varints of at most ten bytes.
constexpr std::size_t kLongestRun = 20;

Event begin_event(const SampleHead& head, std::uint64_t first_page) {
  Event event;
  event.kind = Kind::kAccessed;
  event.task = head.task;
  event.mm = head.mm;
  event.time_us = head.time_us;
  event.args = {head.window_us, head.sample, first_page, 0, 0, 0};
  return event;
}

void put_run(Event& event, const PageRun& run, std::uint64_t gap) {
  Column bytes;
  put_varint(bytes, gap);
  put_varint(bytes, ((run.pages - 1) << 1) | (run.written == Written::kYes ? 1U : 0U));
  event.text.append(bytes.begin(), bytes.end());
}

}  // namespace

RunCursor::RunCursor(const Event& event) : at_(event.args[2]) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(event.text.data());
  cursor_ = ColumnCursor(begin, begin + event.text.size());
}

bool RunCursor::next(PageRun& run) {
  if (cursor_.at_end() || wrong_) return false;
  const std::uint64_t gap = cursor_.varint();
  const std::uint64_t word = cursor_.varint();
  const std::uint64_t pages = (word >> 1) + 1;
  if (at_ >= kPagesEnd || gap >= kPagesEnd - at_ || pages > kPagesEnd - at_ - gap || cursor_.wrong()) {
    wrong_ = true;
    return false;
  }
  run = {.first = at_ + gap, .pages = pages, .written = (word & 1) != 0 ? Written::kYes : Written::kNo};
  at_ = run.end();
  any_ = true;
  return true;
}

bool sound_runs(const Event& event) {
  RunCursor cursor(event);
  PageRun run;
  while (cursor.next(run)) {
  }
  return cursor.sound();
}

std::vector<Event> accessed_events(const SampleHead& head, std::span<const PageRun> runs) {
  std::vector<Event> events;
  std::uint64_t at = 0;
  for (const PageRun& run : runs) {
    QUIRE_DCHECK(run.pages != 0 && run.end() <= kPagesEnd && run.first >= at);
    if (events.empty() || events.back().text.size() + kLongestRun > kMaxText) {
      events.push_back(begin_event(head, run.first));
      at = run.first;
    }
    put_run(events.back(), run, run.first - at);
    at = run.end();
  }
  return events;
}

}  // namespace quire::trace
