// vm/vma_flags.h - what a mapping allows and how it wants to be treated.
//
// Mirrors: the VM_* bits of Linux 6.18. Differs: VM_SOFTDIRTY is left out,
// because the reference kernel is built without it (and merging ignores it
// anyway); the temporary stack of exec is a bit of its own here, not a
// combination of others. The bits from 32 on have numbers of their own.
#pragma once

#include <cstdint>
#include <string>

namespace quire::vm {

enum class VmFlag : std::uint64_t {
  kRead = 1ULL << 0,
  kWrite = 1ULL << 1,
  kExec = 1ULL << 2,
  kShared = 1ULL << 3,
  kMayRead = 1ULL << 4,
  kMayWrite = 1ULL << 5,
  kMayExec = 1ULL << 6,
  kMayShare = 1ULL << 7,
  kGrowsDown = 1ULL << 8,
  kUffdMissing = 1ULL << 9,
  kPfnMap = 1ULL << 10,
  kUffdWp = 1ULL << 11,
  kUffdMinor = 1ULL << 12,
  kLocked = 1ULL << 13,
  kLockOnFault = 1ULL << 14,
  kIo = 1ULL << 15,
  kSeqRead = 1ULL << 16,
  kRandRead = 1ULL << 17,
  kDontCopy = 1ULL << 18,
  kDontExpand = 1ULL << 19,
  kDontDump = 1ULL << 20,
  kMixedMap = 1ULL << 21,
  kAccount = 1ULL << 22,
  kNoReserve = 1ULL << 23,
  kHugeTlb = 1ULL << 24,
  kHugePage = 1ULL << 25,
  kNoHugePage = 1ULL << 26,
  kWipeOnFork = 1ULL << 27,
  kMergeable = 1ULL << 28,
  kDroppable = 1ULL << 29,
  kSealed = 1ULL << 30,
  kStackIncompleteSetup = 1ULL << 31,
  // Not of Linux 6.18: set only under named policies that take them.
  kMarkedName = 1ULL << 32,  // its name is one the policy knows
  kThpCow = 1ULL << 33,      // MADV_THP_COW
  kSized = 1ULL << 34,       // has a set of sizes of its own: kVmSizes, one bit for each order
  // Of arm64 (VM_MTE, VM_MTE_ALLOWED), on machines with memory tags.
  kMte = 1ULL << 35,         // PROT_MTE: its pages have tags; mprotect never takes it away
  kMteAllowed = 1ULL << 36,  // may get kMte: no page of it comes from a disk
  // Of Linux 6.19 and of builds of 6.18 that took it over (VM_MAYBE_GUARD).
  kMaybeGuard = 1ULL << 37,  // had a guard marker once, or was merged with one that had; never taken away
};

// A set of VmFlag. Value type.
class VmFlags {
 public:
  constexpr VmFlags() = default;
  // A flag is a set of one. NOLINTNEXTLINE(google-explicit-constructor)
  constexpr VmFlags(VmFlag f) : bits_(static_cast<std::uint64_t>(f)) {}
  constexpr explicit VmFlags(std::uint64_t bits) : bits_(bits) {}
  [[nodiscard]] constexpr std::uint64_t raw() const { return bits_; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr bool has(VmFlag f) const { return (bits_ & static_cast<std::uint64_t>(f)) != 0; }
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
  std::uint64_t bits_ = 0;
};

[[nodiscard]] constexpr VmFlags operator|(VmFlag a, VmFlag b) { return VmFlags(a) | VmFlags(b); }

// The kernel's masks of the same names.
inline constexpr VmFlags kVmAccessFlags = VmFlag::kRead | VmFlag::kWrite | VmFlag::kExec;
inline constexpr VmFlags kVmMayFlags =
    VmFlag::kMayRead | VmFlag::kMayWrite | VmFlag::kMayExec | VmFlag::kMayShare;
inline constexpr unsigned kVmSizesShift = 40;
inline constexpr VmFlags kVmSizes{0x3ffULL << kVmSizesShift};
// Never merged, never collapsed.
inline constexpr VmFlags kVmSpecial = VmFlag::kIo | VmFlag::kDontExpand | VmFlag::kPfnMap | VmFlag::kMixedMap;
// What its table says cannot be had again by a fault: fork copies it.
inline constexpr VmFlags kVmCopyOnFork =
    VmFlag::kPfnMap | VmFlag::kMixedMap | VmFlag::kUffdWp | VmFlag::kMaybeGuard;
// No obstacle to a merge; what comes out has it when one of its parts had.
inline constexpr VmFlags kVmSticky = VmFlag::kMaybeGuard;
inline constexpr VmFlags kVmLockedMask = VmFlag::kLocked | VmFlag::kLockOnFault;
inline constexpr VmFlags kVmUffdFlags = VmFlag::kUffdMissing | VmFlag::kUffdWp | VmFlag::kUffdMinor;
inline constexpr VmFlags kVmNoKhugepaged = kVmSpecial | VmFlag::kHugeTlb;

// "rwxp" followed by the two-letter words of smaps' VmFlags line: "rw-p hg nh".
[[nodiscard]] std::string to_string(VmFlags flags);

}  // namespace quire::vm
