#include "oracle/live_programs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include "base/check.h"
#include "live/unique_fd.h"
#include "oracle/live_program.h"

namespace quire::litmus {
namespace {

constexpr int kTimeoutMs = 20'000;
constexpr auto kPause = std::chrono::milliseconds(2);

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

// Until it has answered or is gone.
bool LivePrograms::wait_for(unsigned slot) const {
  const live::UniqueFd life(static_cast<int>(::syscall(SYS_pidfd_open, pids_[slot], 0)));
  std::array<pollfd, 2> waiting{pollfd{wires_[slot].answers[0], POLLIN, 0}, pollfd{life.get(), POLLIN, 0}};
  return ::poll(waiting.data(), waiting.size(), kTimeoutMs) >= 1;
}

std::optional<Answer> LivePrograms::answer_of(unsigned slot) {
  pollfd ready{wires_[slot].answers[0], POLLIN, 0};
  Answer answer;
  if (!wait_for(slot)) return std::nullopt;
  if (::poll(&ready, 1, 0) == 1 &&
      ::read(ready.fd, &answer, sizeof answer) == static_cast<ssize_t>(sizeof answer))
    return answer;
  int status = 0;
  const bool gone = ::waitpid(pids_[slot], &status, 0) == pids_[slot];
  pids_[slot] = 0;
  if (!gone || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) return std::nullopt;
  killed_.push_back(slot);
  return Answer{.killed = true};
}

bool LivePrograms::collect_killed(std::uint64_t expected, std::vector<unsigned>& slots) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTimeoutMs);
  while (killed_.size() < expected) {
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      if (!alive(slot) || ::waitpid(pids_[slot], nullptr, WNOHANG) != pids_[slot]) continue;
      pids_[slot] = 0;
      killed_.push_back(slot);
    }
    if (killed_.size() >= expected) break;
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kPause);
  }
  slots = std::exchange(killed_, {});
  return true;
}

}  // namespace quire::litmus
