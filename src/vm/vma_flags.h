// vm/vma_flags.h - what a mapping allows and how it wants to be treated.
//
// Mirrors: the VM_* bits of Linux 6.18. Differs: VM_SOFTDIRTY is left out,
// because the reference kernel is built without it (and merging ignores it
// anyway); the temporary stack of exec is a bit of its own here, not a
// combination of others.
#pragma once

#include <cstdint>
#include <string>

namespace quire::vm {

enum class VmFlag : std::uint32_t {
  kRead = 1U << 0,
  kWrite = 1U << 1,
  kExec = 1U << 2,
  kShared = 1U << 3,
  kMayRead = 1U << 4,
  kMayWrite = 1U << 5,
  kMayExec = 1U << 6,
  kMayShare = 1U << 7,
  kGrowsDown = 1U << 8,
  kUffdMissing = 1U << 9,
  kPfnMap = 1U << 10,
  kUffdWp = 1U << 11,
  kUffdMinor = 1U << 12,
  kLocked = 1U << 13,
  kLockOnFault = 1U << 14,
  kIo = 1U << 15,
  kSeqRead = 1U << 16,
  kRandRead = 1U << 17,
  kDontCopy = 1U << 18,
  kDontExpand = 1U << 19,
  kDontDump = 1U << 20,
  kMixedMap = 1U << 21,
  kAccount = 1U << 22,
  kNoReserve = 1U << 23,
  kHugeTlb = 1U << 24,
  kHugePage = 1U << 25,
  kNoHugePage = 1U << 26,
  kWipeOnFork = 1U << 27,
  kMergeable = 1U << 28,
  kDroppable = 1U << 29,
  kSealed = 1U << 30,
  kStackIncompleteSetup = 1U << 31,
};

// A set of VmFlag. Value type.
class VmFlags {
 public:
  constexpr VmFlags() = default;
  // A flag is a set of one. NOLINTNEXTLINE(google-explicit-constructor)
  constexpr VmFlags(VmFlag f) : bits_(static_cast<std::uint32_t>(f)) {}
  constexpr explicit VmFlags(std::uint32_t bits) : bits_(bits) {}
  [[nodiscard]] constexpr std::uint32_t raw() const { return bits_; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr bool has(VmFlag f) const { return (bits_ & static_cast<std::uint32_t>(f)) != 0; }
  [[nodiscard]] constexpr bool has_any(VmFlags o) const { return (bits_ & o.bits_) != 0; }
  [[nodiscard]] constexpr bool has_all(VmFlags o) const { return (bits_ & o.bits_) == o.bits_; }
  [[nodiscard]] constexpr VmFlags without(VmFlags o) const { return VmFlags(bits_ & ~o.bits_); }
  constexpr bool operator==(const VmFlags&) const = default;
  constexpr VmFlags operator|(VmFlags o) const { return VmFlags(bits_ | o.bits_); }
  constexpr VmFlags operator&(VmFlags o) const { return VmFlags(bits_ & o.bits_); }
  constexpr VmFlags& operator|=(VmFlags o) {
    bits_ |= o.bits_;
    return *this;
  }

 private:
  std::uint32_t bits_ = 0;
};

[[nodiscard]] constexpr VmFlags operator|(VmFlag a, VmFlag b) { return VmFlags(a) | VmFlags(b); }

// The kernel's masks of the same names.
inline constexpr VmFlags kVmAccessFlags = VmFlag::kRead | VmFlag::kWrite | VmFlag::kExec;
inline constexpr VmFlags kVmMayFlags =
    VmFlag::kMayRead | VmFlag::kMayWrite | VmFlag::kMayExec | VmFlag::kMayShare;
// Never merged, never collapsed.
inline constexpr VmFlags kVmSpecial = VmFlag::kIo | VmFlag::kDontExpand | VmFlag::kPfnMap | VmFlag::kMixedMap;
inline constexpr VmFlags kVmLockedMask = VmFlag::kLocked | VmFlag::kLockOnFault;
inline constexpr VmFlags kVmUffdFlags = VmFlag::kUffdMissing | VmFlag::kUffdWp | VmFlag::kUffdMinor;
inline constexpr VmFlags kVmNoKhugepaged = kVmSpecial | VmFlag::kHugeTlb;

// "rwxp" followed by the two-letter words of smaps' VmFlags line: "rw-p hg nh".
[[nodiscard]] std::string to_string(VmFlags flags);

}  // namespace quire::vm
