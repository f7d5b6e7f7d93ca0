// A Perfetto trace, read back by two decoders that share nothing with the writer
// but the format: protoc, and one field by field here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <protozero/pbf_reader.hpp>
#include <regex>
#include <set>

#include "exports/testing_export.h"
#include "lab/replay.h"
#include "policy/parse.h"
#include "trace/describe.h"

namespace quire::exports {
namespace {

using protozero::pbf_reader;
using ::testing::HasSubstr;
using ::testing::Not;

std::string perfetto(trace::Reader reader, const lab::ReplayOptions& options,
                     const record::Scrubber& scrubber = {}) {
  return testing::exported([&](Output& out) {
    const auto done = recording_perfetto(reader, options, scrubber, out);
    EXPECT_TRUE(done) << done.error().line();
  });
}

std::string perfetto(trace::Reader reader, const char* policy = "4K", const record::Scrubber& scrubber = {}) {
  return perfetto(std::move(reader), {.settings = *policy::parse_policy(policy)}, scrubber);
}

// What protoc makes of it with our description.
std::string decoded(const std::string& bytes) {
  const trace::testing::TempDir folder;
  std::ofstream(folder.file("in"), std::ios::binary) << bytes;
  const std::string command =
      fmt::format("{} --decode=quire.perfetto.Trace -I {}/src/exports perfetto_trace.proto < {} > {} 2>&1",
                  QUIRE_PROTOC, QUIRE_SOURCE_DIR, folder.file("in"), folder.file("out"));
  EXPECT_EQ(std::system(command.c_str()), 0) << testing::text_of(folder.file("out"));
  return testing::text_of(folder.file("out"));
}

std::size_t count(const std::string& text, const std::string& what) {
  const std::regex pattern(what);
  return static_cast<std::size_t>(std::distance(std::sregex_iterator(text.begin(), text.end(), pattern), {}));
}

struct TrackState {
  bool counter = false;
  std::uint64_t parent = 0;
  std::uint64_t last_ns = 0;
  std::int64_t depth = 0;
  std::int64_t most = 0;  // of a counter's values
};

// Reads a trace and checks what Perfetto asks of one, packet by packet.
struct Checked {
  std::map<std::uint64_t, TrackState> tracks;
  std::map<std::uint64_t, std::string> names;  // interned, of events
  std::set<std::uint64_t> categories, annotations;
  std::map<std::string, std::uint64_t> begun;  // slices and instants by name
  std::set<std::int64_t> processes, threads;
  std::uint64_t packets = 0;
  bool has_clock = false;

  explicit Checked(const std::string& bytes) {
    pbf_reader trace(bytes);
    while (trace.next(1)) packet(trace.get_message());
    for (const auto& [uuid, track] : tracks) EXPECT_EQ(track.depth, 0) << "open slices on track " << uuid;
  }

  void packet(pbf_reader packet) {
    std::optional<std::uint64_t> time;
    std::uint32_t sequence = 0, flags = 0;
    std::vector<pbf_reader> events;
    bool describes = false;
    while (packet.next()) {
      switch (packet.tag()) {
        case 8:
          time = packet.get_uint64();
          break;
        case 10:
          sequence = packet.get_uint32();
          break;
        case 11:
          events.push_back(packet.get_message());
          break;
        case 12:
          intern(packet.get_message());
          break;
        case 13:
          flags = packet.get_uint32();
          break;
        case 59:
          has_clock = has_clock_id(packet.get_message());
          break;
        case 60:
          describe(packet.get_message());
          describes = true;
          break;
        default:
          ADD_FAILURE() << "field " << packet.tag();
          packet.skip();
      }
    }
    EXPECT_NE(sequence, 0U);
    // The first packet clears the state that all events with interned names need.
    EXPECT_EQ(flags, packets == 0 ? 1U : describes ? 0U : 2U);
    ++packets;
    for (const pbf_reader& each : events) {
      EXPECT_TRUE(has_clock);
      ASSERT_TRUE(time.has_value());
      event(each, *time);
    }
  }

