#include "litmus/kernel_counters.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "litmus/counter_names.h"
#include "live/host.h"

namespace quire::litmus {
namespace {

constexpr std::size_t kVmstatSize = 64 << 10;  // more than /proc/vmstat ever has

// What the kernel gives to whoever comes first, or counts late.
bool is_exact(std::string_view counter) { return !counter.starts_with("thp_zero_page"); }

live::UniqueFd open_to_read(const std::string& path) {
  return live::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
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

KernelCounters::KernelCounters() : vmstat_(open_to_read("/proc/vmstat")), text_(kVmstatSize, '\0') {
  for (unsigned order = 2; order <= kPmdOrder; ++order) {
    for (const std::string_view name : size_counters()) {
      live::UniqueFd file = open_to_read(std::string(live::kThpRoot) + "/" + stat_file(Order(order), name));
      if (!file.valid()) continue;
      sizes_.push_back(std::move(file));
      names_.push_back(counter_name(Order(order), name));
    }
  }
  const ssize_t n = ::pread(vmstat_.get(), text_.data(), text_.size(), 0);
  const std::string_view text(text_.data(), n < 0 ? 0 : static_cast<std::size_t>(n));
  for (const std::string_view name : event_counters()) {
    const std::string word = std::string(name) + ' ';
    if (!is_exact(name) || find_event(text, word, 0) == std::string_view::npos) continue;
    events_.push_back(word);
    names_.emplace_back(name);
  }
}

std::vector<std::int64_t> KernelCounters::read() {
  std::vector<std::int64_t> values;
  values.reserve(names_.size());
  std::array<char, 32> digits{};
  for (const live::UniqueFd& file : sizes_) {
    const ssize_t n = ::pread(file.get(), digits.data(), digits.size(), 0);
    values.push_back(n <= 0 ? 0 : number_at(digits.data(), digits.data() + n));
  }
  read_events(values);
  return values;
}

void KernelCounters::read_events(std::vector<std::int64_t>& values) {
  const ssize_t n = ::pread(vmstat_.get(), text_.data(), text_.size(), 0);
  const std::string_view text(text_.data(), n < 0 ? 0 : static_cast<std::size_t>(n));
  const std::size_t from = text.find("\nthp_");  // those before are few; the rest is long
  for (const std::string& word : events_) {
    std::size_t at = find_event(text, word, word.starts_with("thp_") ? from : 0);
    if (at == std::string_view::npos) at = text.size();
    values.push_back(number_at(text.data() + at, text.data() + text.size()));
  }
}

}  // namespace quire::litmus
