#include "convert/strace_line.h"

#include <cstring>

#include "convert/text_cursor.h"

namespace quire::convert {
namespace {

using What = StraceLine::What;
using Clock = StraceLine::Clock;

constexpr std::size_t kMaxArgs = 4096;
constexpr int kMaxErrno = 4095;
// Seconds since 1970 are more than this; a program that runs for three years is
// not traced.
constexpr std::uint64_t kEpochNs = 100'000'000ULL * 1'000'000'000ULL;
constexpr std::uint64_t kSecond = 1'000'000'000;

// "HH:MM:SS[.ffffff]" behind the hours.
std::optional<std::uint64_t> day_time(TextCursor& cursor, std::uint64_t hours) {
  if (!cursor.skip(":")) return std::nullopt;
  const auto minutes = cursor.number<std::uint64_t>();
  if (hours >= 24 || !minutes || *minutes >= 60 || !cursor.skip(":")) return std::nullopt;
  const auto seconds = take_seconds(cursor);
  if (!seconds || *seconds >= 61 * kSecond) return std::nullopt;
  return (hours * 3600 + *minutes * 60) * kSecond + *seconds;
}

// A number at the front is a task when no time could look like it.
void take_task(TextCursor& cursor, StraceLine& line) {
  TextCursor ahead = cursor;
  const bool bracket = ahead.skip("[pid ");
  ahead.skip_spaces();
  const auto tid = ahead.number<std::uint32_t>();
  if (!tid || (bracket && !ahead.skip("]")) || !(ahead.skip(" ") || ahead.skip("\t"))) return;
  line.tid = *tid;
  ahead.skip_spaces();
  cursor = ahead;
}

void take_time(TextCursor& cursor, StraceLine& line) {
  TextCursor ahead = cursor;
  TextCursor number = cursor;
  const auto hours = number.number<std::uint64_t>();
  if (!hours) return;
  if (number.rest().starts_with(':')) {
    const auto time = day_time(number, *hours);
    if (!time || !number.skip(" ")) return;
    line.clock = Clock::kDay;
    line.time_ns = *time;
    cursor = number;
  } else if (const auto time = take_seconds(ahead); time && ahead.skip(" ")) {
    line.clock = *time > kEpochNs ? Clock::kEpoch : Clock::kStep;
    line.time_ns = *time;
    cursor = ahead;
  }
  cursor.skip_spaces();
}

bool is_name(std::string_view text) {
  if (text.empty() || is_digit(text.front())) return false;
  for (const char c : text) {
    if ((c < 'a' || c > 'z') && !is_digit(c) && c != '_') return false;
  }
  return true;
}

// Where the bracket that `open` would close stands, or a comma of the top level.
class Nesting {
 public:
  // False: a bracket closes that none has opened, or too deep.
  bool step(char c) {
    if (quoted_) {
      if (c == '"' && !escaped_) quoted_ = false;
      escaped_ = c == '\\' && !escaped_;
      return true;
    }
    if (c == '"') quoted_ = true;
    if (c == '(' || c == '[' || c == '{') ++depth_;
    if (c == ')' || c == ']' || c == '}') --depth_;
    return depth_ >= 0;
  }
  [[nodiscard]] bool top() const { return depth_ == 0 && !quoted_; }

