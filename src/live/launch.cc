#include "live/launch.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace quire::live {
namespace {

constexpr int kNotStarted = 125;
constexpr int kCannotExecute = 126;
constexpr int kNotFound = 127;

// What the child needs, laid out before the fork: after it, only
// async-signal-safe calls are allowed.
struct ChildPlan {
  std::vector<char*> argv;
  const LaunchSpec* spec;
  int line;
};

[[noreturn]] void give_up(const ChildPlan& plan, const Refusal& why) {
  // Nobody is left to tell when the caller is gone.
  [[maybe_unused]] const ssize_t told = send(plan.line, &why, sizeof(why), MSG_NOSIGNAL);
  _exit(why.by_exec ? status_of_failed_exec(why.error) : kNotStarted);
}

[[noreturn]] void give_up_early(const ChildPlan& plan, int error) {
  give_up(plan, {.by_exec = false, .error = error});
}

Diagnostic cannot_start(std::string what) { return {.where = {}, .what = std::move(what), .hint = {}}; }

Result<std::pair<UniqueFd, UniqueFd>, int> make_line() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return fail(errno);
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

bool wait_for_go(int line) {
  char byte = 0;
  ssize_t n = 0;
  do {
    n = recv(line, &byte, 1, 0);
  } while (n < 0 && errno == EINTR);
  return n == 1;
}

[[noreturn]] void run_child(const ChildPlan& plan) {
  const LaunchSpec& spec = *plan.spec;
  // Both are inherited by everything the command starts.
  if (spec.small_pages && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0) give_up_early(plan, errno);
  if (spec.aslr == Aslr::kOff) {
    const int now = personality(0xffffffff);
    if (now < 0 || personality(static_cast<unsigned long>(now) | ADDR_NO_RANDOMIZE) < 0) {
      give_up_early(plan, errno);
    }
  }
  if (!wait_for_go(plan.line)) _exit(kNotStarted);
  // As late as possible: until here the caller's own signals would find the
  // child with nobody to handle them.
  if (spec.signal_mask && sigprocmask(SIG_SETMASK, &*spec.signal_mask, nullptr) != 0) {
    give_up_early(plan, errno);
  }
  if (const int error = spec.prepare_child ? spec.prepare_child() : 0; error != 0) give_up_early(plan, error);
  execvp(plan.argv[0], plan.argv.data());
  give_up(plan, {.by_exec = true, .error = errno});
}

bool runnable(const std::string& file) {
  struct stat info{};
  return stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(file.c_str(), X_OK) == 0;
}

}  // namespace

int status_of_failed_exec(int error) {
  return error == ENOENT || error == ENOTDIR ? kNotFound : kCannotExecute;
}

Result<std::string, int> find_program(const std::string& command, const char* path) {
  if (command.empty()) return fail(ENOENT);
  if (command.find('/') != std::string::npos) {
    if (runnable(command)) return command;
    return fail(access(command.c_str(), F_OK) == 0 ? EACCES : errno);
  }
  bool forbidden = false;
  std::string_view rest = path != nullptr ? path : "/bin:/usr/bin";
  for (bool more = true; more;) {
    const std::size_t colon = rest.find(':');
    more = colon != std::string_view::npos;
    const std::string_view folder = rest.substr(0, colon);
    const std::string file = folder.empty() ? command : fmt::format("{}/{}", folder, command);
    if (runnable(file)) return file;
    forbidden = forbidden || access(file.c_str(), F_OK) == 0;
    if (more) rest.remove_prefix(colon + 1);
  }
  return fail(forbidden ? EACCES : ENOENT);
}

Result<Launch, Diagnostic> Launch::start(const LaunchSpec& spec) {
  auto line = make_line();
  if (!line) return fail(cannot_start(fmt::format("cannot make a line to the child: {}", std::strerror(line.error()))));
  auto& [ours, theirs] = *line;
  ChildPlan plan{.argv = {}, .spec = &spec, .line = theirs.get()};
  for (const std::string& word : spec.command) plan.argv.push_back(const_cast<char*>(word.c_str()));
  plan.argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) return fail(cannot_start(fmt::format("cannot fork: {}", std::strerror(errno))));
  if (pid == 0) {
    ours.reset();
    run_child(plan);
  }
  return Launch(pid, std::move(ours));
}

Launch::~Launch() {
  if (pid_ == 0 || let_go_) return;
  line_.reset();  // the child ends
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<Refusal> Launch::go(const std::function<void()>& meanwhile) {
  let_go_ = true;
  const char byte = 1;
  if (send(line_.get(), &byte, 1, MSG_NOSIGNAL) != 1) return Refusal{.error = EPIPE};
  pollfd answer{line_.get(), POLLIN, 0};
  const int wait_ms = meanwhile ? 1 : -1;
  while (poll(&answer, 1, wait_ms) <= 0) {
    if (meanwhile) meanwhile();
  }
  Refusal why;
  const ssize_t n = recv(line_.get(), &why, sizeof(why), 0);
  line_.reset();
  if (n != sizeof(why)) return std::nullopt;
  return why;
}

}  // namespace quire::live
