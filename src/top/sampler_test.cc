#include "top/sampler.h"

#include <gtest/gtest.h>

#include <set>

namespace quire::top {
namespace {

constexpr Time kMs = std::chrono::milliseconds(1);

// Processes that take so many steps of a millisecond each, and a clock that only
// they move.
class World {
 public:
  std::map<pid_t, int> steps;
  std::set<pid_t> forbidden, gone;
  Time cpu{}, now{};
  std::vector<pid_t> begun;

  Outside outside() {
    return {.begin = [this](pid_t pid) { return begin(pid); },
            .now = [this] { return now + cpu; },
            .cpu = [this] { return cpu; }};
  }

 private:
  class FakeLook : public Look {
   public:
    FakeLook(World& world, pid_t pid) : world_(world), pid_(pid), left_(world.steps[pid]) {}
    Result<State, Diagnostic> step() override {
      world_.cpu += kMs;
      if (--left_ > 0) return State::kMore;
      return world_.gone.contains(pid_) ? State::kGone : State::kDone;
    }
    FolioSample result() override {
      FolioSample sample;
      sample.counts.anon.single = PageCount(static_cast<std::uint64_t>(pid_));
      return sample;
    }

   private:
    World& world_;
    pid_t pid_;
    int left_;
  };

  Result<std::unique_ptr<Look>, Diagnostic> begin(pid_t pid) {
    begun.push_back(pid);
    if (forbidden.contains(pid))
      return fail(Diagnostic{Diagnostic::Kind::kPrivilege, "", "permission denied", ""});
    return std::make_unique<FakeLook>(*this, pid);
  }
};

class SamplerTest : public ::testing::Test {
 protected:
  // All that are there, each more active than the time before.
  void round(Time budget) {
    std::vector<Candidate> alive;
    ++activity_;
    for (const auto& [pid, steps] : world_.steps)
      alive.push_back({pid, 1, ByteCount(static_cast<std::uint64_t>(steps)), activity_});
    world_.now += std::chrono::seconds(2);
    sampler_.begin_round(alive, budget);
    world_.begun.clear();
    while (sampler_.work(5 * kMs) == Sampler::Work::kLeft) {
    }
  }

  World world_;
  Sampler sampler_{world_.outside()};
  std::uint64_t activity_ = 0;
};

// Enough for all: each is looked at once.
TEST_F(SamplerTest, EveryoneOnce) {
  world_.steps = {{1, 2}, {2, 1}, {3, 4}};
  round(100 * kMs);
  EXPECT_EQ(sampler_.finished(), 3U);
  EXPECT_EQ(world_.begun.size(), 3U);
  EXPECT_EQ(sampler_.sample_of(3)->counts.anon.single, PageCount(3));
  EXPECT_EQ(sampler_.sample_of(3)->cost, 4 * kMs);
  EXPECT_EQ(sampler_.sample_of(3)->at, world_.now + world_.cpu - 1 * kMs - 2 * kMs);
}

// I-TOP-1: the budget is kept to the step, and a long look goes on where it was.
TEST_F(SamplerTest, LongLooksTakeSeveralRounds) {
  world_.steps = {{1, 25}};
  round(10 * kMs);
  EXPECT_EQ(world_.cpu, 10 * kMs);
  EXPECT_FALSE(sampler_.sample_of(1));
  EXPECT_EQ(sampler_.reason_of(1), "not read yet");
  round(10 * kMs);
  round(10 * kMs);
  EXPECT_EQ(world_.cpu, 25 * kMs);
  ASSERT_TRUE(sampler_.sample_of(1));
  EXPECT_EQ(sampler_.sample_of(1)->cost, 25 * kMs);
}

// I-TOP-2: a process that would take all leaves half to the others.
TEST_F(SamplerTest, TheLargestLeavesRoom) {
  world_.steps = {{1, 1000}, {2, 2}, {3, 2}};
  round(10 * kMs);
  EXPECT_TRUE(sampler_.sample_of(2));
  EXPECT_TRUE(sampler_.sample_of(3));
  EXPECT_EQ(world_.cpu, 10 * kMs);  // what was left went to the first
}

// What takes a hundred times as long has its turn a tenth as often.
TEST_F(SamplerTest, OftenIsByTheRootOfTheCost) {
  world_.steps = {{1, 100}};
  for (pid_t pid = 2; pid <= 101; ++pid) world_.steps[pid] = 1;
  std::map<pid_t, int> looks;
  for (int i = 0; i < 400; ++i) {
    round(20 * kMs);
    for (const pid_t pid : world_.begun) ++looks[pid];
  }
  EXPECT_NEAR(static_cast<double>(looks[2]) / looks[1], 10, 3);
}

// One that did nothing rests for ten seconds.
TEST_F(SamplerTest, IdleProcessesRest) {
  const std::vector<Candidate> idle{{1, 1, 1_MiB, 7}};
  world_.steps = {{1, 1}};
  const auto pass = [&](int seconds) {
    world_.now += std::chrono::seconds(seconds);
    sampler_.begin_round(idle, 10 * kMs);
    (void)sampler_.work(10 * kMs);
    return sampler_.finished();
  };
  EXPECT_EQ(pass(2), 1U);
  EXPECT_EQ(pass(2), 0U);
  EXPECT_EQ(pass(9), 1U);
}

// One that may not be looked at says why; one that ended meanwhile is no refusal.
TEST_F(SamplerTest, ThoseThatCannotBeSeen) {
  world_.steps = {{1, 1}, {2, 1}};
  world_.forbidden = {1};
  world_.gone = {2};
  round(10 * kMs);
  EXPECT_EQ(sampler_.finished(), 0U);
  EXPECT_TRUE(sampler_.refused(1));
  EXPECT_EQ(sampler_.reason_of(1), "permission denied");
  EXPECT_FALSE(sampler_.refused(2));
  EXPECT_EQ(sampler_.reason_of(2), "it ended, or ran another program");
}

// Another process with the same number has nothing of the first one's.
TEST_F(SamplerTest, PidUsedAgain) {
  world_.steps = {{1, 1}};
  round(10 * kMs);
  ASSERT_TRUE(sampler_.sample_of(1));
  sampler_.begin_round({{1, 2, 1_MiB, 1}}, 10 * kMs);
  EXPECT_FALSE(sampler_.sample_of(1));
  sampler_.begin_round({}, 10 * kMs);
  EXPECT_EQ(sampler_.work(kMs), Sampler::Work::kNone);
}

}  // namespace
}  // namespace quire::top
