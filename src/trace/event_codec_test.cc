#include "trace/event_codec.h"

#include <gtest/gtest.h>

#include <limits>

#include "trace/test_recording.h"

namespace quire::trace {
namespace {

using namespace testing;
using Outcome = ChunkDecoder::Outcome;

std::vector<std::byte> encode(const std::vector<Event>& events) {
  ChunkEncoder encoder;
  for (const Event& event : events) encoder.append(event);
  return encoder.take();
}

std::vector<Event> decode(Bytes payload, std::size_t records) {
  ChunkDecoder decoder;
  EXPECT_TRUE(decoder.start(payload, static_cast<std::uint32_t>(records)));
  std::vector<Event> events;
  Event event;
  Outcome outcome = decoder.next(event);
  for (; outcome == Outcome::kEvent; outcome = decoder.next(event)) events.push_back(event);
  EXPECT_EQ(outcome, Outcome::kEnd);
  return events;
}

Event extreme(Kind kind, Sys sys, Phase phase) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  Event event;
  event.kind = kind;
  event.sys = sys;
  event.phase = phase;
  event.flags = 0xff;
  event.task = event.mm = event.file = 0xffffffff;
  event.time_us = kMax;
  event.addr = VirtAddr(kMax);
  event.args.fill(kMax);
  event.result = std::numeric_limits<std::int64_t>::min();
  event.text = std::string(kMaxText, '\0');
  return event;
}

// Every kind, every system call and both phases, with the largest value in
// each member, come back as they were; so do their opposites in between.
TEST(EventCodec, ExtremeValuesOfEveryKindComeBack) {
  std::vector<Event> events;
  const auto add = [&](Kind kind, Sys sys, Phase phase) {
    events.push_back(extreme(kind, sys, phase));
    Event blank;
    blank.kind = kind;
    blank.sys = sys;
    blank.phase = phase;
    events.push_back(blank);
  };
  for (unsigned kind = 1; kind <= 9; ++kind) {
    if (static_cast<Kind>(kind) != Kind::kSyscall) add(static_cast<Kind>(kind), Sys{}, Phase::kExit);
  }
  for (unsigned sys = 1; sys <= 18; ++sys) {
    add(Kind::kSyscall, static_cast<Sys>(sys), Phase::kExit);
    add(Kind::kSyscall, static_cast<Sys>(sys), Phase::kEnter);
  }
  EXPECT_EQ(decode(encode(events), events.size()), events);
}

// A touch has no other form for any combination of its circumstances, not
// even those no kernel produces.
TEST(EventCodec, EveryCircumstanceOfATouchComesBack) {
  std::vector<Event> events;
  for (unsigned flags = 0; flags < 256; ++flags) {
    events.push_back(touch(1, 1, 0x1000 * flags + flags, flags, static_cast<std::uint8_t>(flags)));
  }
  EXPECT_EQ(decode(encode(events), events.size()), events);
}

// Time that runs backwards by a little, as between two cpus, is kept.
TEST(EventCodec, TimeMayRunBackwards) {
  const std::vector<Event> events{touch(1, 1, 0x1000, 100), touch(2, 1, 0x2000, 99),
                                  touch(1, 1, 0x3000, 101)};
  EXPECT_EQ(decode(encode(events), events.size()), events);
}

// Two tasks in two address spaces that take turns are told apart, and each
// address space goes on from its own last page.
TEST(EventCodec, TasksAndAddressSpacesInterleave) {
  std::vector<Event> events;
  for (std::uint64_t i = 0; i < 100; ++i) {
    events.push_back(touch(1, 1, 0x100000 + (i << 12), i));
    events.push_back(touch(70'000, 2, 0x7f0000000000 + (i << 12), i));
    events.push_back(touch(4'000'000'000, 3'000'000'000, i << 12, i));
  }
  EXPECT_EQ(decode(encode(events), events.size()), events);
}

// The commonest run, one task writing page after page, takes two bytes a
// touch before compression and a near page in its middle no more than four.
TEST(EventCodec, CommonTouchesAreSmall) {
  ChunkEncoder encoder;
  encoder.append(touch(1, 1, 0x7f0000000000, 0));
  std::size_t before = encoder.size();
  encoder.append(touch(1, 1, 0x7f0000001000, 3));
  EXPECT_LE(encoder.size() - before, 2U);
  before = encoder.size();
  encoder.append(touch(1, 1, 0x7f0000010040, 5));
  EXPECT_LE(encoder.size() - before, 4U);
}

// The encoder forgets everything between chunks: the same events give the
// same bytes, whatever came before.
TEST(EventCodec, EachChunkStandsAlone) {
  ChunkEncoder encoder;
  for (const Event& event : small_run()) encoder.append(event);
  const auto first = encoder.take();
  EXPECT_EQ(encoder.records(), 0U);
  for (const Event& event : small_run()) encoder.append(event);
  EXPECT_EQ(encoder.take(), first);
}

// One decoder goes from chunk to chunk without carrying anything over.
TEST(EventCodec, DecoderForgetsBetweenChunks) {
  const auto events = small_run();
  const auto payload = encode(events);
  ChunkDecoder decoder;
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(decoder.start(payload, static_cast<std::uint32_t>(events.size())));
    for (const Event& expected : events) {
      Event event;
      ASSERT_EQ(decoder.next(event), Outcome::kEvent);
      EXPECT_EQ(event, expected);
    }
  }
}

// A count of records that is not the one encoded is damage, in either
// direction, and so is a payload too short for its column table.
TEST(EventCodec, WrongCountsAreDamage) {
  const auto events = small_run();
  const auto payload = encode(events);
  for (const std::size_t claimed : {events.size() - 1, events.size() + 1}) {
    ChunkDecoder decoder;
    ASSERT_TRUE(decoder.start(payload, static_cast<std::uint32_t>(claimed)));
    Event event;
    Outcome outcome = Outcome::kEvent;
    while (outcome == Outcome::kEvent) outcome = decoder.next(event);
    EXPECT_EQ(outcome, Outcome::kDamaged) << claimed;
  }
  ChunkDecoder decoder;
  EXPECT_FALSE(decoder.start(Bytes(payload).first(27), 1));
  EXPECT_FALSE(decoder.start(Bytes(payload).first(payload.size() - 1), 1));
}

// What has no meaning is refused before it reaches a file.
TEST(EventCodec, SaysWhatCannotBeStored) {
  EXPECT_EQ(unstorable(touch(1, 1, 0, 0)), nullptr);
  EXPECT_NE(unstorable(Event{}), nullptr);
  EXPECT_NE(unstorable(syscall(Sys{}, 1, 1, {}, 0)), nullptr);
  EXPECT_NE(unstorable(syscall(static_cast<Sys>(19), 1, 1, {}, 0)), nullptr);
  Event odd = touch(1, 1, 0, 0);
  odd.sys = Sys::kBrk;
  EXPECT_NE(unstorable(odd), nullptr);
  EXPECT_NE(unstorable(named(touch(1, 1, 0, 0), 0, std::string(kMaxText + 1, 'x'))), nullptr);
}

}  // namespace
}  // namespace quire::trace
