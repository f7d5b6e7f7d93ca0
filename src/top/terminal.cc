#include "top/terminal.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "live/unique_fd.h"

// Last, since it defines macros with names of ours.
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <term.h>
#undef columns
#undef lines

namespace quire::top {
namespace {

using Kind = Key::Kind;

// What the handler of a crash needs. Handlers see globals only.
struct Emergency {
  termios modes{};
  std::array<char, 256> text{};  // leaves the screen, shows the cursor, ends attributes
  std::size_t length = 0;
};
Emergency emergency;

void append_capability(const char* name) {
  // ncurses takes a name it will not change, but not as const.
  const char* value = ::tigetstr(const_cast<char*>(name));
  if (value == nullptr || value == reinterpret_cast<const char*>(-1)) return;
  const std::size_t size = std::strlen(value);
  if (emergency.length + size > emergency.text.size()) return;
  std::memcpy(emergency.text.data() + emergency.length, value, size);
  emergency.length += size;
}

extern "C" void quire_top_crashed(int signal) {
  // Whether it works: nothing could be done about it here.
  if (::write(STDOUT_FILENO, emergency.text.data(), emergency.length) < 0) errno = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &emergency.modes);
  ::raise(signal);  // SA_RESETHAND: now it does what it always does
}

constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr std::array kEndings{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

// Somebody else's handler, a sanitizer's for one, is left in place.
void catch_crashes() {
  for (const char* name : {"sgr0", "cnorm", "rmkx", "rmcup"}) append_capability(name);
  for (const int signal : kCrashes) {
    struct sigaction before{};
    if (::sigaction(signal, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) continue;
    struct sigaction action{};
    action.sa_handler = &quire_top_crashed;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    ::sigaction(signal, &action, nullptr);
  }
}

void leave_crashes() {
  for (const int signal : kCrashes) {
    struct sigaction now{};
    if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == &quire_top_crashed)
      ::signal(signal, SIG_DFL);
  }
  emergency = {};
}

sigset_t set_of(std::span<const int> signals) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals) ::sigaddset(&set, signal);
  return set;
}

constexpr short kColourless = -1;  // as the terminal has it

short colour_of(Style style) {
  switch (style) {
    case Style::kAlert:
      return COLOR_RED;
    case Style::kMiddle:
      return COLOR_CYAN;
    case Style::kLarge:
      return COLOR_YELLOW;
    case Style::kHuge:
      return COLOR_BLUE;
    default:
      return kColourless;
  }
}

attr_t attributes_of(Style style) {
  switch (style) {
    case Style::kDim:
      return A_DIM;
    case Style::kBold:
    case Style::kAlert:
    case Style::kHuge:
      return A_BOLD;
    case Style::kHead:
    case Style::kSelected:
      return A_REVERSE;
    case Style::kSorted:
      return A_REVERSE | A_BOLD | A_UNDERLINE;
    default:
      return A_NORMAL;
  }
}

short pair_of(Style style) { return static_cast<short>(static_cast<int>(style) + 1); }

void make_colours() {
  if (!::has_colors() || ::start_color() == ERR) return;
  const bool own_background = ::use_default_colors() == OK;
  for (std::size_t i = 0; i < kStyles; ++i) {
    const auto style = static_cast<Style>(i);
    const short colour = colour_of(style);
    if (colour != kColourless)
      ::init_pair(pair_of(style), colour, own_background ? kColourless : static_cast<short>(COLOR_BLACK));
  }
}

std::optional<Key> key_of_code(wint_t code) {
  switch (code) {
    case KEY_UP:
      return Key{Kind::kUp};
    case KEY_DOWN:
      return Key{Kind::kDown};
    case KEY_PPAGE:
      return Key{Kind::kPageUp};
    case KEY_NPAGE:
      return Key{Kind::kPageDown};
    case KEY_HOME:
      return Key{Kind::kHome};
    case KEY_END:
      return Key{Kind::kEnd};
    case KEY_ENTER:
      return Key{Kind::kEnter};
    case KEY_BACKSPACE:
      return Key{Kind::kBackspace};
    default:
      break;
  }
  constexpr wint_t kLastFunction = 12;
  if (code > KEY_F0 && code <= KEY_F0 + kLastFunction)
    return Key{.kind = Kind::kFunction, .function = static_cast<unsigned>(code - KEY_F0)};
  return std::nullopt;
}

Key key_of_character(wint_t character) {
  constexpr wint_t kEscape = 27, kDelete = 127, kBackspace = 8;
  if (character == '\n' || character == '\r') return Key{Kind::kEnter};
  if (character == kEscape) return Key{Kind::kEscape};
  if (character == kDelete || character == kBackspace) return Key{Kind::kBackspace};
  return Key{.kind = Kind::kText, .text = static_cast<char32_t>(character)};
}

Diagnostic no_terminal(std::string what) {
  return {Diagnostic::Kind::kUsage, "top", std::move(what),
          "-b prints plain text, --json lines for programs"};
}

}  // namespace

