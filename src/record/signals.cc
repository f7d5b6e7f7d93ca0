#include "record/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace quire::record {

SignalInbox::SignalInbox() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) sigaddset(&taken, number);
  pthread_sigmask(SIG_BLOCK, &taken, &original_);
  fd_ = live::UniqueFd(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
}

// One that arrived and was not read has been answered by ending: it must not
// end the caller once more.
SignalInbox::~SignalInbox() {
  while (next()) {
  }
  pthread_sigmask(SIG_SETMASK, &original_, nullptr);
}

std::optional<ArrivedSignal> SignalInbox::next() {
  signalfd_siginfo info{};
  if (read(fd_.get(), &info, sizeof(info)) != sizeof(info)) return std::nullopt;
  const bool by_kernel = info.ssi_code == SI_KERNEL;
  return ArrivedSignal{static_cast<int>(info.ssi_signo), by_kernel ? Sender::kTerminal : Sender::kProcess};
}

}  // namespace quire::record
