// Random events, encoded and decoded, are the same events; random bytes never
// decode into anything that does not encode again.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "trace/accessed.h"
#include "trace/event_codec.h"
#include "trace/test_recording.h"

namespace quire::trace {
namespace {

// Mostly small or page-like, sometimes anything.
rc::Gen<std::uint64_t> value() {
  return rc::gen::oneOf(
      rc::gen::just(std::uint64_t{0}), rc::gen::inRange<std::uint64_t>(0, 300),
      rc::gen::map(rc::gen::inRange<std::uint64_t>(0, 1U << 20), [](std::uint64_t p) { return p << 12; }),
      rc::gen::arbitrary<std::uint64_t>());
}

rc::Gen<std::uint32_t> id() {
  return rc::gen::oneOf(rc::gen::inRange<std::uint32_t>(0, 5), rc::gen::arbitrary<std::uint32_t>());
}

// A sample with a few runs, some at the ends of memory.
Event any_sample() {
  std::vector<PageRun> runs;
  std::uint64_t at = *rc::gen::inRange<std::uint64_t>(0, kPagesEnd - 10'000);
  for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
    const auto pages = *rc::gen::inRange<std::uint64_t>(1, 1000);
    runs.push_back({at, pages, *rc::gen::arbitrary<bool>() ? Written::kYes : Written::kNo});
    at += pages + *rc::gen::inRange<std::uint64_t>(1, 500);
  }
  const SampleHead head{*id(), *id(), *value(), *value(), *value()};
  return accessed_events(head, runs).front();
}

rc::Gen<Event> any_event() {
  return rc::gen::exec([] {
    Event event;
    event.kind = static_cast<Kind>(*rc::gen::inRange(1, 11));
    if (event.kind == Kind::kAccessed) return any_sample();
    event.task = *id();
    event.mm = *id();
    event.time_us = *value();
    event.flags = *rc::gen::oneOf(rc::gen::just<std::uint8_t>(1), rc::gen::arbitrary<std::uint8_t>());
    event.addr = VirtAddr(*value());
    if (event.kind == Kind::kSyscall) {
      event.sys = static_cast<Sys>(*rc::gen::inRange(1, 19));
      event.phase = static_cast<Phase>(*rc::gen::inRange(0, 2));
    }
    if (event.kind != Kind::kTouch || *rc::gen::inRange(0, 8) == 0) {
      for (std::uint64_t& arg : event.args) arg = *value();
      event.result = static_cast<std::int64_t>(*value());
      event.file = *id();
      event.text = *rc::gen::arbitrary<std::string>();
    }
    return event;
  });
}

RC_GTEST_PROP(EventCodecProp, RandomEventsComeBack, ()) {
  const auto events = *rc::gen::container<std::vector<Event>>(any_event());
  ChunkEncoder encoder;
  for (const Event& event : events) {
    RC_ASSERT(unstorable(event) == nullptr);
    encoder.append(event);
  }
  const auto records = encoder.records();
  const auto payload = encoder.take();
  ChunkDecoder decoder;
  RC_ASSERT(decoder.start(payload, records));
  for (const Event& expected : events) {
    Event event = testing::small_run().front();  // its leftovers must not show
    RC_ASSERT(decoder.next(event) == ChunkDecoder::Outcome::kEvent);
    RC_ASSERT(event == expected);
  }
  Event event;
  RC_ASSERT(decoder.next(event) == ChunkDecoder::Outcome::kEnd);
}

RC_GTEST_PROP(EventCodecProp, RandomRecordingsComeBack, ()) {
  const auto events = *rc::gen::container<std::vector<Event>>(any_event());
  const auto per_chunk = *rc::gen::inRange<std::size_t>(1, 20);
  auto reader = Reader::from_bytes(testing::recording_bytes(events, testing::full_summary(), per_chunk));
  RC_ASSERT(reader.has_value());
  const auto back = testing::read_all(*reader);
  RC_ASSERT(!back.diagnostic.has_value());
  RC_ASSERT(back.events == events);
}

RC_GTEST_PROP(EventCodecProp, RandomBytesNeverGiveWhatCannotBeStored,
              (const std::vector<std::uint8_t>& noise)) {
  // Seven columns of equal length, then noise.
  std::vector<std::byte> payload(4 * kColumns);
  for (std::size_t i = 0; i < kColumns; ++i) {
    store_u32(&payload[4 * i], static_cast<std::uint32_t>(noise.size() / kColumns));
  }
  for (std::size_t i = 0; i < noise.size() / kColumns * kColumns; ++i) payload.push_back(std::byte{noise[i]});
  ChunkDecoder decoder;
  RC_ASSERT(decoder.start(payload, 1000));
  Event event;
  while (decoder.next(event) == ChunkDecoder::Outcome::kEvent) RC_ASSERT(unstorable(event) == nullptr);
}

}  // namespace
}  // namespace quire::trace
