// The built program, run as people run it: what it prints, and how it ends.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>

#include "cli/testing_program.h"
#include "cli/verbs.h"
#include "live/host.h"
#include "live/settings_guard.h"
#include "policy/attributes.h"
#include "policy/parse.h"
#include "trace/test_recording.h"

namespace quire::cli {
namespace {

using testing::Finished;
using ::testing::HasSubstr;
using testing::lines;
using ::testing::Not;
using ::testing::StartsWith;
using testing::User;
using trace::testing::bytes_of;
using trace::testing::put_bytes;

class Program : public ::testing::Test {
 protected:
  [[nodiscard]] Finished quire(const std::vector<std::string>& words, User user = User::kSame) const {
    return testing::run_program(QUIRE_PROGRAM, words, user, folder_.file("."));
  }
  [[nodiscard]] std::string file(const std::string& name = "r.quire") const { return folder_.file(name); }

  // A finished recording made to order, with a gate that passed.
  std::string recording() const {
    write(trace::testing::full_summary());
    EXPECT_TRUE(trace::write_gate(file(), {.passed = true,
                                           .recorded_faults = 9,
                                           .modelled_populate = 0,
                                           .kernel_faults = 9,
                                           .replayed_faults = 9,
                                           .failures = {}}));
    return file();
  }
  void write(const std::optional<trace::Summary>& summary, std::size_t per_chunk = 4) const {
    trace::testing::write_recording(file(), trace::testing::full_header(), trace::testing::small_run(),
                                    summary, per_chunk);
  }
  // Runs it and expects one line of complaint and nothing else.
  std::string complaint(const std::vector<std::string>& words, int status, User user = User::kSame) const {
    const Finished run = quire(words, user);
    EXPECT_EQ(run.status, status) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(lines(run.err), 1) << run.err;
    EXPECT_THAT(run.err, StartsWith("quire: "));
    return run.err;
  }

