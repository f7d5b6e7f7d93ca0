// live/file_ops.h - the small files of the outside world, behind one seam, so
// that a test can fail, or die, at each single step.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include "quire/result.h"

namespace quire::live {

class FileOps {
 public:
  virtual ~FileOps() = default;
  // The whole text of a small file.
  [[nodiscard]] virtual Result<std::string, std::errc> read(const std::filesystem::path& path);
  // One write(2) of the whole text to an existing file, as sysfs wants it.
  [[nodiscard]] virtual Result<void, std::errc> write(const std::filesystem::path& path,
                                                      const std::string& text);
  // Puts a file with this text in place at once, readable by its owner only; on
  // disk, directory entry included, on return.
  [[nodiscard]] virtual Result<void, std::errc> replace(const std::filesystem::path& path,
                                                        const std::string& text);
  [[nodiscard]] virtual Result<void, std::errc> remove(const std::filesystem::path& path);
  // Gives a file another name, at once: it has the one or the other. Not synced.
  [[nodiscard]] virtual Result<void, std::errc> rename(const std::filesystem::path& from,
                                                       const std::filesystem::path& to);
  // swapoff(2)
  [[nodiscard]] virtual Result<void, std::errc> swapoff(const std::filesystem::path& device);
};

[[nodiscard]] FileOps& real_file_ops();

// "permission denied" and the like.
[[nodiscard]] std::string message_of(std::errc error);

// The error that errno holds now.
[[nodiscard]] std::errc last_errc();

}  // namespace quire::live
