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
    return [this](const policy::Settings& s) -> Result<RunTime, Diagnostic> {
      order_.push_back(s == settings("4K") ? '4' : s == settings("64K") ? 'x' : 'y');
      const double waver = static_cast<double>(order_.size() % 5);
      const double system = (order_.back() == '4' ? 1000.0 : order_.back() == 'x' ? 400.0 : 1001.0) + waver;
      return RunTime{.user_ns = 5000, .sys_ns = system, .modes = ModesBy::kSamples};
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
  const std::vector<TimedRequest> policies{{"64K", settings("64K"), 300, 200, 0},
                                           {"16K", settings("16K"), 899, 700, 0}};
  const auto timing = time_all({"4K", settings("4K"), 900, 700, 0}, policies, 6, script.runner());
  ASSERT_TRUE(timing);
  EXPECT_FALSE(timing->price_factor) << "nobody timed the faults";
  EXPECT_EQ(script.order(), "4xy4xy4xy4xy4xy4xy");
  const TimeComparison& system = timing->system;
  const TimedPolicy& fast = system.policies[0];
  EXPECT_EQ(fast.text, "64K");
  EXPECT_DOUBLE_EQ(fast.predicted_ns, system.control.mean - 600);
  EXPECT_EQ(system.measured_change(fast), Change::kFaster);
  EXPECT_EQ(system.predicted_change(fast), Change::kFaster);
  const TimedPolicy& alike = system.policies[1];
  EXPECT_EQ(system.measured_change(alike), Change::kNone);
  EXPECT_EQ(system.predicted_change(alike), Change::kNone);
  EXPECT_DOUBLE_EQ(timing->processor.control.mean, system.control.mean + 5000);
  EXPECT_DOUBLE_EQ(timing->processor.policies[0].predicted_ns, fast.predicted_ns + 5000);
}

// Faults that take twice what they were billed for beyond clearing double what is not
// clearing of the difference; a round in which they were not timed leaves the profile
// as it is.
TEST(Timing, TheControlsFaultsSetThePrice) {
  for (const int untimed : {0, 1}) {
    int left = untimed;
    const RunUnder run = [&left](const policy::Settings&) -> Result<RunTime, Diagnostic> {
      RunTime time{.user_ns = 5000, .sys_ns = 2000, .modes = ModesBy::kSamples};
      if (left-- <= 0) time.fault_ns = 1100;
      return time;
    };
    const std::vector<TimedRequest> policies{{"64K", settings("64K"), 600, 450, 350}};
    const auto timing = time_all({"4K", settings("4K"), 900, 700, 300}, policies, 6, run);
    ASSERT_TRUE(timing);
    EXPECT_EQ(timing->price_factor, untimed == 0 ? std::optional(2.0) : std::nullopt);
    EXPECT_DOUBLE_EQ(timing->system.policies[0].predicted_ns, untimed == 0 ? 1350 : 1700);
  }
}

// A run that fails ends the measurement with its reason.
TEST(Timing, FailuresAreTold) {
  const RunUnder fails = [](const policy::Settings&) -> Result<RunTime, Diagnostic> {
    return fail(Diagnostic{.where = "prog", .what = "gone", .hint = ""});
  };
  const auto timing = time_all({"4K", settings("4K"), 1, 1, 0}, {}, 6, fails);
  ASSERT_FALSE(timing);
  EXPECT_EQ(timing.error().what, "gone");
}

}  // namespace
}  // namespace quire::lab