 private:
  trace::testing::TempDir folder_;
};

using Json = nlohmann::json;

std::string all_verbs() {
  std::string list;
  for (const Verb& verb : verbs()) list += (list.empty() ? "" : ", ") + std::string(verb.name);
  return list;
}

// All of them, groups of verbs too: {"litmus"}, {"litmus", "run"}.
std::vector<std::vector<std::string>> words_of_all_verbs(const Group& group) {
  std::vector<std::vector<std::string>> all;
  for (const Verb& verb : group.verbs) {
    all.push_back({std::string(verb.name)});
    if (verb.parts == nullptr) continue;
    for (std::vector<std::string> part : words_of_all_verbs(*verb.parts)) {
      part.insert(part.begin(), std::string(verb.name));
      all.push_back(part);
    }
  }
  return all;
}

// No verb is a mistake; what there is stands on stderr.
TEST_F(Program, WithoutVerbShowsTheVerbs) {
  const Finished run = quire({});
  EXPECT_EQ(run.status, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("replay"));
}

// A slip of the finger gets the likely verb.
TEST_F(Program, SuggestsTheNearestVerb) {
  EXPECT_THAT(complaint({"reply"}, 2), HasSubstr("did you mean replay?"));
  EXPECT_THAT(complaint({"xyzzyx"}, 2), HasSubstr("there are " + all_verbs()));
}

// Help is an answer: on stdout, with status 0, on one screen, with three
// examples at its end.
TEST_F(Program, HelpFitsAScreenAndEndsWithThreeExamples) {
  for (std::vector<std::string> verb : words_of_all_verbs(program())) {
    verb.emplace_back("--help");
    const Finished run = quire(verb);
    EXPECT_EQ(run.status, 0) << run.out;
    EXPECT_EQ(run.err, "") << run.out;
    EXPECT_LE(lines(run.out), 24) << run.out;
    const auto examples = run.out.find("Examples:\n");
    ASSERT_NE(examples, std::string::npos) << run.out;
    EXPECT_EQ(lines(run.out.substr(examples)), 4) << run.out;
    for (std::istringstream text(run.out); text.good();) {
      std::string line;
      std::getline(text, line);
      EXPECT_LE(line.size(), 80U) << line;
    }
  }
}

// The same screen, however it is asked for; a verb that is none gets the nearest.
TEST_F(Program, HelpIsTheSameAsAVerb) {
  EXPECT_EQ(quire({"help"}).out, quire({"--help"}).out);
  EXPECT_EQ(quire({"help", "replay"}).out, quire({"replay", "--help"}).out);
  EXPECT_EQ(quire({"help", "litmus"}).out, quire({"litmus", "--help"}).out);
  EXPECT_EQ(quire({"help", "litmus", "run"}).out, quire({"litmus", "run", "-h"}).out);
  EXPECT_THAT(complaint({"help", "litmus", "rum"}, 2), HasSubstr("did you mean run?"));
}

// For programs that make pages of it: every verb, with all it takes.
TEST_F(Program, HelpAsJson) {
  const Json verbs = Json::parse(quire({"help", "--json"}).out)["verbs"];
  EXPECT_EQ(verbs.size(), words_of_all_verbs(program()).size());
  const auto record = std::ranges::find(verbs, "record", [](const Json& v) { return v["verb"]; });
  ASSERT_NE(record, verbs.end());
  EXPECT_TRUE((*record)["takes_command"]);
  EXPECT_EQ((*record)["options"][0], Json({{"names", {"-o", "--output"}},
                                           {"value", "FILE"},
                                           {"help", "The recording; an older one becomes FILE.old"},
                                           {"repeatable", false}}));
  EXPECT_EQ((*record)["examples"].size(), 3U);
}

// Colour is asked for by a flag that every verb takes, and else not put into a file.
TEST_F(Program, ColoursWhenAsked) {
  const std::string colour = "\x1b[";
  EXPECT_THAT(quire({"info", "--help", "--color", "always"}).out, HasSubstr(colour));
  EXPECT_THAT(quire({"info", "--help"}).out, Not(HasSubstr(colour)));
  EXPECT_THAT(quire({"replay", recording(), "--policy", "64K", "--color=always"}).out, HasSubstr(colour));
  EXPECT_THAT(quire({"replay", recording(), "--policy", "64K"}).out, Not(HasSubstr(colour)));
  EXPECT_THAT(complaint({"info", recording(), "--color", "allways"}, 2), HasSubstr("did you mean always?"));
}

// All ways to ask for the version agree.
TEST_F(Program, TellsItsVersion) {
  const Finished run = quire({"version"});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.out, StartsWith("quire "));
  EXPECT_EQ(quire({"--version"}).out, run.out);
  const Finished more = quire({"version", "--build-options"});
  EXPECT_THAT(more.out, StartsWith(run.out));
  EXPECT_THAT(more.out, HasSubstr("libbpf "));
}

// An option that does not exist, a word too many, a number that is none.
TEST_F(Program, RefusesWhatItDoesNotUnderstand) {
  EXPECT_THAT(complaint({"info", "--jsn", file()}, 2), HasSubstr("did you mean --json?"));
  EXPECT_THAT(complaint({"info", "a", "b"}, 2), HasSubstr("unexpected word \"b\""));
  EXPECT_THAT(complaint({"replay", "--jobs", "many", file()}, 2), HasSubstr("many"));
  EXPECT_THAT(complaint({"replay", "--policy"}, 2), HasSubstr("--policy"));
  EXPECT_THAT(complaint({"info", "x", "--", "ls"}, 2), HasSubstr("no command"));
  EXPECT_THAT(complaint({"info"}, 2), HasSubstr("no recording"));
}

// What is wrong with a command line is told before a recording is looked at.
TEST_F(Program, RefusesAnUnknownPolicyWord) {
  recording();
  const std::string told = complaint({"replay", file(), "--policy", "65K"}, 2);
  EXPECT_THAT(told, HasSubstr("16K 32K 64K"));
  EXPECT_THAT(told, HasSubstr("did you mean 64K?"));
  EXPECT_EQ(complaint({"verify", "--policy", "65K", "--", "true"}, 2), told);
}

// A machine that is none.
TEST_F(Program, RefusesAnImpossibleMachine) {
  recording();
  EXPECT_THAT(complaint({"replay", file(), "--ram", "lots"}, 2), HasSubstr("--ram"));
  EXPECT_THAT(complaint({"replay", file(), "--ram", "1K"}, 2), HasSubstr("16M"));
}

// A recording that is not there fails, in every verb that reads one.
TEST_F(Program, SaysWhichRecordingIsMissing) {
  for (const char* verb : {"info", "replay", "verify"}) {
    EXPECT_THAT(complaint({verb, file("none"), "--json"}, 1), HasSubstr(file("none"))) << verb;
  }
}

// One that may not be read names the file and the reason.
TEST_F(Program, SaysWhichRecordingMayNotBeRead) {
  if (geteuid() != 0) GTEST_SKIP() << "must be root to become somebody else";
  recording();
  EXPECT_THAT(complaint({"info", file()}, 1, User::kNobody), HasSubstr("Permission denied"));
}

// A file that is something else is not read as a recording.
TEST_F(Program, RefusesAFileOfAnotherKind) {
  std::ofstream(file()) << "#!/bin/sh\necho this is no recording at all\n";
  EXPECT_THAT(complaint({"info", file()}, 5), HasSubstr("not a Quire recording"));
}

// A recording of a newer version: no guessing.
TEST_F(Program, RefusesARecordingFromTheFuture) {
  EXPECT_THAT(complaint({"info", QUIRE_SOURCE_DIR "/tests/corpus/recording/newer"}, 5), HasSubstr("too new"));
  EXPECT_THAT(complaint({"replay", "--policy", "4K", QUIRE_SOURCE_DIR "/tests/corpus/recording/newer"}, 5),
              HasSubstr("too new"));
}

// A recorder that was killed leaves a recording without its end: what is there
// is shown, and the status says that it is not all.
TEST_F(Program, ShowsWhatIsLeftOfARecordingThatWasCutOff) {
  write(std::nullopt);
  const Finished run = quire({"info", file()});
  EXPECT_EQ(run.status, 5);
  EXPECT_THAT(run.out, HasSubstr("events"));
  EXPECT_THAT(run.err, HasSubstr("cut off"));
  EXPECT_EQ(lines(run.err), 1) << run.err;
}

// A single flipped bit is found, wherever it is; no byte of the file is
// harmless, and none makes the program crash.
TEST_F(Program, FindsAFlippedBit) {
  recording();
  const auto good = bytes_of(file());
  for (std::size_t at = 0; at < good.size(); at += 1 + good.size() / 12) {
    auto bad = good;
    bad[at] ^= std::byte{0x10};
    put_bytes(file("bad"), bad);
    const Finished run = quire({"info", file("bad")});
    EXPECT_EQ(run.status, 5) << at << run.out;
    EXPECT_EQ(lines(run.err), 1) << run.err;
    EXPECT_EQ(bytes_of(file("bad")), bad);
  }
}

// Damage that is only met on the way stops a replay without an answer.
TEST_F(Program, DoesNotReplayDamage) {
  recording();
  auto bytes = bytes_of(file());
  bytes[bytes.size() / 2] ^= std::byte{1};
  put_bytes(file(), bytes);
  const Finished run = quire({"replay", file(), "--policy", "4K"});
  EXPECT_EQ(run.status, 5);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr(file()));
}

