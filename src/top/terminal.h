// top/terminal.h - the terminal as a screen and a keyboard, on ncurses.
//
// Whatever way the program ends, the terminal is as it was: the destructor,
// signals that end a program (they come as events), Ctrl-Z (ncurses), crashes
// (a handler that only makes system calls). After SIGKILL nobody can; `reset` does.
#pragma once

#include <memory>
#include <optional>

#include "quire/result.h"
#include "top/line.h"
#include "top/screen.h"
#include "top/view.h"

namespace quire::top {

// There can be one at a time, in a program of one thread.
class Terminal {
 public:
  enum class Colour : std::uint8_t { kOff, kOn };
  // kUsage when input and output are no terminal, or one that cannot be drawn on.
  [[nodiscard]] static Result<std::unique_ptr<Terminal>, Diagnostic> open(Colour colour);
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  [[nodiscard]] Area area() const;
  void show(const Screen& screen);

  struct Event {
    enum class Kind : std::uint8_t { kNothing, kKey, kResized, kSignal, kHangup } kind = Kind::kNothing;
    Key key;
    int signal = 0;
  };
  // kNothing after that time.
  [[nodiscard]] Event wait(Time at_most);

 private:
  struct State;
  explicit Terminal(std::unique_ptr<State> state);
  [[nodiscard]] std::optional<Event> read_key();
  std::unique_ptr<State> state_;
};

// Whether the environment's TERM names a terminal that can be drawn on.
[[nodiscard]] bool can_draw();

}  // namespace quire::top
