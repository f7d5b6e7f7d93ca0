#include "oracle/confirm.h"

#include <algorithm>
#include <thread>

namespace quire::litmus {
namespace {

bool only_counters(const std::vector<Finding>& findings) {
  return std::ranges::all_of(findings, [](const Finding& f) { return f.evidence == Evidence::kCounter; });
}

void keep_common(std::vector<Finding>& findings, const std::vector<Finding>& again) {
  std::erase_if(findings, [&](const Finding& f) { return std::ranges::find(again, f) == again.end(); });
}

}  // namespace

// A run with nothing wrong is also one that is fit to be kept.
Result<std::vector<Finding>, Diagnostic> confirmed_findings(const Attempt& attempt, Patience patience) {
  std::vector<Finding> findings = QUIRE_TRY(attempt());
  std::vector<Finding> last = findings;
  for (int run = 1; !last.empty() && run < (only_counters(last) ? patience.runs : patience.page_runs);
       ++run) {
    std::this_thread::sleep_for(patience.first_pause * (1 << (run - 1)));
    last = QUIRE_TRY(attempt());
    keep_common(findings, last);
  }
  return findings;
}

}  // namespace quire::litmus
