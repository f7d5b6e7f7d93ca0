#include "phys/host_memory.h"

#include <gtest/gtest.h>

#include <array>

#include "phys/memory.h"

namespace quire::phys {
namespace {

// What one gave back the next one of that size gets, others do not.
TEST(HostMemory, IsHandedOn) {
  HostMemory host;
  ReservedMemory first = host.take(8_MiB, HostPages::kSmall);
  const std::byte* const place = first.data();
  host.give_back(std::move(first));
  const ReservedMemory smaller = host.take(4_MiB, HostPages::kSmall);
  EXPECT_NE(smaller.data(), place);
  const ReservedMemory second = host.take(8_MiB, HostPages::kSmall);
  EXPECT_EQ(second.data(), place);
  EXPECT_NE(host.take(8_MiB, HostPages::kSmall).data(), place);
}

// A machine on used memory begins like any other: every frame free, and frames
// are given out in the same order.
TEST(HostMemory, MachinesBeginAnew) {
  const auto host = std::make_shared<HostMemory>();
  std::array<std::vector<Pfn>, 2> frames;
  for (auto& given : frames) {
    auto memory = PhysMemory::create({.ram = 16_MiB, .host = host});
    ASSERT_TRUE(memory);
    base::InvariantReport report;
    memory->check_invariants(report);
    EXPECT_TRUE(report.lines().empty());
    EXPECT_EQ(memory->free_pages(), memory->total());
    for (unsigned order : {9U, 0U, 4U, 0U}) given.push_back(memory->allocate(Order(order)).value());
    memory->free(given[2], Order(4));
  }
  EXPECT_EQ(frames[0], frames[1]);
}

}  // namespace
}  // namespace quire::phys
