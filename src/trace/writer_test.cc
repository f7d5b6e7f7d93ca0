#include "trace/writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "trace/test_recording.h"

namespace quire::trace {
namespace {

using namespace testing;
namespace fs = std::filesystem;

void put_text(const std::string& path, const std::string& text) {
  put_bytes(path, std::as_bytes(std::span(text)));
}

// A file of somebody else's, whatever its length, is left as it was.
TEST(Writer, RefusesToOverwriteWhatIsNotARecording) {
  const TempDir dir;
  for (const std::string text : {"x", "a letter to my mother, quite long"}) {
    put_text(dir.file("letter"), text);
    const auto writer = Writer::create(dir.file("letter"), full_header());
    ASSERT_FALSE(writer.has_value());
    EXPECT_EQ(writer.error().kind, Diagnostic::Kind::kFailure);
    EXPECT_NE(writer.error().line().find("letter"), std::string::npos);
    EXPECT_EQ(bytes_of(dir.file("letter")).size(), text.size());
  }
}

// A link, a folder and a device are not written through.
TEST(Writer, RefusesWhatIsNotARegularFile) {
  const TempDir dir;
  write_recording(dir.file("real"), full_header(), {}, full_summary());
  const auto before = bytes_of(dir.file("real"));
  fs::create_symlink(dir.file("real"), dir.file("link"));
  fs::create_directory(dir.file("folder"));
  EXPECT_FALSE(Writer::create(dir.file("link"), full_header()).has_value());
  EXPECT_FALSE(Writer::create(dir.file("folder"), full_header()).has_value());
  EXPECT_FALSE(Writer::create("/dev/null", full_header()).has_value());
  EXPECT_EQ(bytes_of(dir.file("real")), before);
}

// An earlier recording moves to NAME.old, over an older one.
TEST(Writer, RotatesAnEarlierRecording) {
  const TempDir dir;
  const auto run = small_run();
  for (std::size_t events = 1; events <= 3; ++events) {
    write_recording(dir.file("r"), full_header(),
                    {run.begin(), run.begin() + static_cast<std::ptrdiff_t>(events)}, full_summary());
  }
  EXPECT_EQ(Reader::open(dir.file("r"))->summary()->events, 3U);
  EXPECT_EQ(Reader::open(dir.file("r.old"))->summary()->events, 2U);
}

// NAME.old is somebody else's: nothing is moved, nothing is made.
TEST(Writer, DoesNotRotateOverAnotherFile) {
  const TempDir dir;
  write_recording(dir.file("r"), full_header(), small_run(), full_summary());
  put_text(dir.file("r.old"), "not a recording");
  EXPECT_FALSE(Writer::create(dir.file("r"), full_header()).has_value());
  EXPECT_EQ(Reader::open(dir.file("r"))->summary()->events, small_run().size());
  EXPECT_EQ(bytes_of(dir.file("r.old")).size(), 15U);
}

// An empty file, as mktemp leaves it, is used.
TEST(Writer, TakesOverAnEmptyFile) {
  const TempDir dir;
  put_text(dir.file("r"), "");
  write_recording(dir.file("r"), full_header(), {}, full_summary());
  EXPECT_TRUE(Reader::open(dir.file("r")).has_value());
}

// Recordings hold what a user ran: nobody else may read them.
TEST(Writer, OnlyTheOwnerMayRead) {
  const TempDir dir;
  write_recording(dir.file("r"), full_header(), {}, full_summary());
  struct stat info{};
  ASSERT_EQ(::stat(dir.file("r").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

// A folder that is not there is one clear line that names the file.
TEST(Writer, SaysWhyItCannotMakeTheFile) {
  const auto writer = Writer::create("/nonexistent/r", full_header());
  ASSERT_FALSE(writer.has_value());
  EXPECT_EQ(writer.error().line().find("/nonexistent/r: cannot make the recording: No such file"), 0U)
      << writer.error().line();
}

// A folder without write permission is refused with what to look at.
TEST(Writer, SaysWhenPermissionIsMissing) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  const TempDir dir;
  fs::create_directory(dir.file("locked"));
  fs::permissions(dir.file("locked"), fs::perms::owner_read | fs::perms::owner_exec);
  const auto writer = Writer::create(dir.file("locked") + "/r", full_header());
  ASSERT_FALSE(writer.has_value());
  EXPECT_NE(writer.error().line().find("Permission denied"), std::string::npos);
  EXPECT_FALSE(writer.error().hint.empty());
}

// A full disk fails the call that met it and every later one; the file stays
// readable up to its last whole chunk.
TEST(Writer, AFullDiskLosesNothingThatWasWritten) {
  const TempDir dir;
  auto writer = Writer::create(dir.file("r"), full_header());
  ASSERT_TRUE(writer.has_value());
  ASSERT_TRUE(writer->append(small_run()[0]).has_value());
  ASSERT_TRUE(writer->flush_chunk().has_value());
  // The disk is played by the size limit of this process.
  struct rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto ignored = ::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small{bytes_of(dir.file("r")).size() + 10, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  ASSERT_TRUE(writer->append(small_run()[1]).has_value());
  const auto flushed = writer->flush_chunk();
  const auto later = writer->append(small_run()[2]);
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, ignored);
  ASSERT_FALSE(flushed.has_value());
  EXPECT_NE(flushed.error().line().find("File too large"), std::string::npos);
  EXPECT_FALSE(later.has_value());
  auto reader = Reader::open(dir.file("r"));
  ASSERT_TRUE(reader.has_value());
  const ReadBack back = read_all(*reader);
  EXPECT_EQ(back.events.size(), 1U);
  EXPECT_FALSE(back.diagnostic.has_value());
  EXPECT_TRUE(reader->truncated());
}

// A writer dropped without finish leaves all that was appended, and no summary.
TEST(Writer, DroppedWithoutFinishKeepsTheEvents) {
  const TempDir dir;
  write_recording(dir.file("r"), full_header(), small_run(), std::nullopt);
  auto reader = Reader::open(dir.file("r"));
  ASSERT_TRUE(reader.has_value());
  EXPECT_TRUE(reader->truncated());
  EXPECT_EQ(read_all(*reader).events, small_run());
  EXPECT_EQ(reader->notes(),
            std::vector<std::string>{"no summary: the recording was cut off after 1 chunks"});
}

// An event without meaning is refused and does not spoil the recording.
TEST(Writer, RefusesAnEventItCannotStore) {
  const TempDir dir;
  auto writer = Writer::create(dir.file("r"), full_header());
  ASSERT_TRUE(writer.has_value());
  EXPECT_FALSE(writer->append(Event{}).has_value());
  EXPECT_TRUE(writer->append(small_run()[0]).has_value());
  EXPECT_TRUE(writer->finish(full_summary()).has_value());
  EXPECT_FALSE(writer->append(small_run()[0]).has_value());
  EXPECT_EQ(Reader::open(dir.file("r"))->summary()->events, 1U);
}

// The gate is marked after the end; a second verdict replaces the first.
TEST(WriteGate, TheLastVerdictWins) {
  const TempDir dir;
  write_recording(dir.file("r"), full_header(), small_run(), full_summary());
  EXPECT_FALSE(Reader::open(dir.file("r"))->summary()->gate.has_value());
  ASSERT_TRUE(write_gate(dir.file("r"), full_gate()).has_value());
  EXPECT_EQ(Reader::open(dir.file("r"))->summary()->gate, full_gate());
  Gate second = full_gate();
  second.passed = true;
  second.failures.clear();
  ASSERT_TRUE(write_gate(dir.file("r"), second).has_value());
  auto reader = Reader::open(dir.file("r"));
  EXPECT_EQ(reader->summary()->gate, second);
  EXPECT_EQ(read_all(*reader).events, small_run());
}

// A gate chunk that was cut off by a kill is replaced by the next.
TEST(WriteGate, ReplacesOneThatWasCutOff) {
  const TempDir dir;
  write_recording(dir.file("r"), full_header(), small_run(), full_summary());
  ASSERT_TRUE(write_gate(dir.file("r"), full_gate()).has_value());
  fs::resize_file(dir.file("r"), fs::file_size(dir.file("r")) - 5);
  EXPECT_FALSE(Reader::open(dir.file("r"))->summary()->gate.has_value());
  EXPECT_EQ(Reader::open(dir.file("r"))->notes().size(), 1U);
  ASSERT_TRUE(write_gate(dir.file("r"), full_gate()).has_value());
  EXPECT_EQ(Reader::open(dir.file("r"))->summary()->gate, full_gate());
  EXPECT_TRUE(Reader::open(dir.file("r"))->notes().empty());
}

// What was not finished, and what is no recording, cannot be marked.
TEST(WriteGate, OnlyAFinishedRecordingCanBeMarked) {
  const TempDir dir;
  write_recording(dir.file("r"), full_header(), small_run(), std::nullopt);
  put_text(dir.file("letter"), "not a recording");
  EXPECT_FALSE(write_gate(dir.file("r"), full_gate()).has_value());
  EXPECT_FALSE(write_gate(dir.file("letter"), full_gate()).has_value());
  EXPECT_FALSE(write_gate(dir.file("absent"), full_gate()).has_value());
}

}  // namespace
}  // namespace quire::trace