// Names of a recording cannot write to the terminal of whoever looks at it.
TEST_F(Program, EscapesWhatARecordingSays) {
  auto header = trace::testing::full_header();
  header.argv = {"evil\x1b[2J\nname"};
  trace::testing::write_recording(file(), header, trace::testing::small_run(),
                                  trace::testing::full_summary());
  const Finished run = quire({"info", file()});
  EXPECT_THAT(run.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(run.out, HasSubstr("evil\\x1b[2J\\x0aname"));
  EXPECT_TRUE(Json::accept(quire({"info", file(), "--json"}).out));
}

// JSON says which input it is about, and numbers are numbers.
TEST_F(Program, InfoAsJson) {
  recording();
  const Finished run = quire({"info", "--json", file()});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json json = Json::parse(run.out);
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["inputs"]["path"], file());
  EXPECT_EQ(json["inputs"]["content_hash"], json["results"]["content_hash"]);
  EXPECT_EQ(json["results"]["events"], trace::testing::small_run().size());
  EXPECT_TRUE(json["results"]["summary"]["gate"]["passed"]);
}

// An answer that cannot be written is a failure.
TEST_F(Program, NoticesAFullDisk) {
  recording();
  const Finished run =
      testing::run_program("/bin/sh", {"-c", "exec \"$0\" info \"$1\" > /dev/full", QUIRE_PROGRAM, file()},
                           User::kSame, file("."));
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("No space left"));
}

// What record needs, and does not get.
TEST_F(Program, RecordWantsAFileAndACommand) {
  EXPECT_THAT(complaint({"record", "--", "true"}, 2), HasSubstr("-o FILE"));
  EXPECT_THAT(complaint({"record", "-o", file()}, 2), HasSubstr("no command"));
  EXPECT_THAT(complaint({"record", "-o", file(), "true"}, 2), HasSubstr("stands behind --"));
  EXPECT_THAT(complaint({"record", "-o", file(), "--tier", "bfp", "--", "true"}, 2),
              HasSubstr("did you mean bpf?"));
}

