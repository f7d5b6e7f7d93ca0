// convert/line_source.h - the lines of a text, however long it is, each in a
// bounded piece of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "live/unique_fd.h"
#include "quire/result.h"

namespace quire::convert {

// Gives a text line by line, without the line ends ("\n" or "\r\n").
//
// Owns        : the file and one buffer. What next() gave is valid until the
//               next call.
// Invariants  : I-LINES-1 the buffer never holds more than a block and a line of
//               kMaxLine bytes
class LineSource {
 public:
  // A line that is longer is cut here; no tool that is read writes such lines.
  static constexpr std::size_t kMaxLine = 64U << 10;

  // "-" is standard input.
  [[nodiscard]] static Result<LineSource, Diagnostic> open(const std::string& path);
  [[nodiscard]] static LineSource of_text(std::string_view text);

  // Nothing at the end, or when the file cannot be read on: see error().
  [[nodiscard]] std::optional<std::string_view> next();
  // The first lines, at most `count`, which next() gives all the same. Before
  // the first next().
  [[nodiscard]] std::vector<std::string> peek(std::size_t count);

  [[nodiscard]] const std::string& name() const { return name_; }
  // Of the line given last, from 1.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] const std::optional<Diagnostic>& error() const { return error_; }

 private:
  LineSource(std::string name, live::UniqueFd fd) : name_(std::move(name)), fd_(std::move(fd)) {}
  // Puts more behind what is left; false at the end.
  bool refill();

  std::string name_;
  live::UniqueFd fd_;  // closed once everything is in the buffer
  std::string buffer_;
  std::size_t at_ = 0;  // in the buffer: where the next line begins
  std::uint64_t number_ = 0;
  std::optional<Diagnostic> error_;
};

}  // namespace quire::convert