struct Terminal::State {
  SCREEN* screen = nullptr;
  Colour colour = Colour::kOff;
  sigset_t before{};       // the signal mask we were started with
  live::UniqueFd endings;  // signals that end the program, as a file
};

bool can_draw() {
  const char* name = std::getenv("TERM");
  if (name == nullptr || *name == '\0') return false;
  int error = 0;
  if (::setupterm(name, STDOUT_FILENO, &error) != OK) return false;
  const char* move = ::tigetstr(const_cast<char*>("cup"));
  const bool can = move != nullptr && move != reinterpret_cast<const char*>(-1);
  ::del_curterm(cur_term);
  return can;
}

Result<std::unique_ptr<Terminal>, Diagnostic> Terminal::open(Colour colour) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0)
    return fail(no_terminal("standard input and output are to be a terminal"));
  if (!can_draw()) return fail(no_terminal("this terminal cannot be drawn on"));
  auto state = std::make_unique<State>();
  state->colour = colour;
  ::tcgetattr(STDIN_FILENO, &emergency.modes);
  // Blocked, they can come only where we wait: nothing is half done then.
  sigset_t wait_only = set_of(kEndings);
  state->endings = live::UniqueFd(::signalfd(-1, &wait_only, SFD_NONBLOCK | SFD_CLOEXEC));
  ::sigaddset(&wait_only, SIGWINCH);
  ::sigaddset(&wait_only, SIGTSTP);
  ::sigprocmask(SIG_BLOCK, &wait_only, &state->before);
  state->screen = ::newterm(nullptr, stdout, stdin);
  auto terminal = std::unique_ptr<Terminal>(new Terminal(std::move(state)));
  if (terminal->state_->screen == nullptr) return fail(no_terminal("this terminal cannot be drawn on"));
  return terminal;
}

Terminal::Terminal(std::unique_ptr<State> state) : state_(std::move(state)) {
  if (state_->screen == nullptr) return;
  ::cbreak();
  ::noecho();
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  ::set_escdelay(25);
  ::curs_set(0);
  if (state_->colour == Colour::kOn) make_colours();
  catch_crashes();
}

Terminal::~Terminal() {
  if (state_->screen != nullptr) {
    ::endwin();
    leave_crashes();
    ::delscreen(state_->screen);
  }
  ::sigprocmask(SIG_SETMASK, &state_->before, nullptr);
}

Area Terminal::area() const {
  return {static_cast<std::size_t>(std::max(getmaxx(stdscr), 0)),
          static_cast<std::size_t>(std::max(getmaxy(stdscr), 0))};
}

void Terminal::show(const Screen& screen) {
  ::erase();
  for (std::size_t y = 0; y < screen.lines.size(); ++y) {
    ::move(static_cast<int>(y), 0);
    for (const Line::Piece& piece : screen.lines[y].pieces()) {
      const bool coloured = state_->colour == Colour::kOn && colour_of(piece.style) != kColourless;
      ::attr_set(attributes_of(piece.style), coloured ? pair_of(piece.style) : static_cast<short>(0),
                 nullptr);
      ::addstr(piece.text.c_str());
    }
  }
  ::refresh();
}

std::optional<Terminal::Event> Terminal::read_key() {
  wint_t code = 0;
  const int kind = ::get_wch(&code);
  if (kind == ERR) return std::nullopt;
  if (kind == KEY_CODE_YES && code == KEY_RESIZE) return Event{.kind = Event::Kind::kResized, .key = {}};
  const auto key = kind == KEY_CODE_YES ? key_of_code(code) : std::optional(key_of_character(code));
  if (!key) return std::nullopt;
  return Event{.kind = Event::Kind::kKey, .key = *key};
}

Terminal::Event Terminal::wait(Time at_most) {
  if (auto event = read_key()) return *event;
  std::array<pollfd, 2> files{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{state_->endings.get(), POLLIN, 0}};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at_most);
  const timespec timeout{seconds.count(), (at_most - seconds).count()};
  // Those that end us stay blocked: they are read from their file.
  sigset_t mask = state_->before;
  for (const int signal : kEndings) ::sigaddset(&mask, signal);
  // Interrupted: the terminal has another size, or we were stopped and go on.
  if (::ppoll(files.data(), files.size(), &timeout, &mask) < 0)
    return read_key().value_or(Event{.kind = Event::Kind::kResized, .key = {}});
  signalfd_siginfo info{};
  if ((files[1].revents & POLLIN) != 0 &&
      ::read(state_->endings.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    return {.kind = Event::Kind::kSignal, .key = {}, .signal = static_cast<int>(info.ssi_signo)};
  if ((files[0].revents & POLLIN) != 0) {
    if (auto event = read_key()) return *event;
    // Readable, and nothing to read: the other end is gone.
    if ((files[0].revents & POLLHUP) != 0) return {.kind = Event::Kind::kHangup, .key = {}};
  }
  if ((files[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
    return {.kind = Event::Kind::kHangup, .key = {}};
  return {};
}

}  // namespace quire::top