  static bool has_clock_id(pbf_reader defaults) { return defaults.next(58) && defaults.get_uint32() == 6; }

  void intern(pbf_reader data) {
    while (data.next()) {
      const auto table = data.tag();
      pbf_reader entry = data.get_message();
      std::uint64_t iid = 0;
      std::string name;
      while (entry.next()) {
        if (entry.tag() == 1)
          iid = entry.get_uint64();
        else
          name = entry.get_string();
      }
      EXPECT_NE(iid, 0U);
      const bool fresh = table == 1   ? categories.insert(iid).second
                         : table == 2 ? names.emplace(iid, name).second
                                      : annotations.insert(iid).second;
      EXPECT_TRUE(fresh) << "interned twice: " << name;
    }
  }

  void describe(pbf_reader descriptor) {
    std::uint64_t uuid = 0;
    TrackState track;
    std::int64_t pid = 0, tid = 0;
    while (descriptor.next()) {
      switch (descriptor.tag()) {
        case 1:
          uuid = descriptor.get_uint64();
          break;
        case 5:
          track.parent = descriptor.get_uint64();
          break;
        case 8:
          track.counter = true;
          descriptor.skip();
          break;
        case 3: {
          pbf_reader process = descriptor.get_message();
          if (process.next(1)) pid = process.get_int32();
          break;
        }
        case 4: {
          pbf_reader thread = descriptor.get_message();
          while (thread.next()) {
            if (thread.tag() == 2)
              tid = thread.get_int32();
            else
              thread.skip();
          }
          break;
        }
        default:
          descriptor.skip();
      }
    }
    EXPECT_NE(uuid, 0U);
    EXPECT_TRUE(tracks.emplace(uuid, track).second) << "described twice";
    EXPECT_TRUE(track.parent == 0 || tracks.contains(track.parent)) << "parent is not described";
    EXPECT_TRUE(pid == 0 || processes.insert(pid).second);
    EXPECT_TRUE(tid == 0 || threads.insert(tid).second);
  }

