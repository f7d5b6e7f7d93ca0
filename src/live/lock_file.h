// live/lock_file.h - one holder at a time, by name.
#pragma once

#include <filesystem>

#include "live/unique_fd.h"
#include "quire/result.h"

namespace quire::live {

// LockFile holds an exclusive flock(2) on a file that names the holder's pid.
// The kernel gives it up when the last process sharing the descriptor is gone,
// so there are no stale locks. The file itself stays.
class LockFile {
 public:
  // Makes the folder (0700) and the file when missing. Held by another: a
  // Diagnostic that names its pid. A folder that belongs to another user is
  // refused: whoever owns it could plant a journal.
  [[nodiscard]] static Result<LockFile, Diagnostic> take(const std::filesystem::path& path);

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit LockFile(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace quire::live