// A command that is not there is 127, one that may not be run 126, and neither
// touches the file.
TEST_F(Program, RecordOfACommandThatCannotBeRun) {
  std::ofstream(file()) << "precious";
  EXPECT_THAT(complaint({"record", "-o", file(), "--", "no-such-command"}, 127),
              HasSubstr("no-such-command"));
  EXPECT_THAT(complaint({"record", "-o", file(), "--", "/etc/passwd"}, 126), HasSubstr("/etc/passwd"));
  EXPECT_EQ(testing::text_of(file()), "precious");
}

// A file that is no recording is not overwritten.
TEST_F(Program, RecordOverwritesNoOtherFile) {
  std::ofstream(file()) << "precious";
  const Finished run = quire({"record", "-o", file(), "--", "true"});
  EXPECT_NE(run.status, 0);
  EXPECT_EQ(lines(run.err), 1) << run.err;
  EXPECT_EQ(testing::text_of(file()), "precious");
}

// The status of the target is that of the verb; the target's output its own.
TEST_F(Program, RecordPassesTheStatusOn) {
  const Finished run = quire({"record", "-o", file(), "--", "sh", "-c", "echo out; exit 7"});
  if (run.status == 4) GTEST_SKIP() << run.err;
  EXPECT_EQ(run.status, 7) << run.err;
  EXPECT_EQ(run.out, "out\n");
  EXPECT_THAT(run.err, HasSubstr(" events, 0 lost"));
  EXPECT_THAT(run.err, Not(HasSubstr(" 0 events")));
  EXPECT_THAT(run.err, HasSubstr("tier "));
  EXPECT_EQ(quire({"record", "-o", file(), "--", "sh", "-c", "kill -TERM $$"}).status, 128 + 15);
}

// What record wrote, info reads: with the gate already checked.
TEST_F(Program, RecordChecksTheGate) {
  const Finished recorded = quire({"record", "-o", file(), "--tier", "bpf", "--", "true"});
  if (recorded.status == 4) GTEST_SKIP() << recorded.err;
  ASSERT_EQ(recorded.status, 0) << recorded.err;
  EXPECT_THAT(recorded.err, HasSubstr("gate passed"));
  const Json json = Json::parse(quire({"info", "--json", file()}).out);
  EXPECT_TRUE(json["results"]["summary"]["gate"]["passed"]);
  EXPECT_EQ(json["results"]["header"]["argv"], Json::array({"true"}));
}

// A tier the user may not have is refused with the reason, and nothing is run.
TEST_F(Program, RecordWithoutPrivilege) {
  if (geteuid() != 0) GTEST_SKIP() << "must be root to become somebody else";
  const Finished run =
      quire({"record", "-o", "/tmp/quire-never-made", "--tier", "bpf", "--", "echo", "ran"}, User::kNobody);
  EXPECT_EQ(run.status, 4) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(lines(run.err), 1) << run.err;
}

// verify runs nothing when it cannot count.
TEST_F(Program, VerifyWithoutPrivilege) {
  if (geteuid() != 0) GTEST_SKIP() << "must be root to become somebody else";
  EXPECT_THAT(complaint({"verify", "--policy", "4K", "--", "true"}, 4, User::kNobody), HasSubstr("root"));
}

// Advice on a shipped recording: a verdict first, and the same as words for programs.
TEST_F(Program, AdvisesOnAShippedRecording) {
  const std::string file = QUIRE_SOURCE_DIR "/traces/gxx.quire";
  const Finished run = quire({"advise", file});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("\nVERDICT    "));
  EXPECT_THAT(run.out, HasSubstr("now: "));
  const Finished json = quire({"advise", file, "--json"});
  ASSERT_EQ(json.status, 0) << json.err;
  const auto advice = nlohmann::json::parse(json.out)["advice"];
  EXPECT_EQ(advice["verdict"] == "leave", advice["change"].is_null());
  EXPECT_GT(advice["candidates"].size(), 50U);
}

