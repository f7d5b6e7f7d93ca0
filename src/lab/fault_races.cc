#include "lab/fault_races.h"

#include <optional>

namespace quire::lab {

void FaultRaces::shares(trace::MmId mm) {
  if (mm >= shared_.size()) shared_.resize(mm + 64UL);
  shared_[mm] = true;
}

void FaultRaces::served(trace::MmId mm, trace::TaskId task, VirtRange folio, std::uint64_t now_us) {
  std::erase_if(serving_, [&](const Fault& f) { return f.task == task || f.until_us <= now_us; });
  const PageCount filled(folio.size().raw() / kPageSize);
  serving_.push_back({mm, task, folio, now_us + fault_time_us(filled)});
}

bool FaultRaces::loses(trace::MmId mm, trace::TaskId task, VirtAddr addr, std::uint64_t now_us) {
  std::optional<Fault> met;
  for (const Fault& f : serving_) {
    if (f.mm != mm || now_us >= f.until_us || !f.folio.contains(addr)) continue;
    if (f.task == task) return false;  // still in its own fault for it
    met = f;
  }
  if (!met) return false;
  over(task);
  serving_.push_back({mm, task, met->folio, met->until_us});
  return true;
}

void FaultRaces::over(trace::TaskId task) {
  std::erase_if(serving_, [&](const Fault& f) { return f.task == task; });
}

}  // namespace quire::lab
