// vm/file_ref.h - which file a mapping shows.
//
// The address-space structure only asks whether two mappings show the same
// file; what the file holds is nobody's business here.
#pragma once

#include <compare>
#include <cstdint>

namespace quire::vm {

// The number of an open file that is mapped. Two mmap calls through one open
// file share it (and may merge); two opens of one path do not.
class FileId {
 public:
  constexpr FileId() = default;
  constexpr explicit FileId(std::uint32_t id) : id_(id) {}
  [[nodiscard]] static constexpr FileId none() { return FileId(); }
  [[nodiscard]] constexpr bool valid() const { return id_ != 0; }
  [[nodiscard]] constexpr std::uint32_t raw() const { return id_; }
  constexpr auto operator<=>(const FileId&) const = default;

 private:
  std::uint32_t id_ = 0;
};

enum class FileKind : std::uint8_t {
  kNone,     // anonymous memory
  kRegular,  // a file of a file system
  kShmem,    // tmpfs, memfd, MAP_SHARED | MAP_ANONYMOUS, System V
  kHugetlb,
  kDevice,  // a device or one of the kernel's special mappings (vdso, vvar)
};

struct FileRef {
  FileId id;
  FileKind kind = FileKind::kNone;

  [[nodiscard]] static constexpr FileRef none() { return {}; }
  [[nodiscard]] constexpr bool is_none() const { return kind == FileKind::kNone; }
  // Whether the file wants to hear when a mapping of it goes: the kernel does
  // not let a merge swallow such a mapping silently.
  [[nodiscard]] constexpr bool has_close() const { return kind == FileKind::kHugetlb; }
  constexpr bool operator==(const FileRef&) const = default;
};

}  // namespace quire::vm