// Whoever was killed for want of memory has a line that says for whom, why and what it held, and the
// same as numbers.
TEST_F(Program, ReplaySaysWhoWasKilled) {
  const std::vector<std::string> words{"replay",    QUIRE_SOURCE_DIR "/traces/python-dict.quire",
                                       "--policy",  "64K",
                                       "--machine", "ram=64G limit=2M"};
  const Finished run = quire(words);
  EXPECT_THAT(run.out + run.err,
              HasSubstr("killed process 1: its limit had no memory for process 1 (order 0); "));
  std::vector<std::string> as_json = words;
  as_json.emplace_back("--json");
  const Json killed = Json::parse(quire(as_json).out)["policies"][0]["killed"];
  ASSERT_EQ(killed.size(), 1U);
  EXPECT_EQ(killed[0]["short_of"], "limit");
  EXPECT_EQ(killed[0]["anon_bytes"], 2 << 20);
  EXPECT_EQ(killed[0]["points"], killed[0]["anon_bytes"].get<std::uint64_t>() / kPageSize +
                                     killed[0]["file_bytes"].get<std::uint64_t>() / kPageSize +
                                     killed[0]["page_tables_bytes"].get<std::uint64_t>() / kPageSize);
}

// A recording or a command, not both and not neither.
TEST_F(Program, AdviseWantsOneSubject) {
  EXPECT_THAT(complaint({"advise"}, 2), HasSubstr("nothing to advise on"));
  EXPECT_THAT(complaint({"advise", file(), "--", "true"}, 2), HasSubstr("only one"));
}

// Killed by a signal nobody can catch, while the settings are changed: the
// watchdog, or whoever holds the settings next, puts them back.
TEST_F(Program, VerifyKilledLeavesTheSettingsAsTheyWere) {
  if (geteuid() != 0) GTEST_SKIP() << "changing settings needs root";
  if (live::anon_orders_of().below(kOrderPmd).empty()) GTEST_SKIP() << "this kernel has no per-size settings";
  const live::ThpState before = live::read_thp_state();
  const std::string kill_when_changed =
      fmt::format("! grep -q '\\[always\\]' {}/hugepages-64kB/enabled || kill -9 $PPID", live::kThpRoot);
  const Finished run = quire({"verify", "--policy", "64K", "--", "sh", "-c", kill_when_changed});
  if (run.status == 4 || run.err.find("settings.lock") != std::string::npos) GTEST_SKIP() << run.err;
  EXPECT_EQ(run.status, 128 + SIGKILL) << run.err;
  // The watchdog holds the settings until it has put them back.
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  bool held = false;
  while (!held && std::chrono::steady_clock::now() < patience) held = live::SettingsGuard::hold().has_value();
  EXPECT_TRUE(held);
  EXPECT_EQ(live::read_thp_state(), before);
}

// The settings of this host as a policy, so that applying it with one word more
// changes one file only.
std::string policy_of_this_host() {
  std::string policy;
  for (const auto& [path, text] : live::read_thp_state()) {
    if (policy::find_attribute(path) != nullptr) policy += path + "=" + live::chosen_word(text) + " ";
  }
  return policy;
}

// apply and restore on this very kernel, by a setting that disturbs nobody. The
// whole tree is as before afterwards.
TEST_F(Program, AppliesAndRestoresOnThisHost) {
  if (geteuid() != 0) GTEST_SKIP() << "changing settings needs root";
  constexpr const char* kFile = "khugepaged/alloc_sleep_millisecs";
  live::ThpState before;
  {
    const auto held = live::SettingsGuard::hold();
    if (!held) GTEST_SKIP() << held.error().line();
    before = live::read_thp_state();
  }
  if (!before.contains(kFile)) GTEST_SKIP() << "this kernel has no " << kFile;
  const std::string policy = policy_of_this_host() + kFile + "=61007";
  const Finished dry = quire({"apply", "--dry-run", policy});
  if (dry.status != 0) GTEST_SKIP() << dry.err;
  EXPECT_THAT(dry.out, HasSubstr("dry run: 1 setting would change"));
  EXPECT_EQ(live::read_thp_state(), before);

  const Finished applied = quire({"apply", "--json", policy});
  if (applied.err.find("settings.lock") != std::string::npos) GTEST_SKIP() << applied.err;
  ASSERT_EQ(applied.status, 0) << applied.err;
  const Json json = Json::parse(applied.out);
  ASSERT_EQ(json["changes"].size(), 1U) << applied.out;
  EXPECT_EQ(json["changes"][0]["file"], kFile);
  EXPECT_EQ(json["changes"][0]["why"], std::string(kFile) + "=61007");
  live::ThpState meanwhile = before;
  meanwhile[kFile] = "61007";
  EXPECT_EQ(live::read_thp_state(), meanwhile);
  EXPECT_THAT(complaint({"apply", "64K"}, 1), HasSubstr("quire restore first"));

  const Finished restored = quire({"restore"});
  EXPECT_EQ(restored.status, 0) << restored.err;
  EXPECT_THAT(restored.out, HasSubstr("1 put back"));
  EXPECT_EQ(live::read_thp_state(), before);
  EXPECT_EQ(quire({"restore"}).out, "nothing to restore\n");
}

