#include "convert/process_tree.h"

namespace quire::convert {

using record::PerfEvent;
using trace::Event;
using trace::Kind;
using Type = PerfEvent::Type;

std::uint32_t file_bits(std::string_view path) {
  const auto in = [path](std::string_view folder) { return path.starts_with(folder); };
  if (in("/memfd:") || in("/dev/shm/") || in("/SYSV") || in("/dev/zero")) return trace::FileBits::kShmem;
  if (in("/anon_hugepage") || in("/dev/hugepages/")) return trace::FileBits::kHugetlb;
  return in("/dev/") ? trace::FileBits::kDevice : 0;
}

void ProcessTree::BrkFinder::take(const Event& event) {
  if (event.kind == Kind::kExec) waiting_[event.mm] = execs_++;
  if (event.kind == Kind::kMmGone) waiting_.erase(event.mm);
  if (event.kind == Kind::kSyscall && event.sys == trace::Sys::kBrk) {
    const auto found = waiting_.extract(event.mm);
    if (!found.empty() && event.args[0] == 0 && event.result > 0)
      found_[found.mapped()] = static_cast<std::uint64_t>(event.result);
  }
  to_.take(event);
}

void ProcessTree::begin(const PerfEvent& exec) {
  record::PerfLookup lookup;
  lookup.file = [](const std::string& path, std::uint64_t) {
    return record::PerfLookup::FileFacts{.size = 0, .bits = file_bits(path)};
  };
  lookup.layout = [](std::uint32_t) { return std::nullopt; };
  lookup.exists = [](std::uint32_t) { return true; };
  root_ = exec.tid;
  alive_.insert(root_);
  translator_.emplace(out_, scrubber_, exec.time_ns);
  assembler_.emplace(root_, std::move(lookup));
}

// Keeps the lists of tasks; false for what the assembler need not see.
bool ProcessTree::admits(const PerfEvent& event) {
  if (!begun() && event.type == Type::kExec) begin(event);
  if (!begun()) return false;
  switch (event.type) {
    case Type::kExec:
      // Of a thread that lives on under the number of its process as well.
      if (!knows(event.tid) && !knows(event.pid)) return false;
      alive_.insert(event.tid);
      loading_[event.tid] = 0;
      return true;
    case Type::kFork:
      if (knows(event.tid)) alive_.insert(event.child_tid);
      break;
    case Type::kExit:
      loading_.erase(event.tid);
      return alive_.erase(event.tid) != 0;
    case Type::kMmap: {
      const auto at = loading_.find(event.tid);
      if (at == loading_.end() || ++at->second <= kMaxLoading) break;
      ++dropped_;
      return false;
    }
    default:
      if ((event.touch_flags & trace::TouchBits::kKernel) == 0) loading_.erase(event.tid);
      break;
  }
  return knows(event.tid);
}

void ProcessTree::feed(const PerfEvent& event) {
  if (!admits(event)) return;
  assembler_->feed(event, [this](std::span<const std::byte> record) { translator_->feed(record); });
}

Findings ProcessTree::finish() {
  Findings findings;
  if (!begun()) return findings;
  translator_->finish();
  const record::Totals& totals = translator_->totals();
  findings.summary.touches = totals.touches;
  findings.summary.tasks = totals.tasks;
  findings.summary.lost_events = totals.strays + dropped_;
  findings.brk_of_exec = std::move(out_.found());
  return findings;
}

}  // namespace quire::convert