 private:
  int depth_ = 0;
  bool quoted_ = false;
  bool escaped_ = false;
};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// "3</a, b>": the name that -y puts behind a descriptor, up to its '>'.
std::size_t decoration(std::string_view text, std::size_t at) {
  if (at == 0 || text[at] != '<' || !is_digit(text[at - 1])) return 0;
  const auto end = text.find('>', at);
  return end == std::string_view::npos ? 0 : end - at;
}

int error_number(std::string_view name) {
  for (int number = 1; number < 200; ++number) {
    const char* const known = ::strerrorname_np(number);
    if (known != nullptr && name == known) return number;
  }
  return 0;
}

}  // namespace

Result<StraceLine, std::string> split_strace(std::string_view text) {
  StraceLine line;
  // strace's own messages, and the steps of -k.
  if (text.empty() || text.starts_with("strace: ") || text.starts_with(" > ")) return line;
  TextCursor cursor(text);
  cursor.skip_spaces();
  take_task(cursor, line);
  take_time(cursor, line);
  if (cursor.rest().starts_with("+++ ")) {
    line.what = What::kEnded;
    line.text = cursor.rest();
    return line;
  }
  if (cursor.rest().starts_with("--- ")) return line;
  if (cursor.skip("<... ")) {
    const auto name = cursor.until(" resumed>");
    if (!name || !is_name(*name)) return fail(std::string("expected <... NAME resumed>"));
    line.what = What::kResumed;
    line.name = *name;
    line.text = cursor.rest();
    return line;
  }
  const auto name = cursor.until("(");
  if (!name || !is_name(*name)) return fail(std::string("expected [PID] [TIME] NAME(ARGUMENTS) = RESULT"));
  line.name = *name;
  line.text = cursor.rest();
  constexpr std::string_view kUnfinished = "<unfinished ...>";
  line.what = line.text.ends_with(kUnfinished) ? What::kUnfinished : What::kCall;
  if (line.what == What::kUnfinished) line.text.remove_suffix(kUnfinished.size());
  return line;
}

std::optional<StraceCall> split_call(std::string_view text) {
  StraceCall call;
  Nesting nesting;
  std::size_t begin = 0;
  const auto end_argument = [&](std::size_t at) {
    const std::string_view arg = trimmed(text.substr(begin, at - begin));
    if (!arg.empty()) call.args.push_back(arg);
    begin = at + 1;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (nesting.top()) {
      if (const std::size_t name = decoration(text, i); name != 0) {
        i += name;
        continue;
      }
      if (text[i] == ')') {
        end_argument(i);
        call.behind = trimmed(text.substr(i + 1));
        return call.args.size() <= kMaxArgs ? std::optional(std::move(call)) : std::nullopt;
      }
      if (text[i] == ',') {
        end_argument(i);
        if (call.args.size() > kMaxArgs) return std::nullopt;
        continue;
      }
    }
    if (!nesting.step(text[i])) return std::nullopt;
  }
  if (!nesting.top()) return std::nullopt;
  end_argument(text.size());  // unfinished: no bracket yet
  return call;
}

Result<std::optional<std::int64_t>, std::string> read_result(std::string_view behind) {
  TextCursor cursor(behind);
  if (!cursor.skip("= ")) return fail(std::string("expected = RESULT behind the arguments"));
  if (cursor.skip("?")) return std::optional<std::int64_t>();
  if (cursor.skip("-1 ")) {
    const int number = error_number(cursor.word());
    return std::optional<std::int64_t>(number == 0 ? -1 : -number);
  }
  if (cursor.rest().starts_with('-')) {
    const auto value = cursor.number<std::int64_t>();
    if (!value || *value < -kMaxErrno) return fail(std::string("expected an error's number behind = -"));
    return std::optional<std::int64_t>(*value);
  }
  const auto value = cursor.address_or_number();
  if (!value || *value > INT64_MAX) return fail(std::string("expected = and a number, an address or ?"));
  return std::optional<std::int64_t>(static_cast<std::int64_t>(*value));
}

std::optional<std::string> read_string(std::string_view arg) {
  if (arg.size() < 2 || arg.front() != '"') return std::nullopt;
  std::string text;
  for (std::size_t i = 1; i < arg.size(); ++i) {
    if (arg[i] == '"') return text;
    if (arg[i] != '\\' || i + 1 == arg.size()) {
      text += arg[i];
      continue;
    }
    ++i;
    constexpr std::string_view kLetters = "nrtvf";
    constexpr std::string_view kMeaning = "\n\r\t\v\f";
    if (const auto at = kLetters.find(arg[i]); at != std::string_view::npos) {
      text += kMeaning[at];
    } else if (arg[i] >= '0' && arg[i] <= '7') {
      unsigned byte = 0;
      std::size_t digits = 0;
      for (; digits < 3 && i + digits < arg.size() && arg[i + digits] >= '0' && arg[i + digits] <= '7';
           ++digits)
        byte = byte * 8 + static_cast<unsigned>(arg[i + digits] - '0');
      text += static_cast<char>(byte & 0xff);
      i += digits - 1;
    } else {
      text += arg[i];
    }
  }
  return std::nullopt;
}

}  // namespace quire::convert
