// record/signals.h - the signals of the recorder while a target runs.
#pragma once

#include <csignal>
#include <cstdint>
#include <optional>

#include "live/unique_fd.h"

namespace quire::record {

// Who else got the signal.
enum class Sender : std::uint8_t {
  kTerminal,  // the kernel sent it to the whole foreground group: the target has it too
  kProcess,   // somebody sent it to us
};

struct ArrivedSignal {
  int number;
  Sender sender;
};

// Takes SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGCHLD as data while it lives.
//
// States : blocked -> put back as it was, by the destructor
class SignalInbox {
 public:
  SignalInbox();
  ~SignalInbox();
  SignalInbox(const SignalInbox&) = delete;
  SignalInbox& operator=(const SignalInbox&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  // The mask as it was before: the target's.
  [[nodiscard]] const sigset_t& original_mask() const { return original_; }
  [[nodiscard]] std::optional<ArrivedSignal> next();

 private:
  sigset_t original_{};
  live::UniqueFd fd_;
};

}  // namespace quire::record
