#include "live/counter_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>

namespace quire::live {
namespace {

constexpr std::size_t kVmstatSize = 64 << 10;  // more than /proc/vmstat ever has

UniqueFd open_quietly(const std::filesystem::path& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

std::int64_t number_at(const char* begin, const char* end) {
  std::int64_t n = 0;
  std::from_chars(begin, end, n);
  return n;
}

// Where the line that begins with `word` has its number; npos without one.
std::size_t find_event(std::string_view text, std::string_view word, std::size_t from) {
  for (std::size_t at = text.find(word, from); at != std::string_view::npos; at = text.find(word, at + 1))
    if (at == 0 || text[at - 1] == '\n') return at + word.size();
  return std::string_view::npos;
}

}  // namespace

CounterReader::CounterReader(const std::filesystem::path& vmstat)
    : vmstat_(open_quietly(vmstat)), text_(kVmstatSize, '\0') {}

bool CounterReader::add_file(const std::filesystem::path& file) {
  UniqueFd fd = open_quietly(file);
  if (!fd.valid()) return false;
  files_.push_back(std::move(fd));
  return true;
}

bool CounterReader::add_event(std::string_view name) {
  std::string word = std::string(name) + ' ';
  if (find_event(vmstat_text(), word, 0) == std::string_view::npos) return false;
  events_.push_back(std::move(word));
  return true;
}

std::string_view CounterReader::vmstat_text() {
  const ssize_t n = ::pread(vmstat_.get(), text_.data(), text_.size(), 0);
  return {text_.data(), n < 0 ? 0 : static_cast<std::size_t>(n)};
}

std::vector<std::string> CounterReader::event_names() {
  std::vector<std::string> names;
  std::string_view text = vmstat_text();
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (const std::size_t space = line.find(' '); space != std::string_view::npos)
      names.emplace_back(line.substr(0, space));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return names;
}

std::vector<std::int64_t> CounterReader::read() {
  std::vector<std::int64_t> values;
  values.reserve(files_.size() + events_.size());
  std::array<char, 32> digits{};
  for (const UniqueFd& file : files_) {
    const ssize_t n = ::pread(file.get(), digits.data(), digits.size(), 0);
    values.push_back(n <= 0 ? 0 : number_at(digits.data(), digits.data() + n));
  }
  if (!events_.empty()) read_events(values);
  return values;
}

void CounterReader::read_events(std::vector<std::int64_t>& values) {
  const std::string_view text = vmstat_text();
  const std::size_t from = text.find("\nthp_");  // those before are few; the rest is long
  for (const std::string& word : events_) {
    std::size_t at = find_event(text, word, word.starts_with("thp_") ? from : 0);
    if (at == std::string_view::npos) at = text.size();
    values.push_back(number_at(text.data() + at, text.data() + text.size()));
  }
}

}  // namespace quire::live
