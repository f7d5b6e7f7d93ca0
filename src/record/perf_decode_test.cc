#include "record/perf_decode.h"

#include <gtest/gtest.h>
#include <linux/perf_event.h>

#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <vector>

#include "trace/event.h"

namespace quire::record {
namespace {

using Role = PerfDecoder::Tracepoint::Role;
using trace::TouchBits;

// Lays out a record as the kernel does.
class Bytes {
 public:
  explicit Bytes(std::uint32_t type, std::uint16_t misc = 0) {
    add(perf_event_header{.type = type, .misc = misc, .size = 0});
  }
  template <typename T>
  Bytes& add(T value) {
    for (const std::byte b : std::bit_cast<std::array<std::byte, sizeof(T)>>(value)) all_.push_back(b);
    return *this;
  }
  Bytes& text(std::string_view s) {
    for (const char c : s) add(c);
    do add('\0');
    while (all_.size() % 8 != 0);
    return *this;
  }
  Bytes& trailer(std::uint64_t time) { return add(std::uint32_t{7}).add(std::uint32_t{8}).add(time); }
  [[nodiscard]] std::span<const std::byte> span() const { return all_; }

 private:
  std::vector<std::byte> all_;
};

Bytes sample(std::uint16_t tracepoint, std::initializer_list<std::uint64_t> words) {
  Bytes b(PERF_RECORD_SAMPLE);
  b.add(std::uint32_t{7}).add(std::uint32_t{8}).add(std::uint64_t{500});
  b.add(static_cast<std::uint32_t>(8 + 8 * words.size()));
  b.add(tracepoint).add(std::uint16_t{0}).add(std::uint32_t{8});
  for (const std::uint64_t word : words) b.add(word);
  return b.add(std::uint32_t{0});
}

PerfDecoder decoder() {
  PerfDecoder d(PerfDecoder::Samples::kRaw);
  d.add({Role::kFaultUser, {.id = 1, .fields = {{"address", {8, 8}}, {"error_code", {24, 8}}}}});
  d.add({Role::kFaultKernel, {.id = 2, .fields = {{"address", {8, 8}}, {"error_code", {24, 8}}}}});
  d.add({Role::kEnter, {.id = 3, .fields = {{"id", {8, 8}}, {"args", {16, 48}}}}});
  d.add({Role::kReturn, {.id = 4, .fields = {{"id", {8, 8}}, {"ret", {16, 8}}}}});
  return d;
}

// Direction, presence and mode of a fault come from the tracepoint and the
// processor's error code.
TEST(PerfDecoder, ReadsFaults) {
  auto d = decoder();
  const auto user = d.decode(sample(1, {0x7000, 0x400000, 7}).span());
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->type, PerfEvent::Type::kFault);
  EXPECT_EQ(user->address, 0x7000U);
  EXPECT_EQ(user->tid, 8U);
  EXPECT_EQ(user->time_ns, 500U);
  EXPECT_EQ(user->touch_flags, TouchBits::kPresent | TouchBits::kWrite);
  const auto kernel = d.decode(sample(2, {0x7000, 0, 2}).span());
  EXPECT_EQ(kernel->touch_flags, TouchBits::kWrite | TouchBits::kKernel);
  EXPECT_EQ(d.decode(sample(1, {0x7000, 0, 16}).span())->touch_flags, TouchBits::kExecute);
}

// Faults in the kernel's own half are no touches of the program.
TEST(PerfDecoder, LeavesOutTheKernelsHalf) {
  auto d = decoder();
  EXPECT_FALSE(d.decode(sample(2, {0xffffc90000000000, 0, 0}).span()).has_value());
}

// A call is entered with arguments and returns with a result.
TEST(PerfDecoder, ReadsCalls) {
  auto d = decoder();
  const auto enter = d.decode(sample(3, {9, 1, 2, 3, 4, 5, 6}).span());
  ASSERT_TRUE(enter.has_value());
  EXPECT_EQ(enter->number, 9U);
  EXPECT_EQ(enter->args, (std::array<std::uint64_t, 6>{1, 2, 3, 4, 5, 6}));
  const auto back = d.decode(sample(4, {9, static_cast<std::uint64_t>(-12)}).span());
  EXPECT_EQ(back->type, PerfEvent::Type::kReturn);
  EXPECT_EQ(back->result, -12);
}

// A mapping with its file, in bytes as the kernel tells them.
TEST(PerfDecoder, ReadsMappings) {
  auto d = decoder();
  Bytes b(PERF_RECORD_MMAP2);
  b.add(std::uint32_t{7}).add(std::uint32_t{8}).add(std::uint64_t{0x1000}).add(std::uint64_t{0x3000});
  b.add(std::uint64_t{0x2000}).add(std::uint32_t{8}).add(std::uint32_t{1}).add(std::uint64_t{42});
  b.add(std::uint64_t{0}).add(std::uint32_t{5}).add(std::uint32_t{2}).text("/lib/libc.so.6").trailer(900);
  const auto e = d.decode(b.span());
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->address, 0x1000U);
  EXPECT_EQ(e->end, 0x4000U);
  EXPECT_EQ(e->pgoff, 0x2000U);
  EXPECT_EQ(e->dev, (8U << 20) | 1);
  EXPECT_EQ(e->inode, 42U);
  EXPECT_EQ(e->prot, 5U);
  EXPECT_EQ(e->text, "/lib/libc.so.6");
  EXPECT_EQ(e->time_ns, 900U);
}

