// base/report.h - collects broken invariants, so that a checker can name all
// of them at once instead of stopping at the first.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace quire::base {

class InvariantReport {
 public:
  // Notes that invariant `id` ("I-BUDDY-2") does not hold, and why.
  template <typename... Args>
  void broken(const char* id, fmt::format_string<Args...> text, Args&&... args) {
    lines_.push_back(std::string(id) + ": " + fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] bool ok() const { return lines_.empty(); }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
  [[nodiscard]] std::string text() const { return fmt::format("{}", fmt::join(lines_, "\n")); }

 private:
  std::vector<std::string> lines_;
};

}  // namespace quire::base
