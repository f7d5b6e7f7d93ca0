#include "cost/bill.h"

#include <algorithm>
#include <cmath>

namespace quire::cost {
namespace {

double price_of(const Profile& profile, const Amounts& amounts, SizedWork work) {
  double ns = 0;
  for (unsigned o = 0; o <= kOrderPmd.raw(); ++o) {
    const std::uint64_t n = amounts.sized[static_cast<std::size_t>(work)][o];
    if (n != 0) ns += static_cast<double>(n) * profile.of(work, Order(o)).median;
  }
  return ns;
}

double price_of(const Profile& profile, const Amounts& amounts, Work work) {
  return static_cast<double>(amounts.plain[static_cast<std::size_t>(work)]) * profile.of(work).median;
}

// A large folio is all but clearing: what is more in a smaller one is the fault itself.
double clear_page_ns(const Profile& profile) {
  double least = profile.of(SizedWork::kFault, kOrder0).median;
  for (unsigned o = 0; o <= kOrderPmd.raw(); ++o) {
    const auto pages = static_cast<double>(Order(o).pages().raw());
    if (const double all = profile.of(SizedWork::kFault, Order(o)).median; all > 0)
      least = std::min(least, all / pages);
  }
  return least;
}

}  // namespace

double price(const Profile& profile, const Amounts& amounts) {
  double ns = 0;
  for (std::size_t i = 0; i < kSizedWorks; ++i) ns += price_of(profile, amounts, static_cast<SizedWork>(i));
  for (std::size_t i = 0; i < kWorks; ++i) ns += price_of(profile, amounts, static_cast<Work>(i));
  return ns;
}

double quantile(const FaultTimes& times, double share) {
  std::uint64_t all = 0;
  for (const auto& [ns, n] : times) all += n;
  const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(all)));
  std::uint64_t seen = 0;
  for (const auto& [ns, n] : times) {
    seen += n;
    if (seen >= rank) return ns;
  }
  return 0;
}

Biller::Biller(const Profile& profile) : profile_(profile), clear_page_ns_(clear_page_ns(profile)) {}

void Biller::fault(const Fault& fault) {
  const double copies = fault.copies * profile_.of(Work::kCopyFault).median;
  double ns = copies + fault.tables * profile_.of(Work::kTable).median +
              fault.pmd_splits * profile_.of(Work::kSplitPmd).median;
  if (fault.made) ns += profile_.of(SizedWork::kFault, *fault.made).median;
  if (fault.served) ns += profile_.of(*fault.served).median;
  const double in = fault.swapped_in * profile_.of(Work::kSwapIn).median;
  const double waited = fault.swapped_out * profile_.of(Work::kSwapOut).median;
  const double beside = fault.written_beside * profile_.of(Work::kSwapOut).median;
  ns += in + waited;
  bill_.swap_in_ns += in;
  bill_.swap_out_ns += waited + beside;
  bill_.kernel_ns += beside;
  bill_.kernel_ns += ns;
  bill_.fault_ns += ns;
  bill_.copy_ns += copies;
  if (fault.made) bill_.clear_ns += clear_page_ns_ * static_cast<double>(fault.made->pages().raw());
  ++bill_.faults[ns];
}

void Biller::fork(const Amounts& amounts) {
  const double ns = price(profile_, amounts);
  bill_.kernel_ns += ns;
  bill_.fork_ns += ns;
}

void Biller::other(const Amounts& amounts) {
  bill_.kernel_ns += price(profile_, amounts);
  bill_.unmap_ns += price_of(profile_, amounts, SizedWork::kUnmap);
  bill_.swap_out_ns += price_of(profile_, amounts, Work::kSwapOut);
}

}  // namespace quire::cost