// Who holds the settings is named, and nothing is changed.
TEST_F(Program, ApplyAndRestoreAreRefusedWhileSomebodyHolds) {
  if (geteuid() != 0) GTEST_SKIP() << "changing settings needs root";
  const auto held = live::SettingsGuard::hold();
  if (!held) GTEST_SKIP() << held.error().line();
  const std::string holder = fmt::format("held by process {}", getpid());
  EXPECT_THAT(complaint({"apply", "64K"}, 1), HasSubstr(holder));
  EXPECT_THAT(complaint({"apply", "--dry-run", "64K"}, 1), HasSubstr(holder));
  EXPECT_THAT(complaint({"restore"}, 1), HasSubstr(holder));
}

// What can be seen to be wrong is refused before anything is looked at.
TEST_F(Program, ApplyRefusesWhatIsNoPolicyOfThisKernel) {
  EXPECT_THAT(complaint({"apply"}, 2), HasSubstr("no policy given"));
  EXPECT_THAT(complaint({"apply", "65K"}, 2), HasSubstr("did you mean 64K?"));
  if (live::anon_orders_of().empty()) GTEST_SKIP() << "this kernel has no transparent huge pages";
  EXPECT_THAT(complaint({"apply", "laf-v4"}, 2), HasSubstr("no running kernel has it"));
}

// Without the right to change settings neither verb pretends.
TEST_F(Program, ApplyAndRestoreWithoutPrivilege) {
  if (geteuid() != 0) GTEST_SKIP() << "must be root to become somebody else";
  EXPECT_THAT(complaint({"apply", "all defrag=never"}, 4, User::kNobody), HasSubstr("root"));
  EXPECT_THAT(complaint({"restore"}, 4, User::kNobody), HasSubstr("root"));
}

// Whatever this host is like, the answer and the status agree, and every trap
// that was looked for is named.
TEST_F(Program, DoctorOnThisHost) {
  const Finished run = quire({"doctor", "--json"}, geteuid() == 0 ? User::kNobody : User::kSame);
  const Json json = Json::parse(run.out);
  EXPECT_EQ(run.status, json["traps"].empty() ? 0 : 3) << run.err;
  EXPECT_GE(json["looked_for"].size(), 12U);
  for (const Json& trap : json["traps"]) {
    EXPECT_THAT(json["looked_for"], ::testing::Contains(trap["name"]));
    for (const char* field : {"found", "why", "source", "do"}) EXPECT_NE(trap[field], "") << trap["name"];
  }
}

