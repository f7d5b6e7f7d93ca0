#include "policy/fault_orders.h"

#include <gtest/gtest.h>

#include <array>
#include <string_view>
#include <vector>

namespace quire::policy {
namespace {

constexpr std::array kGlobals{GlobalEnabled::never, GlobalEnabled::madvise, GlobalEnabled::always};
constexpr std::array kSizes{SizeEnabled::always, SizeEnabled::inherit, SizeEnabled::madvise,
                            SizeEnabled::never};
constexpr std::array kProcesses{ProcessThp::kDefault, ProcessThp::kDisabled,
                                ProcessThp::kDisabledExceptAdvised};
constexpr std::array kCallers{Caller::smaps, Caller::pagefault, Caller::khugepaged, Caller::forced_collapse};

// The published table: may a mapping have a folio of a size? Rows are the
// words of the size's file; columns are the hint and, below it, the global
// word never / madvise / always.
//
//                                no hint  HUGEPAGE  NOHUGEPAGE
//                                n m a    n m a     n m a
constexpr std::array<std::string_view, 4> kTable{
    /* always  */ "  y y y    y y y     - - -",
    /* inherit */ "  - - y    - y y     - - -",
    /* madvise */ "  - - -    y y y     - - -",
    /* never   */ "  - - -    - - -     - - -",
};
constexpr std::array<std::array<std::size_t, 3>, 3> kColumn{{{2, 4, 6}, {11, 13, 15}, {21, 23, 25}}};

// The same for what a process said with prctl. Columns: no hint, HUGEPAGE,
// NOHUGEPAGE; first for a fault, then for a collapse that was asked for.
constexpr std::array<std::string_view, 3> kProcessTable{
    /* not called      */ "yyy yyy",
    /* disabled        */ "--- ---",
    /* except advised  */ "-y- yyy",
};

std::size_t hint_column(VmaHints h) { return h.nohugepage ? 2 : h.hugepage ? 1 : 0; }

// Reads the tables; shares nothing with the code under test.
bool table_says(std::size_t size, std::size_t global, std::size_t process, VmaHints h, Caller caller) {
  const std::size_t column = hint_column(h);
  const bool forced = caller == Caller::forced_collapse;
  if (kProcessTable[process][column + (forced ? 4 : 0)] != 'y') return false;
  if (h.temporary_stack) return false;
  if (h.no_khugepaged && caller != Caller::pagefault && caller != Caller::smaps) return false;
  if (forced) return column != 2;
  return kTable[size][kColumn[column][global]] == 'y';
}

// One assignment of words to the eight sizes, counted through in base 4.
Settings nth_sizes(unsigned n) {
  Settings s;
  for (unsigned order = 2; order <= kPmdOrder; ++order, n /= 4) s.at(Order(order)) = kSizes[n % 4];
  return s;
}

// The orders whose file says kSizes[word].
std::array<std::uint32_t, 4> orders_by_word(const Settings& s) {
  std::array<std::uint32_t, 4> bits{};
  for (unsigned order = 2; order <= kPmdOrder; ++order)
    for (std::size_t word = 0; word < 4; ++word)
      if (s.at(Order(order)) == kSizes[word]) bits[word] |= 1U << order;
  return bits;
}

VmaHints nth_hints(unsigned n) {
  return {.hugepage = (n & 1) != 0,
          .nohugepage = (n & 2) != 0,
          .temporary_stack = (n & 4) != 0,
          .no_khugepaged = (n & 8) != 0};
}

// All that is not a size's own word: 3 x 3 x 16 x 4 situations.
struct Situation {
  std::size_t global;
  std::size_t process;
  VmaHints hints;
  Caller caller;
  std::array<bool, 4> yes;  // by word of the size's file, from the tables
};

std::vector<Situation> all_situations() {
  std::vector<Situation> all;
  for (std::size_t global = 0; global < kGlobals.size(); ++global)
    for (std::size_t process = 0; process < kProcesses.size(); ++process)
      for (unsigned h = 0; h < 16; ++h)
        for (const Caller caller : kCallers) {
          Situation s{global, process, nth_hints(h), caller, {}};
          for (std::size_t word = 0; word < 4; ++word)
            s.yes[word] = table_says(word, global, process, s.hints, caller);
          all.push_back(s);
        }
  return all;
}

// Every word of every size, under every global word, hint, process mode and
// caller, agrees with the published tables.
TEST(AllowedAnonOrders, AgreesWithTheTableEverywhere) {
  const std::vector<Situation> situations = all_situations();
  ASSERT_EQ(situations.size(), 576U);
  for (unsigned n = 0; n < 65536; ++n) {
    Settings s = nth_sizes(n);
    const AnonOrderMasks masks = masks_of(s);
    const std::array<std::uint32_t, 4> by_word = orders_by_word(s);
    for (const Situation& at : situations) {
      s.enabled = kGlobals[at.global];
      std::uint32_t expected = 0;
      for (std::size_t word = 0; word < 4; ++word)
        if (at.yes[word]) expected |= by_word[word];
      const OrderSet got = allowed_anon_orders(s, masks, kProcesses[at.process], at.hints, at.caller);
      // Not a gtest comparison: it runs 38 million times.
      if (got.raw() != expected) {
        FAIL() << "sizes " << n << " global " << at.global << " process " << at.process << " caller "
               << static_cast<int>(at.caller) << ": " << got.raw() << " but the table says " << expected;
      }
    }
  }
}

// Of all 65536 assignments the three masks hold each order once or, when it
// says never, not at all; and only orders 2 to 9.
TEST(MasksOf, PartitionTheEnabledOrders) {
  for (unsigned n = 0; n < 65536; ++n) {
    const Settings s = nth_sizes(n);
    const AnonOrderMasks m = masks_of(s);
    const auto by_word = orders_by_word(s);
    ASSERT_EQ(m.always.raw(), by_word[0]) << n;
    ASSERT_EQ(m.inherit.raw(), by_word[1]) << n;
    ASSERT_EQ(m.madvise.raw(), by_word[2]) << n;
  }
}

// A word stored for order 0 or 1, which have no file, has no effect.
TEST(MasksOf, IgnoreOrdersWithoutAFile) {
  Settings s;
  s.at(Order(0)) = SizeEnabled::always;
  s.at(Order(1)) = SizeEnabled::always;
  EXPECT_EQ(masks_of(s), masks_of(Settings{}));
}

// What a kernel boots with gives 2 MiB to advised mappings and nothing else.
TEST(AllowedAnonOrders, BootDefaults) {
  const Settings s;
  const AnonOrderMasks m = masks_of(s);
  EXPECT_TRUE(allowed_anon_orders(s, m, ProcessThp::kDefault, {}, Caller::pagefault).empty());
  EXPECT_EQ(allowed_anon_orders(s, m, ProcessThp::kDefault, {.hugepage = true}, Caller::pagefault),
            OrderSet::of(kOrderPmd));
}

// A block fits below the end of a mapping when the last aligned block is
// wholly inside; then all smaller sizes stay, even if they were not tested.
TEST(OrdersBelowEnd, DropsOnlyWhatDoesNotFit) {
  const VirtAddr two_meg(kPmdSize);
  const OrderSet all = kAnonOrders;
  EXPECT_EQ(orders_below_end(all, {two_meg, two_meg + 2_MiB}), all);
  EXPECT_EQ(orders_below_end(all, {two_meg + 4_KiB, two_meg + 2_MiB}), all.without(kOrderPmd));
  EXPECT_EQ(orders_below_end(all, {two_meg, two_meg + 64_KiB}), all.below(Order(5)));
  EXPECT_TRUE(orders_below_end(all, {two_meg, two_meg + 12_KiB}).empty());
  EXPECT_TRUE(orders_below_end({}, {two_meg, two_meg + 2_MiB}).empty());
}

// A mapping whose end is unaligned is judged by the last whole block before
// the end, and one low in memory does not wrap round.
TEST(OrdersBelowEnd, UnalignedEndAndLowAddresses) {
  const VirtAddr two_meg(kPmdSize);
  EXPECT_TRUE(orders_below_end(kAnonOrders, {two_meg, two_meg + 2_MiB + 4_KiB}).contains(kOrderPmd));
  EXPECT_FALSE(orders_below_end(kAnonOrders, {VirtAddr(0), VirtAddr(0x100000)}).contains(kOrderPmd));
}

// khugepaged works when 2 MiB is on for somebody; smaller sizes do not
// start it.
TEST(PmdSizeEnabled, DependsOnTheLargestSizeOnly) {
  for (const GlobalEnabled global : kGlobals) {
    for (const SizeEnabled size : kSizes) {
      Settings s;
      s.enabled = global;
      s.at(kOrderPmd) = size;
      s.at(Order(4)) = SizeEnabled::always;
      const bool expected = size == SizeEnabled::always || size == SizeEnabled::madvise ||
                            (size == SizeEnabled::inherit && global != GlobalEnabled::never);
      EXPECT_EQ(pmd_size_enabled(s, masks_of(s)), expected);
    }
  }
}

// The defrag file, each word for an unadvised and an advised mapping.
TEST(ReclaimEffort, FollowsTheDefragFile) {
  struct Row {
    Defrag defrag;
    ReclaimEffort plain;
    ReclaimEffort advised;
  };
  constexpr std::array<Row, 5> kRows{{
      {Defrag::always, ReclaimEffort::kDirectNoRetry, ReclaimEffort::kDirect},
      {Defrag::defer, ReclaimEffort::kWakeKswapd, ReclaimEffort::kWakeKswapd},
      {Defrag::defer_madvise, ReclaimEffort::kWakeKswapd, ReclaimEffort::kDirect},
      {Defrag::madvise, ReclaimEffort::kNone, ReclaimEffort::kDirect},
      {Defrag::never, ReclaimEffort::kNone, ReclaimEffort::kNone},
  }};
  for (const Row& row : kRows) {
    EXPECT_EQ(reclaim_effort(row.defrag, {}), row.plain);
    EXPECT_EQ(reclaim_effort(row.defrag, {.hugepage = true}), row.advised);
  }
}

}  // namespace
}  // namespace quire::policy