// A fork names parent and child, an exit its task; a changed name is an exec
// only when the kernel says so.
TEST(PerfDecoder, ReadsTheLivesOfTasks) {
  auto d = decoder();
  Bytes fork(PERF_RECORD_FORK);
  for (const std::uint32_t n : {20U, 10U, 21U, 11U}) fork.add(n);
  const auto child = d.decode(fork.add(std::uint64_t{1}).trailer(2).span());
  EXPECT_EQ(child->pid, 10U);
  EXPECT_EQ(child->tid, 11U);
  EXPECT_EQ(child->child_pid, 20U);
  EXPECT_EQ(child->child_tid, 21U);
  Bytes gone(PERF_RECORD_EXIT);
  for (const std::uint32_t n : {20U, 10U, 21U, 11U}) gone.add(n);
  EXPECT_EQ(d.decode(gone.add(std::uint64_t{1}).trailer(2).span())->tid, 21U);
  for (const std::uint16_t misc : {std::uint16_t{0}, std::uint16_t{PERF_RECORD_MISC_COMM_EXEC}}) {
    Bytes comm(PERF_RECORD_COMM, misc);
    comm.add(std::uint32_t{20}).add(std::uint32_t{20}).text("sh").trailer(3);
    const auto e = d.decode(comm.span());
    EXPECT_EQ(e.has_value(), misc != 0);
    if (e) {
      EXPECT_EQ(e->text, "sh");
    }
  }
}

// What the kernel could not write is counted.
TEST(PerfDecoder, CountsTheLost) {
  auto d = decoder();
  EXPECT_FALSE(
      d.decode(Bytes(PERF_RECORD_LOST).add(std::uint64_t{1}).add(std::uint64_t{40}).trailer(1).span()));
  EXPECT_EQ(d.lost(), 40U);
}

// Records cut short anywhere are nothing, not a read past their end.
TEST(PerfDecoder, SurvivesShortRecords) {
  auto d = decoder();
  const Bytes whole = sample(3, {9, 1, 2, 3, 4, 5, 6});
  for (std::size_t n = 0; n < 30; ++n) {
    const std::vector<std::byte> cut(whole.span().begin(),
                                     whole.span().begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_FALSE(d.decode(cut).has_value()) << n;
  }
}

// The unprivileged event knows where, but not which way.
TEST(PerfDecoder, ReadsAddressSamples) {
  PerfDecoder d(PerfDecoder::Samples::kAddress);
  Bytes b(PERF_RECORD_SAMPLE);
  b.add(std::uint32_t{7}).add(std::uint32_t{8}).add(std::uint64_t{500}).add(std::uint64_t{0x7123});
  const auto e = d.decode(b.span());
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->address, 0x7123U);
  EXPECT_EQ(e->touch_flags, TouchBits::kNoDirection);
}

}  // namespace
}  // namespace quire::record
