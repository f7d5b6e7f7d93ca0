// lab/as_recorded.h - makes this process a place to start a recorded program
// from, and makes it itself again afterwards.
#pragma once

#include <sys/resource.h>

#include <string>
#include <utility>
#include <vector>

#include "live/unique_fd.h"
#include "quire/result.h"
#include "trace/header.h"

namespace quire::lab {

// The environment (byte for byte: its strings move the stack), working folder
// and memory limits of a recording, for the children of this process.
//
// Owns        : the changes; the destructor takes them back
// Invariants  : I-ASREC-1 one at a time, and no other thread looks at the
//               environment meanwhile
class AsRecorded {
 public:
  // kUsage when the recording was scrubbed: its values are not known.
  [[nodiscard]] static Result<AsRecorded, Diagnostic> enter(const std::string& file,
                                                            const trace::Header& header);

  AsRecorded(AsRecorded&& other) noexcept;
  AsRecorded& operator=(AsRecorded&&) = delete;
  ~AsRecorded();

 private:
  using Limit = std::pair<__rlimit_resource, rlimit>;
  AsRecorded() = default;
  [[nodiscard]] Result<void, Diagnostic> set_limits(const std::string& file, const trace::Header& header);

  std::vector<std::string> strings_;
  std::vector<char*> entries_;
  char** environment_ = nullptr;  // of before; null when there is nothing to take back
  live::UniqueFd folder_;
  std::vector<Limit> limits_;
};

}  // namespace quire::lab
