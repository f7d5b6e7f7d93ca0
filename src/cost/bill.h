// cost/bill.h - what a replay would have taken in the kernel, priced by a
// machine's profile.
//
// Every price is the mean of its kind of work: a bill says what work there was
// and what it costs on a quiet machine. It knows nothing of reclaim, compaction,
// caches that others have filled, or locks that threads wait for.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "cost/profile.h"

namespace quire::cost {

// How much work there was, of each kind.
struct Amounts {
  std::array<std::array<std::uint64_t, kOrderPmd.raw() + 1>, kSizedWorks> sized{};
  std::array<std::uint64_t, kWorks> plain{};

  void add(SizedWork work, Order order, std::uint64_t n = 1) {
    sized[static_cast<std::size_t>(work)][order.raw()] += n;
  }
  void add(Work work, std::uint64_t n = 1) { plain[static_cast<std::size_t>(work)] += n; }
  [[nodiscard]] std::uint64_t of(SizedWork work, Order order) const {
    return sized[static_cast<std::size_t>(work)][order.raw()];
  }
  [[nodiscard]] std::uint64_t of(Work work) const { return plain[static_cast<std::size_t>(work)]; }
};

// One fault. Kept small: there are millions of them.
struct Fault {
  std::optional<Order> made;   // a folio of this order, for memory that nothing was behind
  std::optional<Work> served;  // what else it was
  std::uint32_t copies = 0;    // pages copied
  std::uint32_t tables = 0;    // made for it
  std::uint32_t pmd_splits = 0;
  std::uint32_t swapped_in = 0;      // pages that came back from swap for it
  std::uint32_t swapped_out = 0;     // pages it had to have written out first (direct reclaim)
  std::uint32_t written_beside = 0;  // pages that kswapd wrote out before it: nobody waited
};

// Nanoseconds of processor time.
[[nodiscard]] double price(const Profile& profile, const Amounts& amounts);

// How long single faults took, shortest first; each with how often.
using FaultTimes = std::map<double, std::uint64_t>;
// The time that a share (0.99) of the faults did not exceed; 0 without any.
[[nodiscard]] double quantile(const FaultTimes& times, double share);

struct Bill {
  double kernel_ns = 0;  // all of it
  double fault_ns = 0;   // of it in faults
  double fork_ns = 0;
  double unmap_ns = 0;     // with exit
  double copy_ns = 0;      // of fault_ns: copies of shared pages
  double clear_ns = 0;     // of fault_ns: new memory cleared, the least the profile has for so many pages
  double swap_in_ns = 0;   // of fault_ns
  double swap_out_ns = 0;  // of kernel_ns: what faults waited for, kswapd's, and that of system calls
  FaultTimes faults;
};

// Adds up a bill, one event after the other.
class Biller {
 public:
  explicit Biller(const Profile& profile);

  void fault(const Fault& fault);
  void fork(const Amounts& amounts);
  // A system call, or an exit.
  void other(const Amounts& amounts);

  [[nodiscard]] const Bill& bill() const { return bill_; }
  [[nodiscard]] const Profile& profile() const { return profile_; }

 private:
  const Profile& profile_;
  double clear_page_ns_;
  Bill bill_;
};

}  // namespace quire::cost
