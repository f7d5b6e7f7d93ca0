#include "convert/line_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace quire::convert {
namespace {

constexpr std::size_t kBlock = 1U << 20;

Diagnostic unreadable(const std::string& name, int error) {
  return {.where = name, .what = fmt::format("cannot be read: {}", std::strerror(error)), .hint = ""};
}

}  // namespace

Result<LineSource, Diagnostic> LineSource::open(const std::string& path) {
  const bool standard = path == "-";
  live::UniqueFd fd(standard ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string name = standard ? "standard input" : path;
  if (!fd.valid()) return fail(unreadable(name, errno));
  return LineSource(std::move(name), std::move(fd));
}

LineSource LineSource::of_text(std::string_view text) {
  LineSource source("text", live::UniqueFd());
  source.buffer_ = text;
  return source;
}

bool LineSource::refill() {
  if (!fd_.valid()) return false;
  buffer_.erase(0, std::exchange(at_, 0));
  const std::size_t held = buffer_.size();
  buffer_.resize(held + kBlock);
  ssize_t got = 0;
  do got = ::read(fd_.get(), buffer_.data() + held, kBlock);
  while (got < 0 && errno == EINTR);
  if (got < 0) error_ = unreadable(name_, errno);
  buffer_.resize(held + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got <= 0) fd_.reset();
  return got > 0;
}

std::optional<std::string_view> LineSource::next() {
  std::size_t searched = 0;
  std::size_t end = std::string::npos;
  while ((end = buffer_.find('\n', at_ + searched)) == std::string::npos) {
    searched = buffer_.size() - at_;
    if (searched > kMaxLine || !refill()) break;
  }
  if (error_ || (end == std::string::npos && at_ == buffer_.size())) return std::nullopt;
  // Without a line end: the last line, or one that is cut.
  const bool whole = end != std::string::npos && end - at_ <= kMaxLine;
  const std::size_t length = std::min((end == std::string::npos ? buffer_.size() : end) - at_, kMaxLine);
  std::string_view line(buffer_.data() + at_, length);
  at_ += length + (whole ? 1 : 0);
  ++number_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::vector<std::string> LineSource::peek(std::size_t count) {
  std::vector<std::string> lines;
  while (buffer_.size() < kBlock / 2 && refill()) {
  }
  for (std::size_t at = 0; at < buffer_.size() && lines.size() < count;) {
    const std::size_t end = std::min(buffer_.find('\n', at), buffer_.size());
    lines.push_back(buffer_.substr(at, std::min(end - at, kMaxLine)));
    at = end + 1;
  }
  return lines;
}

}  // namespace quire::convert
