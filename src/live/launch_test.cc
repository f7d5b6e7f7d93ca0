#include "live/launch.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace quire::live {
namespace {

int ended(pid_t pid) {
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return status;
}

LaunchSpec spec(std::vector<std::string> command) {
  LaunchSpec all;
  all.command = std::move(command);
  return all;
}

// PATH is searched as execvp does; a name with a slash is taken as it is.
TEST(FindProgram, SearchesThePath) {
  EXPECT_EQ(find_program("true", "/nowhere:/bin"), "/bin/true");
  EXPECT_EQ(find_program("/bin/true", ""), "/bin/true");
  EXPECT_EQ(find_program("true", "/nowhere").error(), ENOENT);
  EXPECT_EQ(find_program("/nowhere/true", "/bin").error(), ENOENT);
  EXPECT_EQ(find_program("passwd", "/etc").error(), EACCES);
  EXPECT_EQ(find_program("", "/bin").error(), ENOENT);
}

// The statuses shells give.
TEST(StatusOfFailedExec, FollowsTheShells) {
  EXPECT_EQ(status_of_failed_exec(ENOENT), 127);
  EXPECT_EQ(status_of_failed_exec(EACCES), 126);
}

// Nothing runs before it is let go, and then the command does.
TEST(Launch, RunsTheCommandWhenLetGo) {
  auto child = Launch::start(spec({"sh", "-c", "exit 3"}));
  ASSERT_TRUE(child.has_value());
  EXPECT_EQ(waitpid(child->pid(), nullptr, WNOHANG), 0);
  EXPECT_FALSE(child->go().has_value());
  EXPECT_EQ(WEXITSTATUS(ended(child->pid())), 3);
}

// What execve refuses comes back with its errno.
TEST(Launch, TellsWhyExecWasRefused) {
  auto child = Launch::start(spec({"/nowhere/true"}));
  ASSERT_TRUE(child.has_value());
  const auto refusal = child->go();
  ASSERT_TRUE(refusal.has_value());
  EXPECT_TRUE(refusal->by_exec);
  EXPECT_EQ(refusal->error, ENOENT);
  EXPECT_EQ(WEXITSTATUS(ended(child->pid())), 127);
}

// Preparation that fails in the child stops it before the command.
TEST(Launch, StopsWhenPreparationFails) {
  LaunchSpec all = spec({"true"});
  all.prepare_child = [] { return EPERM; };
  auto child = Launch::start(all);
  ASSERT_TRUE(child.has_value());
  const auto refusal = child->go();
  ASSERT_TRUE(refusal.has_value());
  EXPECT_FALSE(refusal->by_exec);
  EXPECT_EQ(refusal->error, EPERM);
  EXPECT_EQ(WEXITSTATUS(ended(child->pid())), 125);
}

// Given up before it was let go, the child is gone without having run anything.
TEST(Launch, EndsWhenGivenUp) {
  pid_t pid = 0;
  {
    auto child = Launch::start(spec({"true"}));
    ASSERT_TRUE(child.has_value());
    pid = child->pid();
  }
  EXPECT_EQ(waitpid(pid, nullptr, 0), -1);
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace quire::live
