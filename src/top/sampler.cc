#include "top/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace quire::top {
namespace {

// A look is never so cheap that it would crowd out all others.
constexpr Time kLeastCost = std::chrono::microseconds(100);
// So long a process that does nothing is left alone. khugepaged may change its
// folios all the same.
constexpr Time kRest = std::chrono::seconds(10);

Diagnostic gone() { return {.where = "", .what = "it ended, or ran another program", .hint = ""}; }

}  // namespace

void Sampler::begin_round(const std::vector<Candidate>& alive, Time budget) {
  std::map<pid_t, Entry> entries;
  for (const Candidate& process : alive) {
    const auto known = entries_.find(process.pid);
    Entry& entry = entries[process.pid];
    if (known != entries_.end() && known->second.process.started == process.started)
      entry = std::move(known->second);
    entry.process = process;
    entry.spent = Time();
  }
  entries_ = std::move(entries);
  budget_ = budget;
  spent_ = Time();
  finished_ = 0;
  queue_by_urgency();
}

// What nobody has seen yet goes first, the largest before all.
void Sampler::queue_by_urgency() {
  const Time now = outside_.now();
  const auto urgency = [now](const Entry& entry) {
    const double age = entry.unknown() ? std::numeric_limits<double>::max()
                                       : static_cast<double>((now - entry.last).count());
    return std::pair(age / std::sqrt(static_cast<double>(std::max(entry.cost, kLeastCost).count())),
                     entry.process.rss);
  };
  queue_.clear();
  for (auto& [pid, entry] : entries_) {
    const bool idle = !entry.unknown() && !entry.look && entry.seen_activity == entry.process.activity;
    if (!idle || now - entry.last >= kRest) queue_.push_back(&entry);
  }
  std::ranges::stable_sort(queue_, std::ranges::greater(), [&](const Entry* e) { return urgency(*e); });
}

Sampler::Outcome Sampler::advance(Entry& entry) {
  if (!entry.look) {
    entry.seen_activity = entry.process.activity;
    auto look = outside_.begin(entry.process.pid);
    if (!look) {
      entry.refusal = look.error();
      return Outcome::kRefusal;
    }
    entry.look = *std::move(look);
  }
  const auto state = entry.look->step();
  if (state && *state == Look::State::kMore) return Outcome::kMore;
  if (state && *state == Look::State::kDone) {
    entry.sample = entry.look->result();
    entry.refusal.reset();
    return Outcome::kSample;
  }
  entry.refusal = state ? gone() : state.error();
  return Outcome::kRefusal;
}

Sampler::Outcome Sampler::step(Entry& entry) {
  const Time before = outside_.cpu();
  const Outcome outcome = advance(entry);
  const Time took = outside_.cpu() - before;
  spent_ += took;
  entry.spent += took;
  entry.cost_of_look += took;
  if (outcome == Outcome::kMore) return outcome;
  entry.look.reset();
  entry.last = outside_.now();
  entry.cost = std::exchange(entry.cost_of_look, Time());
  if (outcome == Outcome::kRefusal) {
    entry.sample.reset();
  } else {
    entry.sample->at = entry.last;
    entry.sample->cost = entry.cost;
    ++finished_;
  }
  return outcome;
}

Sampler::Work Sampler::work(Time slice) {
  const Time end = std::min(budget_, spent_ + slice);
  while (spent_ < end && !queue_.empty()) {
    Entry* entry = queue_.front();
    if (step(*entry) != Outcome::kMore) {
      queue_.pop_front();
    } else if (entry->spent > budget_ / 2) {
      queue_.pop_front();  // once the others have had their turn it may have the rest
      queue_.push_back(entry);
    }
  }
  return spent_ < budget_ && !queue_.empty() ? Work::kLeft : Work::kNone;
}

std::optional<FolioSample> Sampler::sample_of(pid_t pid) const {
  const auto found = entries_.find(pid);
  return found == entries_.end() ? std::nullopt : found->second.sample;
}

std::string Sampler::reason_of(pid_t pid) const {
  const auto found = entries_.find(pid);
  if (found == entries_.end() || found->second.unknown()) return "not read yet";
  return found->second.refusal ? found->second.refusal->what : "";
}

bool Sampler::refused(pid_t pid) const {
  const auto found = entries_.find(pid);
  return found != entries_.end() && found->second.refusal &&
         found->second.refusal->kind == Diagnostic::Kind::kPrivilege;
}

}  // namespace quire::top
