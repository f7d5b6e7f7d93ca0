#include "exports/perfetto_trace.h"

#include <protozero/pbf_writer.hpp>

namespace quire::exports {
namespace {

using protozero::pbf_writer;

constexpr std::uint32_t kSequence = 1;
constexpr std::uint32_t kBootTime = 6;  // the clock of traces; any other would need a snapshot
constexpr std::uint32_t kStateCleared = 1;
constexpr std::uint32_t kNeedsState = 2;

// Field numbers; see perfetto_trace.proto.
namespace packet {
constexpr protozero::pbf_tag_type kTimestamp = 8, kSequenceId = 10, kTrackEvent = 11, kInternedData = 12,
                                  kSequenceFlags = 13, kDefaults = 59, kTrackDescriptor = 60;
}
namespace descriptor {
constexpr protozero::pbf_tag_type kUuid = 1, kName = 2, kProcess = 3, kThread = 4, kParent = 5, kCounter = 8;
}
namespace event {
constexpr protozero::pbf_tag_type kCategory = 3, kAnnotation = 4, kType = 9, kName = 10, kTrack = 11,
                                  kCounter = 30;
}
namespace annotation {
constexpr protozero::pbf_tag_type kName = 1, kNumber = 3, kPointer = 7;
}
namespace interned {
constexpr protozero::pbf_tag_type kCategories = 1, kNames = 2, kAnnotations = 3, kIid = 1, kText = 2;
}
constexpr protozero::pbf_tag_type kTracePacket = 1;
constexpr protozero::pbf_tag_type kDefaultClock = 58;

void intern(pbf_writer& data, protozero::pbf_tag_type where, std::uint64_t number, std::string_view name) {
  pbf_writer entry(data, where);
  entry.add_uint64(interned::kIid, number);
  entry.add_string(interned::kText, name.data(), name.size());
}

void add_text(pbf_writer& to, protozero::pbf_tag_type where, std::string_view text) {
  to.add_string(where, text.data(), text.size());
}

}  // namespace

std::pair<std::uint64_t, bool> PerfettoTrace::Interned::number(std::string_view name) {
  if (const auto found = numbers_.find(name); found != numbers_.end()) return {found->second, false};
  const std::uint64_t next = numbers_.size() + 1;  // 0 means none
  numbers_.emplace(name, next);
  return {next, true};
}

PerfettoTrace::PerfettoTrace(Output& out) : out_(out) {
  std::string bytes;
  pbf_writer writer(bytes);
  writer.add_uint32(packet::kSequenceId, kSequence);
  writer.add_uint32(packet::kSequenceFlags, kStateCleared);
  {
    pbf_writer defaults(writer, packet::kDefaults);
    defaults.add_uint32(kDefaultClock, kBootTime);
  }
  put_packet(bytes);
}

void PerfettoTrace::put_packet(const std::string& bytes) {
  std::string framed;
  pbf_writer trace(framed);
  trace.add_message(kTracePacket, bytes);
  out_.write(framed);
}

void PerfettoTrace::describe_process(Track track, std::int32_t pid, std::string_view name) {
  std::string bytes;
  pbf_writer writer(bytes);
  writer.add_uint32(packet::kSequenceId, kSequence);
  {
    pbf_writer described(writer, packet::kTrackDescriptor);
    described.add_uint64(descriptor::kUuid, track);
    pbf_writer process(described, descriptor::kProcess);
    process.add_int32(1, pid);
    add_text(process, 6, name);
  }
  put_packet(bytes);
}

void PerfettoTrace::describe_thread(Track track, Track process, std::int32_t pid, std::int32_t tid,
                                    std::string_view name) {
  std::string bytes;
  pbf_writer writer(bytes);
  writer.add_uint32(packet::kSequenceId, kSequence);
  {
    pbf_writer described(writer, packet::kTrackDescriptor);
    described.add_uint64(descriptor::kUuid, track);
    described.add_uint64(descriptor::kParent, process);
    pbf_writer thread(described, descriptor::kThread);
    thread.add_int32(1, pid);
    thread.add_int32(2, tid);
    add_text(thread, 5, name);
  }
  put_packet(bytes);
}

void PerfettoTrace::describe_counter(Track track, std::string_view name, CounterUnit unit) {
  std::string bytes;
  pbf_writer writer(bytes);
  writer.add_uint32(packet::kSequenceId, kSequence);
  {
    pbf_writer described(writer, packet::kTrackDescriptor);
    described.add_uint64(descriptor::kUuid, track);
    add_text(described, descriptor::kName, name);
    pbf_writer counter(described, descriptor::kCounter);
    counter.add_int32(3, static_cast<std::int32_t>(unit));
  }
  put_packet(bytes);
}

void PerfettoTrace::put_event(EventType type, Track track, std::uint64_t time_ns, std::string_view category,
                              std::string_view name, Annotations annotations) {
  std::string fresh;
  pbf_writer data(fresh);
  std::string bytes;
  pbf_writer writer(bytes);
  writer.add_uint64(packet::kTimestamp, time_ns);
  writer.add_uint32(packet::kSequenceId, kSequence);
  writer.add_uint32(packet::kSequenceFlags, kNeedsState);
  {
    const auto number = [&data](Interned& table, protozero::pbf_tag_type where, std::string_view text) {
      const auto [iid, is_new] = table.number(text);
      if (is_new) intern(data, where, iid, text);
      return iid;
    };
    pbf_writer happened(writer, packet::kTrackEvent);
    if (!category.empty())
      happened.add_uint64(event::kCategory, number(categories_, interned::kCategories, category));
    for (const Annotation& fact : annotations) {
      pbf_writer told(happened, event::kAnnotation);
      told.add_uint64(annotation::kName, number(annotations_, interned::kAnnotations, fact.name));
      told.add_uint64(fact.type == Annotation::Type::kAddress ? annotation::kPointer : annotation::kNumber,
                      fact.value);
    }
    happened.add_int32(event::kType, static_cast<std::int32_t>(type));
    if (!name.empty()) happened.add_uint64(event::kName, number(names_, interned::kNames, name));
    happened.add_uint64(event::kTrack, track);
  }
  if (!fresh.empty()) writer.add_message(packet::kInternedData, fresh);
  put_packet(bytes);
}

void PerfettoTrace::begin(Track track, std::uint64_t time_ns, std::string_view category,
                          std::string_view name, Annotations annotations) {
  put_event(EventType::kBegin, track, time_ns, category, name, annotations);
}

void PerfettoTrace::end(Track track, std::uint64_t time_ns) {
  put_event(EventType::kEnd, track, time_ns, {}, {}, {});
}

void PerfettoTrace::instant(Track track, std::uint64_t time_ns, std::string_view category,
                            std::string_view name, Annotations annotations) {
  put_event(EventType::kInstant, track, time_ns, category, name, annotations);
}

void PerfettoTrace::count(Track track, std::uint64_t time_ns, std::uint64_t value) {
  std::string bytes;
  pbf_writer writer(bytes);
  writer.add_uint64(packet::kTimestamp, time_ns);
  writer.add_uint32(packet::kSequenceId, kSequence);
  writer.add_uint32(packet::kSequenceFlags, kNeedsState);
  {
    pbf_writer happened(writer, packet::kTrackEvent);
    happened.add_int32(event::kType, static_cast<std::int32_t>(EventType::kCounter));
    happened.add_uint64(event::kTrack, track);
    happened.add_int64(event::kCounter, static_cast<std::int64_t>(value));
  }
  put_packet(bytes);
}

}  // namespace quire::exports
