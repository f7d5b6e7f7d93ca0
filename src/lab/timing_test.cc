#include "lab/timing.h"

#include <gtest/gtest.h>

#include "policy/parse.h"

namespace quire::lab {
namespace {

policy::Settings settings(const char* words) { return *policy::parse_policy(words); }

// Runs in turns; each policy's runs take a time of their own, which wavers.
class Script {
 public:
  RunUnder runner() {
    return [this](const policy::Settings& s) -> Result<double, Diagnostic> {
      order_.push_back(s == settings("4K") ? '4' : s == settings("64K") ? 'x' : 'y');
      const double waver = static_cast<double>(order_.size() % 5);
      return (order_.back() == '4' ? 1000.0 : order_.back() == 'x' ? 400.0 : 1001.0) + waver;
    };
  }
  [[nodiscard]] const std::string& order() const { return order_; }

 private:
  std::string order_;
};

// Control and policies take turns; a policy is predicted from the control's own
// time; what differs by less than the control does from itself is the same.
TEST(Timing, TurnsAndVerdicts) {
  Script script;
  const std::vector<TimedRequest> policies{{settings("64K"), 300}, {settings("16K"), 899}};
  const auto timing = time_all({settings("4K"), 900}, policies, 6, script.runner());
  ASSERT_TRUE(timing);
  EXPECT_EQ(script.order(), "4xy4xy4xy4xy4xy4xy");
  const TimedPolicy& fast = timing->policies[0];
  EXPECT_DOUBLE_EQ(fast.predicted_ns, timing->control.median - 600);
  EXPECT_EQ(timing->measured_change(fast), Change::kFaster);
  EXPECT_EQ(timing->predicted_change(fast), Change::kFaster);
  const TimedPolicy& alike = timing->policies[1];
  EXPECT_EQ(timing->measured_change(alike), Change::kNone);
  EXPECT_EQ(timing->predicted_change(alike), Change::kNone);
}

// A run that fails ends the measurement with its reason.
TEST(Timing, FailuresAreTold) {
  const RunUnder fails = [](const policy::Settings&) -> Result<double, Diagnostic> {
    return fail(Diagnostic{.where = "prog", .what = "gone", .hint = ""});
  };
  const auto timing = time_all({settings("4K"), 1}, {}, 6, fails);
  ASSERT_FALSE(timing);
  EXPECT_EQ(timing.error().what, "gone");
}

}  // namespace
}  // namespace quire::lab