// A copy of another host: what is there, and names that cannot reach the
// terminal as they are.
TEST_F(Program, DoctorOnACopy) {
  const auto put = [&](const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(file(path)).parent_path());
    std::ofstream(file(path)) << text;
  };
  put("host/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  put("host/proc/9/status", "Name:\tinit\nPPid:\t0\nTHP_enabled:\t1\n");
  const Finished sound = quire({"doctor", "--root", file("host")});
  EXPECT_EQ(sound.status, 0) << sound.out << sound.err;
  EXPECT_THAT(sound.out, StartsWith("none of "));
  put("host/proc/9/status", "Name:\tin\x1b[2Jit\nPPid:\t0\nTHP_enabled:\t0\n");
  const Finished trapped = quire({"doctor", "--root", file("host")});
  EXPECT_EQ(trapped.status, 3) << trapped.err;
  EXPECT_THAT(
      trapped.out,
      HasSubstr("thp-disabled-by-prctl\n  found   large folios are switched off in 1 process: 9 (in"));
  EXPECT_THAT(trapped.out, HasSubstr("  do      "));
  EXPECT_THAT(trapped.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(complaint({"doctor", "--root", file("none")}, 1), HasSubstr("not a folder"));
}

// One thing at a time.
TEST_F(Program, VerifyWantsACommandOrARecording) {
  EXPECT_THAT(complaint({"verify"}, 2), HasSubstr("nothing to verify"));
  EXPECT_THAT(complaint({"verify", file(), "--", "true"}, 2), HasSubstr("only one"));
  EXPECT_THAT(complaint({"verify", "--recordings", "0", "--", "true"}, 2), HasSubstr("--recordings"));
}

// What verify prints for programs: the three columns, by name, and status 0
// when they agree. The program's own output is nowhere in it.
TEST_F(Program, VerifyAsJson) {
  const Finished run = quire({"verify", "--json", "--policy", "64K", "--policy", "4K", "--", "dd",
                              "if=/dev/zero", "bs=4M", "count=1", "status=none"});
  if (run.status == 4 || run.err.find("settings.lock") != std::string::npos) GTEST_SKIP() << run.err;
  ASSERT_EQ(run.status, 0) << run.err << run.out;
  const Json json = Json::parse(run.out);
  EXPECT_TRUE(json["agrees"]);
  ASSERT_EQ(json["policies"].size(), 2U);
  const Json& policy = json["policies"][0];
  EXPECT_EQ(policy["policy"], "64K");
  EXPECT_EQ(policy["canonical"], "thp_anon=64K:always");
  EXPECT_GE(policy["measured"]["folios"]["64kB"], 63);
  for (const char* side : {"predicted", "measured", "error"}) {
    EXPECT_TRUE(policy[side]["minor_faults"].is_number_integer()) << side;
    EXPECT_EQ(policy[side]["folios"].size(), 8U) << side;
    EXPECT_TRUE(policy[side]["peak_rss_bytes"].is_number_integer()) << side;
  }
  EXPECT_EQ(policy["error"]["folios"]["64kB"], 0);
}

// A program that does something else the second time: a finding, with status 3,
// that names what is off.
TEST_F(Program, VerifyFindsAWrongPrediction) {
  const std::string script = "if [ -e " + file("ran") +
                             " ]; then exec dd if=/dev/zero bs=4M count=1 status=none; fi; : > " +
                             file("ran");
  const Finished run = quire({"verify", "--warmup", "0", "--policy", "64K", "--", "sh", "-c", script});
  if (run.status == 4 || run.err.find("settings.lock") != std::string::npos) GTEST_SKIP() << run.err;
  EXPECT_EQ(run.status, 3) << run.err;
  EXPECT_THAT(run.out, HasSubstr("OFF: folios of 64kB"));
}

// A recording can be verified by itself: it holds all that is needed.
TEST_F(Program, VerifiesARecording) {
  const Finished recorded = quire({"record", "-o", file(), "--tier", "bpf", "--", "dd", "if=/dev/zero",
                                   "of=/dev/null", "bs=4M", "count=1", "status=none"});
  if (recorded.status == 4) GTEST_SKIP() << recorded.err;
  ASSERT_EQ(recorded.status, 0) << recorded.err;
  const Finished run = quire({"verify", file(), "--policy", "64K"});
  if (run.err.find("settings.lock") != std::string::npos) GTEST_SKIP() << run.err;
  EXPECT_EQ(run.status, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("agrees"));
}

// The same question twice, however many replays at once, is the same answer.
TEST_F(Program, ReplayIsDeterministic) {
  recording();
  const auto answer = [&](const char* jobs) {
    const Finished run =
        quire({"replay", file(), "--json", "--jobs", jobs, "--policy", "64K", "--policy", "all"});
    EXPECT_EQ(run.status, 0) << run.err;
    Json json = Json::parse(run.out);
    for (Json& policy : json["policies"]) policy.erase("elapsed_ns");
    return json;
  };
  const Json one = answer("1");
  EXPECT_EQ(one, answer("3"));
  EXPECT_EQ(one["policies"][0]["events"], trace::testing::small_run().size());
  EXPECT_EQ(one["policies"][0]["counters"]["hugepages-64kB"]["anon_fault_alloc"],
            one["policies"][0]["folios"]["64kB"]);
}

// Without a policy the usual ones are used, and that is said.
TEST_F(Program, ReplayHasDefaultPolicies) {
  const Finished run = quire({"replay", recording()});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith(" "));
  EXPECT_THAT(run.out, HasSubstr("16K+64K"));
  EXPECT_THAT(run.err, HasSubstr("no --policy given"));
}

}  // namespace
}  // namespace quire::cli
