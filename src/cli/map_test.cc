// `quire map`, run as people run it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/testing_program.h"
#include "live/host.h"
#include "trace/test_recording.h"

namespace quire::cli {
namespace {

using Json = nlohmann::json;
using testing::Finished;
using ::testing::HasSubstr;
using testing::lines;
using ::testing::Not;
using ::testing::StartsWith;
using testing::User;

class MapVerb : public ::testing::Test {
 protected:
  [[nodiscard]] Finished quire(std::vector<std::string> words, User user = User::kSame) const {
    words.insert(words.begin(), "map");
    return testing::run_program(QUIRE_PROGRAM, words, user, folder_.file("."));
  }
  std::string complaint(const std::vector<std::string>& words, int status, User user = User::kSame) const {
    const Finished run = quire(words, user);
    EXPECT_EQ(run.status, status) << run.err;
    EXPECT_EQ(lines(run.err), 1) << run.err;
    EXPECT_THAT(run.err, StartsWith("quire: "));
    return run.err;
  }
  trace::testing::TempDir folder_;
};

// For what needs frame numbers.
class LiveMap : public MapVerb {
 protected:
  void SetUp() override {
    if (const auto c = live::probe_page_frames(); !c.available) GTEST_SKIP() << c.reason;
  }
  const std::string self_ = std::to_string(::getpid());
};

// Memory of this process with a name of our own, all of it touched.
class NamedMemory {
 public:
  explicit NamedMemory(const std::string& name, std::size_t pages)
      : size_(pages * kPageSize),
        at_(::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    const int fd = ::memfd_create(name.c_str(), 0);
    if (::ftruncate(fd, static_cast<off_t>(size_)) == 0)
      at_ = ::mmap(at_, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    ::close(fd);
    std::fill_n(static_cast<char*>(at_), size_, '\1');
  }
  NamedMemory(const NamedMemory&) = delete;
  NamedMemory& operator=(const NamedMemory&) = delete;
  ~NamedMemory() { ::munmap(at_, size_); }
  [[nodiscard]] std::uint64_t begin() const { return reinterpret_cast<std::uint64_t>(at_); }

 private:
  std::size_t size_;
  void* at_;
};

// What is wrong with the words is told before anything is looked at.
TEST_F(MapVerb, RefusesWhatItDoesNotUnderstand) {
  EXPECT_THAT(complaint({"self"}, 2), HasSubstr("\"self\" is no process number"));
  EXPECT_THAT(complaint({"--pid", "-1"}, 2), HasSubstr("no process number"));
  EXPECT_THAT(complaint({"1", "--cgroup", "/sys/fs/cgroup"}, 2), HasSubstr("at once"));
  EXPECT_THAT(complaint({"1", "--cont", "4K"}, 2), HasSubstr("8K to 2M"));
  EXPECT_THAT(complaint({"1", "--cont", "48K"}, 2), HasSubstr("power of two"));
  EXPECT_THAT(complaint({"1", "--periodic", "0"}, 2), HasSubstr("seconds"));
  EXPECT_THAT(complaint({"1", "--rolup"}, 2), HasSubstr("did you mean --rollup?"));
}

// Without the right to see frames: the reason and what would help.
TEST_F(MapVerb, WithoutPrivilege) {
  if (geteuid() != 0) GTEST_SKIP() << "must be root to become somebody else";
  EXPECT_THAT(complaint({std::to_string(::getpid())}, 4, User::kNobody), HasSubstr("root"));
}

// Help fits a screen and ends with three examples.
TEST_F(MapVerb, HelpFitsAScreen) {
  const Finished run = quire({"--help"});
  EXPECT_EQ(run.status, 0);
  EXPECT_LE(lines(run.out), 24) << run.out;
  EXPECT_EQ(lines(run.out.substr(run.out.find("Examples:\n"))), 4) << run.out;
}

// A process that is not there; a group that is none.
TEST_F(LiveMap, NamesWhatIsNotThere) {
  EXPECT_THAT(complaint({"2000000000"}, 1), HasSubstr("no such process"));
  EXPECT_THAT(complaint({"--cgroup", folder_.file(".")}, 1), HasSubstr("no control group"));
}

// One that was named and ends between two looks ends the verb; what was seen stays.
// Its shell kills it after the first answer.
TEST_F(LiveMap, PeriodicEndsWithTheProcess) {
  const std::string script =
      "sleep 600 & victim=$!; "
      "{ \"$0\" map --json --periodic 0.01 $victim; echo status $?; } | { read -r first; kill $victim; "
      "echo \"$first\"; cat; }";
  const Finished run =
      testing::run_program("/bin/sh", {"-c", script, QUIRE_PROGRAM}, User::kSame, folder_.file("."));
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("status 1\n"));
  EXPECT_THAT(run.err, ::testing::AnyOf(HasSubstr("no such process"), HasSubstr("ended")));
  const Json first = Json::parse(run.out.substr(0, run.out.find('\n')));
  EXPECT_GT(first["rollup"]["anon"]["total_bytes"], 0);
}

// The text has a line for the mapping, its name escaped, and one for each figure.
TEST_F(LiveMap, ShowsMappings) {
  const NamedMemory memory("evil\x1b[2J", 16);
  const Finished run = quire({self_, "--cont", "64K"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith("       PID "));
  EXPECT_THAT(run.out, Not(HasSubstr("\x1b")));
  const auto line = run.out.find("/memfd:evil\\x1b[2J");
  ASSERT_NE(line, std::string::npos) << run.out;
  EXPECT_THAT(run.out.substr(line), HasSubstr("file-total:                                 64 kB\n"));
}

// As JSON: the same figures as numbers, each page in one of them.
TEST_F(LiveMap, AsJson) {
  const NamedMemory memory("named", 32);
  const Finished run = quire({"--json", "--inc-smaps", "--cont", "64K", "--pid", self_});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json json = Json::parse(run.out);
  EXPECT_EQ(json["schema_version"], 1);
  ASSERT_EQ(json["processes"].size(), 1U);
  EXPECT_EQ(json["processes"][0]["pid"], ::getpid());
  const Json& mappings = json["processes"][0]["mappings"];
  const auto mine =
      std::ranges::find_if(mappings, [&](const Json& m) { return m["start"] == memory.begin(); });
  ASSERT_NE(mine, mappings.end());
  EXPECT_EQ((*mine)["file"]["total_bytes"], 32 * kPageSize);
  EXPECT_EQ((*mine)["anon"]["total_bytes"], 0);
  EXPECT_EQ((*mine)["smaps_bytes"]["Rss"], 32 * kPageSize);
  EXPECT_EQ((*mine)["file"]["cont_pte_bytes"].size(), 1U);
  EXPECT_EQ((*mine)["file"]["pte_aligned_bytes"].size(), kPmdOrder);
  std::uint64_t anon = 0;
  for (const Json& mapping : mappings) anon += mapping["anon"]["total_bytes"].get<std::uint64_t>();
  EXPECT_EQ(json["rollup"]["anon"]["total_bytes"], anon);
  EXPECT_GT(anon, 0U);
}

// A rollup has figures and no mapping; with --inc-empty also those that are 0.
TEST_F(LiveMap, Rollup) {
  const Finished some = quire({self_, "--rollup"});
  const Finished all = quire({self_, "--rollup", "--inc-empty"});
  EXPECT_EQ(some.status, 0) << some.err;
  EXPECT_THAT(some.out, StartsWith("anon-total: "));
  EXPECT_THAT(some.out, Not(HasSubstr("hugetlb")));
  EXPECT_THAT(all.out, HasSubstr("hugetlb:                                     0 kB\n"));
  EXPECT_GT(lines(all.out), lines(some.out));
  EXPECT_FALSE(Json::parse(quire({self_, "--rollup", "--json"}).out).contains("processes"));
}

// Every process there is, this one among them. Others come and go meanwhile.
TEST_F(LiveMap, WholeHost) {
  const Finished run = quire({"--json"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json json = Json::parse(run.out);
  EXPECT_TRUE(std::ranges::any_of(json["processes"], [](const Json& p) { return p["pid"] == ::getpid(); }));
}

}  // namespace
}  // namespace quire::cli
