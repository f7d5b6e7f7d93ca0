#include "oracle/live_programs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/check.h"
#include "oracle/live_program.h"

namespace quire::litmus {
namespace {

constexpr int kTimeoutMs = 20'000;

}  // namespace

LivePrograms::LivePrograms() {
  for (Wires& w : wires_)
    QUIRE_CHECK(::pipe2(w.commands.data(), O_CLOEXEC) == 0 && ::pipe2(w.answers.data(), O_CLOEXEC) == 0);
  pids_[0] = ::fork();
  QUIRE_CHECK(pids_[0] >= 0);
  if (pids_[0] == 0) serve_as_program(wires_, 0);
  (void)answer_of(0);
}

// A killed program's pins would go some time later, under the eyes of the next one.
void LivePrograms::let_pins_go() {
  for (unsigned slot = 0; slot < kSlots; ++slot)
    if (alive(slot)) (void)run(slot, {.call = Call::kExit});
}

LivePrograms::~LivePrograms() {
  if (pinned_ && !stuck_) let_pins_go();
  for (const pid_t pid : pids_) {
    if (pid <= 0) continue;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  for (const Wires& w : wires_)
    for (const int fd : {w.commands[0], w.commands[1], w.answers[0], w.answers[1]}) ::close(fd);
}

std::optional<Answer> LivePrograms::run(unsigned slot, const Command& command) {
  if (::write(wires_[slot].commands[1], &command, sizeof command) != static_cast<ssize_t>(sizeof command))
    return std::nullopt;
  if (command.call == Call::kExit) {
    ::waitpid(pids_[slot], nullptr, 0);
    pids_[slot] = 0;
    return Answer{};
  }
  pinned_ = pinned_ || command.call == Call::kPin;
  const auto answer = answer_of(slot);
  stuck_ = stuck_ || !answer;
  if (command.call == Call::kFork && answer && answer->error == 0)
    pids_[command.slot] = static_cast<pid_t>(answer->value);
  return answer;
}

std::optional<Answer> LivePrograms::answer_of(unsigned slot) const {
  pollfd waiting{wires_[slot].answers[0], POLLIN, 0};
  Answer answer;
  if (::poll(&waiting, 1, kTimeoutMs) != 1 ||
      ::read(waiting.fd, &answer, sizeof answer) != static_cast<ssize_t>(sizeof answer)) {
    return std::nullopt;
  }
  return answer;
}

}  // namespace quire::litmus
