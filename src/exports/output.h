// exports/output.h - where an export goes: standard output, or a file that
// appears whole.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "quire/result.h"

namespace quire::exports {

// Whether the file begins as recordings do. What cannot be read does not.
[[nodiscard]] bool is_recording(const std::string& path);

// Takes text or bytes, in order.
//
// States      : Open -> Finished. Dropped before, the file that was named is as it was.
// Owns        : the file beside the one that was named, which takes its place in finish():
//               who reads it meanwhile sees the old one or the new one
class Output {
 public:
  // Empty or "-": standard output. kUsage for an existing recording: it is no
  // export, and was most likely named by mistake.
  [[nodiscard]] static Result<Output, Diagnostic> open(const std::string& path);

  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;
  ~Output();

  // A failure is remembered and told by finish().
  void write(std::string_view bytes);
  [[nodiscard]] Result<void, Diagnostic> finish();
  // Standard output, and a person looks at it.
  [[nodiscard]] bool is_terminal() const;

 private:
  Output(std::string path, std::string part, std::FILE* file)
      : path_(std::move(path)), part_(std::move(part)), file_(file) {}
  [[nodiscard]] Diagnostic broken(int error) const;

  std::string path_;
  std::string part_;  // empty: standard output
  std::FILE* file_;
  int error_ = 0;
};

}  // namespace quire::exports
