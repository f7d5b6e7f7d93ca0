#include "lab/calibrate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/testing_sanitized.h"
#include "live/host.h"
#include "live/settings_guard.h"

namespace quire::lab {
namespace {

// This host's kernel does every kind of work, a larger folio takes longer to
// make than a smaller one, and the settings are as before.
TEST(Calibrate, MeasuresThisHost) {
  if (base::testing::kSanitized) GTEST_SKIP() << base::testing::kSanitizedReason;
  if (geteuid() != 0) GTEST_SKIP() << "changing settings needs root";
  if (live::anon_orders_of().below(kOrderPmd).empty()) GTEST_SKIP() << "this kernel has no per-size settings";
  const live::ThpState before = live::read_thp_state();
  const auto profile = calibrate({.name = "test", .rounds = 6, .arena = 16_MiB}, {});
  if (!profile && profile.error().where.ends_with("settings.lock")) GTEST_SKIP() << profile.error().line();
  ASSERT_TRUE(profile) << profile.error().line();
  EXPECT_EQ(profile->name, "test");
  for (const Order order : {Order(4), kOrderPmd}) {
    const double small = profile->of(cost::SizedWork::kFault, kOrder0).median;
    EXPECT_GT(profile->of(cost::SizedWork::kFault, order).median, small);
  }
  EXPECT_EQ(live::read_thp_state(), before);
}

}  // namespace
}  // namespace quire::lab
