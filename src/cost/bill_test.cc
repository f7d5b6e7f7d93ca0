#include "cost/bill.h"

#include <gtest/gtest.h>

namespace quire::cost {
namespace {

Profile simple() {
  Profile p;
  p.of(SizedWork::kFault, kOrder0) = {100, 100, 100};
  p.of(SizedWork::kFault, Order(4)) = {1000, 900, 1100};
  p.of(SizedWork::kUnmap, Order(4)) = {30, 30, 30};
  p.of(SizedWork::kFork, kOrder0) = {2, 2, 2};
  p.of(Work::kCopyFault) = {400, 400, 400};
  p.of(Work::kTable) = {50, 50, 50};
  return p;
}

// Work is priced by its medians and added up where it belongs.
TEST(Bill, AddsUp) {
  const Profile profile = simple();
  Biller biller(profile);
  biller.fault({.made = Order(4), .served = {}, .tables = 1});
  biller.fault({.made = {}, .served = {}, .copies = 1});
  Amounts shared;
  shared.add(SizedWork::kFork, kOrder0, 10);
  biller.fork(shared);
  Amounts gone;
  gone.add(SizedWork::kUnmap, Order(4), 3);
  biller.other(gone);

  const Bill& bill = biller.bill();
  EXPECT_DOUBLE_EQ(bill.fault_ns, 1450);
  EXPECT_DOUBLE_EQ(bill.copy_ns, 400);
  EXPECT_DOUBLE_EQ(bill.fork_ns, 20);
  EXPECT_DOUBLE_EQ(bill.unmap_ns, 90);
  EXPECT_DOUBLE_EQ(bill.kernel_ns, 1560);
}

// What comes back from swap and what is written out first are a fault's own time; what kswapd wrote
// is not, but the kernel's all the same.
TEST(Bill, SwapIsTheFaultsOrTheDaemons) {
  Profile profile = simple();
  profile.of(Work::kSwapIn) = {10, 10, 10};
  profile.of(Work::kSwapOut) = {20, 20, 20};
  Biller biller(profile);
  biller.fault({.made = {}, .served = {}, .swapped_in = 16, .swapped_out = 3, .written_beside = 5});
  Amounts advised;
  advised.add(Work::kSwapOut, 2);
  biller.other(advised);
  const Bill& bill = biller.bill();
  EXPECT_DOUBLE_EQ(bill.fault_ns, 160 + 60);
  EXPECT_DOUBLE_EQ(bill.swap_in_ns, 160);
  EXPECT_DOUBLE_EQ(bill.swap_out_ns, 60 + 100 + 40);
  EXPECT_DOUBLE_EQ(bill.kernel_ns, 160 + 60 + 100 + 40);
  EXPECT_EQ(bill.faults.begin()->first, 220);
}

// Clearing is priced by the size whose page is cheapest: what is more is the fault's.
TEST(Bill, ClearingIsTheLeastOfAllSizes) {
  const Profile profile = simple();
  Biller biller(profile);
  biller.fault({.made = kOrder0, .served = {}});
  EXPECT_DOUBLE_EQ(biller.bill().clear_ns, 62.5);
  biller.fault({.made = Order(4), .served = {}});
  EXPECT_DOUBLE_EQ(biller.bill().clear_ns, 17 * 62.5);
}

// A quantile is the time of the fault at that rank, counted from the shortest.
TEST(Bill, QuantilesAreRanks) {
  const FaultTimes times{{100, 98}, {400, 1}, {9000, 1}};
  EXPECT_EQ(quantile(times, 0.5), 100);
  EXPECT_EQ(quantile(times, 0.98), 100);
  EXPECT_EQ(quantile(times, 0.99), 400);
  EXPECT_EQ(quantile(times, 0.999), 9000);
  EXPECT_EQ(quantile(times, 1), 9000);
  EXPECT_EQ(quantile({}, 0.5), 0);
}

}  // namespace
}  // namespace quire::cost
