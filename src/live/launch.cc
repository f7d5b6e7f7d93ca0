#include "live/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include "live/file_ops.h"

namespace quire::live {

namespace {

// What the child was doing when it had to give up.
enum class Step : int { personality, thp, redirect, execute };
struct Refusal {
  Step step;
  int error;
};

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe, std::errc> make_pipe() {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(last_errc());
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// The child between fork and execve. The caller may have threads, so nothing
// here allocates.
class Child {
 public:
  Child(const RunSpec& spec, char* const* argv, int verdict) : spec_(spec), argv_(argv), verdict_(verdict) {}

  [[noreturn]] void run(int gate) const {
    char byte = 0;
    if (::read(gate, &byte, 1) != 1) ::_exit(127);  // the observer gave up
    set_personality();
    if (spec_.thp_disable == ThpDisable::yes && ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0) {
      refuse(Step::thp);
    }
    redirect(spec_.stdin_path, O_RDONLY, STDIN_FILENO);
    redirect(spec_.stdout_path, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(spec_.stderr_path, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    ::execvp(argv_[0], argv_);
    refuse(Step::execute);
  }

 private:
  void set_personality() const {
    const int now = ::personality(0xffffffff);
    const auto with = static_cast<unsigned long>(static_cast<unsigned>(now));
    if (spec_.aslr == Aslr::off && ::personality(with | ADDR_NO_RANDOMIZE) < 0) refuse(Step::personality);
  }

  void redirect(const std::optional<std::string>& path, int flags, int target) const {
    if (!path) return;
    const int fd = ::open(path->c_str(), flags | O_CLOEXEC, 0600);
    if (fd < 0 || ::dup2(fd, target) < 0) refuse(Step::redirect);
  }

  [[noreturn]] void refuse(Step step) const {
    const Refusal refusal{step, errno};
    const ssize_t n = ::write(verdict_, &refusal, sizeof refusal);
    ::_exit(n == sizeof refusal ? 127 : 126);
  }

  const RunSpec& spec_;
  char* const* argv_;
  int verdict_;
};

std::vector<char*> argv_of(const RunSpec& spec) {
  std::vector<char*> argv;
  for (const std::string& word : spec.command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  return argv;
}

Diagnostic failure(const std::string& name, std::string what) {
  return {Diagnostic::Kind::kFailure, name, std::move(what), ""};
}

Diagnostic refused(const std::string& name, const Refusal& refusal) {
  const std::string why = std::generic_category().message(refusal.error);
  switch (refusal.step) {
    case Step::personality:
      return failure(name, "address randomisation cannot be switched off: " + why);
    case Step::thp:
      return failure(name, "huge pages cannot be switched off for it: " + why);
    case Step::redirect:
      return failure(name, "its input or output cannot be redirected: " + why);
    case Step::execute:
      break;
  }
  return failure(name, "cannot be executed: " + why);
}

}  // namespace

Result<Launch, Diagnostic> Launch::prepare(const RunSpec& spec) {
  if (spec.command.empty()) {
    return fail(Diagnostic{Diagnostic::Kind::kUsage, "", "no command to run", "give one after --"});
  }
  const std::string& name = spec.command.front();
  auto gate = make_pipe();
  auto verdict = make_pipe();
  if (!gate || !verdict) return fail(failure(name, "cannot be started: no pipe"));
  const std::vector<char*> argv = argv_of(spec);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(failure(name, "cannot be started: " + message_of(last_errc())));
  if (pid == 0) {
    ::close(gate->write_end.get());  // or the end of the caller would not be seen
    Child(spec, argv.data(), verdict->write_end.get()).run(gate->read_end.get());
  }
  return Launch(pid, name, std::move(gate->write_end), std::move(verdict->read_end));
}

Launch::Launch(Launch&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      name_(std::move(other.name_)),
      gate_(std::move(other.gate_)),
      verdict_(std::move(other.verdict_)) {}

Launch::~Launch() { reap(); }

void Launch::reap() {
  gate_.reset();
  if (pid_ == 0) return;
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
}

Result<void, Diagnostic> Launch::go() {
  if (::write(gate_.get(), "g", 1) != 1) return fail(failure(name_, "cannot be let go"));
  Refusal refusal{};
  ssize_t n = 0;
  while ((n = ::read(verdict_.get(), &refusal, sizeof refusal)) < 0 && errno == EINTR) {
  }
  if (n == 0) return {};
  reap();
  if (n != sizeof refusal) return fail(failure(name_, "did not say whether it started"));
  return fail(refused(name_, refusal));
}

}  // namespace quire::live
