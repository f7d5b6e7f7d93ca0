// The running host.
#include "top/collector.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

namespace quire::top {
namespace {

constexpr Time kSecond = std::chrono::seconds(1);

const Process* find(const Frame& frame, pid_t pid) {
  const auto found = std::ranges::find(frame.processes, pid, [](const Process& p) { return p.stat.pid; });
  return found == frame.processes.end() ? nullptr : &*found;
}

// One frame, one look at this process, the next frame: it has folios and rates then.
TEST(TopCollector, SeesThisProcess) {
  Collector collector({.pids = {::getpid()}, .cgroup = "", .interval = kSecond, .budget = 1});
  const auto first = collector.read();
  ASSERT_TRUE(first) << first.error().line();
  ASSERT_EQ(first->processes.size(), 1U);
  EXPECT_FALSE(first->processes[0].folios);
  EXPECT_FALSE(first->processes[0].minor_per_second);
  EXPECT_EQ(first->cost.waiting, 1U);
  while (collector.look(kSecond) == Sampler::Work::kLeft) {
  }
  const auto second = collector.read();
  ASSERT_TRUE(second) << second.error().line();
  const Process* self = find(*second, ::getpid());
  ASSERT_NE(self, nullptr);
  ASSERT_TRUE(self->folios) << self->no_folios;
  EXPECT_GT(self->folios->counts.anon.total(), PageCount());
  EXPECT_TRUE(self->minor_per_second);
  EXPECT_GT(second->now.at, second->before.at);
  EXPECT_EQ(second->cost.read, 1U);
  EXPECT_EQ(second->tier == Tier::kFrames, second->lost.empty());
}

// All processes, in order, without threads of the kernel.
TEST(TopCollector, WholeHost) {
  Collector collector({.pids = {}, .cgroup = "", .interval = kSecond, .budget = 0.05});
  const auto frame = collector.read();
  ASSERT_TRUE(frame) << frame.error().line();
  EXPECT_NE(find(*frame, ::getpid()), nullptr);
  EXPECT_TRUE(std::ranges::is_sorted(frame->processes, {}, [](const Process& p) { return p.stat.pid; }));
  EXPECT_TRUE(std::ranges::none_of(frame->processes, [](const Process& p) { return p.stat.of_kernel; }));
  EXPECT_GT(live::bytes_of(frame->memory, "MemTotal"), ByteCount());
}

// A folder that is no control group is told, not taken for an empty one.
TEST(TopCollector, NoControlGroup) {
  Collector collector({.pids = {}, .cgroup = "/nowhere", .interval = kSecond, .budget = 0.05});
  EXPECT_FALSE(collector.read());
}

}  // namespace
}  // namespace quire::top