  void event(pbf_reader event, std::uint64_t time_ns) {
    std::uint64_t uuid = 0, name = 0;
    std::int32_t type = 0;
    std::int64_t value = 0;
    while (event.next()) {
      switch (event.tag()) {
        case 3:
          EXPECT_TRUE(categories.contains(event.get_uint64()));
          break;
        case 4: {
          pbf_reader fact = event.get_message();
          EXPECT_TRUE(fact.next(1) && annotations.contains(fact.get_uint64()));
          break;
        }
        case 9:
          type = event.get_int32();
          break;
        case 10:
          name = event.get_uint64();
          break;
        case 11:
          uuid = event.get_uint64();
          break;
        case 30:
          value = event.get_int64();
          break;
        default:
          ADD_FAILURE() << "field " << event.tag();
          event.skip();
      }
    }
    ASSERT_TRUE(tracks.contains(uuid)) << "an event before its track";
    TrackState& track = tracks[uuid];
    EXPECT_EQ(track.counter, type == 4);
    EXPECT_GE(time_ns, track.last_ns);
    track.last_ns = time_ns;
    if (type == 1) ++track.depth;
    if (type == 2) --track.depth;
    EXPECT_GE(track.depth, 0) << "an end without a beginning";
    if (type == 4) track.most = std::max(track.most, value);
    if (type == 1 || type == 3) {
      EXPECT_TRUE(names.contains(name));
      ++begun[names[name]];
    }
  }
};

// A program with 300 children: one process and one thread for each task, a slice
// for each counted touch, all that Perfetto asks for.
TEST(Perfetto, ShowsEveryTaskAndFault) {
  trace::Reader reader = testing::shipped("shell-children");
  const auto stats = trace::describe(reader);
  ASSERT_TRUE(stats);
  const Checked trace(perfetto(testing::shipped("shell-children")));
  EXPECT_EQ(trace.threads.size(), stats->tasks.size());
  EXPECT_EQ(trace.processes.size(), stats->tasks.size());  // no threads among them
  const auto begun = [&](const char* name) { return trace.begun.contains(name) ? trace.begun.at(name) : 0; };
  EXPECT_EQ(begun("read fault") + begun("write fault") + begun("execute fault"),
            stats->touches.total() - stats->touches.uncounted);
  EXPECT_EQ(begun("new process"), stats->by_kind.at(trace::Kind::kFork));
  EXPECT_EQ(begun("mmap"), stats->by_syscall.at(trace::Sys::kMmap));
  EXPECT_EQ(begun("munmap"), stats->by_syscall.at(trace::Sys::kMunmap));
}

// Under a policy with large folios there are fewer faults, and memory in such folios.
TEST(Perfetto, ShowsThePolicysMemory) {
  const Checked small(perfetto(testing::shipped("python-dict"), "4K"));
  const Checked large(perfetto(testing::shipped("python-dict"), "64K"));
  EXPECT_LT(large.begun.at("write fault"), small.begun.at("write fault") / 2);
  constexpr std::uint64_t k64K = 1 + 4;  // the track of order 4
  EXPECT_EQ(small.tracks.at(k64K).most, 0);
  EXPECT_GT(large.tracks.at(k64K).most, 10 << 20);
}

// The machine is the one that was asked for: where most of the allocations fail there is little in
// large folios.
TEST(Perfetto, IsOnTheMachineAskedFor) {
  const auto machine = lab::parse_machine("ram=64G fragmentation=0.9", "test");
  ASSERT_TRUE(machine);
  const Checked pieces(perfetto(testing::shipped("python-dict"),
                                {.settings = *policy::parse_policy("64K"), .machine = *machine}));
  const Checked whole(perfetto(testing::shipped("python-dict"), "64K"));
  constexpr std::uint64_t k64K = 1 + 4;
  EXPECT_LT(pieces.tracks.at(k64K).most * 5, whole.tracks.at(k64K).most);
}

// The decoder of the format's own makers knows every field.
TEST(Perfetto, IsUnderstoodByProtoc) {
  const std::string bytes = perfetto(testing::reader_of(trace::testing::small_run()));
  const std::string text = decoded(bytes);
  EXPECT_EQ(count(text, "(^|\n)packet \\{"), Checked(bytes).packets);
  EXPECT_EQ(count(text, "\n *[0-9]+: "), 0U) << text;  // fields it has no name for
  EXPECT_THAT(text, HasSubstr("timestamp_clock_id: 6"));
  EXPECT_THAT(text, HasSubstr("process_name: \"sh\""));
  EXPECT_THAT(text, HasSubstr("name: \"resident in folios of 64kB\""));
  EXPECT_THAT(text, HasSubstr("name: \"write fault\""));
  EXPECT_EQ(count(text, "type: 1\n"), count(text, "type: 2\n"));
}

// A recording that was cut off leaves tasks and a mremap open: they are ended.
TEST(Perfetto, EndsWhatIsOpen) {
  auto events = trace::testing::small_run();
  events.resize(13);
  events.push_back(trace::testing::syscall(trace::Sys::kMremap, 1, 2, {0x7f0000000000, 4096, 8192, 1, 0}, 0,
                                           trace::Phase::kEnter));
  const Checked trace(perfetto(testing::reader_of(events)));
  EXPECT_EQ(trace.begun.at("mremap"), 1U);
}

// Names do not leave the house.
TEST(Perfetto, PublicHasNoNames) {
  const record::Scrubber scrubber(5);
  const std::string bytes = perfetto(testing::shipped("python-dict"), "4K", scrubber);
  EXPECT_THAT(bytes, Not(HasSubstr("python")));
  EXPECT_THAT(bytes, HasSubstr(scrubber.file_name("python3")));
}

}  // namespace
}  // namespace quire::exports
