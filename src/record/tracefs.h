// record/tracefs.h - numbers and layouts of the kernel's tracepoints.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "live/unique_fd.h"
#include "quire/result.h"

namespace quire::record {

struct TracepointFormat {
  std::uint64_t id = 0;
  struct Field {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };
  std::map<std::string, Field, std::less<>> fields;

  // A field that is not there has size 0.
  [[nodiscard]] Field field(std::string_view name) const;
};

// Reads the text of a `format` file. Nothing in it is trusted but its shape.
[[nodiscard]] Result<TracepointFormat, Diagnostic> parse_format(std::string_view text);

// The tracing file system, also where it is mounted nowhere: then an instance
// is opened that no path leads to and that ends with this object.
class Tracefs {
 public:
  [[nodiscard]] static Result<Tracefs, Diagnostic> open();

  // `event` as "exceptions/page_fault_user".
  [[nodiscard]] Result<TracepointFormat, Diagnostic> format(const std::string& event) const;

 private:
  explicit Tracefs(live::UniqueFd root) : root_(std::move(root)) {}

  live::UniqueFd root_;
};

}  // namespace quire::record
