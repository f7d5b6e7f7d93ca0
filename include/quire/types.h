// quire/types.h - the quantities of memory management, each its own type.
//
// Mixing an address, a frame number, an order, a number of pages and a number
// of bytes is the commonest mistake in this field, so here it does not
// compile. Construction is explicit, `a - b` of two positions gives a count,
// `a + count` gives a position, and `.raw()` is the only way out.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace quire {

// The base page is chosen when Quire is compiled, as for Linux: 4 KiB (12)
// unless told otherwise, 16 KiB (14) or 64 KiB (16) for arm64.
#ifndef QUIRE_PAGE_SHIFT
#define QUIRE_PAGE_SHIFT 12
#endif
inline constexpr unsigned kPageShift = QUIRE_PAGE_SHIFT;
inline constexpr std::uint64_t kPageSize = 1ULL << kPageShift;
// A table of one page holds 8-byte entries. With 4 KiB: one PMD entry is 2 MiB.
inline constexpr unsigned kPmdOrder = kPageShift - 3;
// The largest buddy block; with 4 KiB: 4 MiB.
inline constexpr unsigned kMaxOrder = kPmdOrder < 10 ? 10 : kPmdOrder;
inline constexpr std::uint64_t kPmdSize = kPageSize << kPmdOrder;

// A number of bytes.
class ByteCount {
 public:
  constexpr ByteCount() = default;
  constexpr explicit ByteCount(std::uint64_t bytes) : bytes_(bytes) {}
  [[nodiscard]] constexpr std::uint64_t raw() const { return bytes_; }
  constexpr auto operator<=>(const ByteCount&) const = default;
  constexpr ByteCount operator+(ByteCount o) const { return ByteCount(bytes_ + o.bytes_); }
  constexpr ByteCount operator-(ByteCount o) const { return ByteCount(bytes_ - o.bytes_); }
  constexpr ByteCount& operator+=(ByteCount o) {
    bytes_ += o.bytes_;
    return *this;
  }
  constexpr ByteCount& operator-=(ByteCount o) {
    bytes_ -= o.bytes_;
    return *this;
  }

 private:
  std::uint64_t bytes_ = 0;
};

constexpr ByteCount operator""_KiB(unsigned long long n) { return ByteCount(n << 10); }
constexpr ByteCount operator""_MiB(unsigned long long n) { return ByteCount(n << 20); }
constexpr ByteCount operator""_GiB(unsigned long long n) { return ByteCount(n << 30); }

// A number of base pages.
class PageCount {
 public:
  constexpr PageCount() = default;
  constexpr explicit PageCount(std::uint64_t pages) : pages_(pages) {}
  // The pages a range of `bytes` needs, rounded up.
  [[nodiscard]] static constexpr PageCount covering(ByteCount bytes) {
    return PageCount((bytes.raw() + kPageSize - 1) >> kPageShift);
  }
  [[nodiscard]] constexpr std::uint64_t raw() const { return pages_; }
  [[nodiscard]] constexpr ByteCount bytes() const { return ByteCount(pages_ << kPageShift); }
  constexpr auto operator<=>(const PageCount&) const = default;
  constexpr PageCount operator+(PageCount o) const { return PageCount(pages_ + o.pages_); }
  constexpr PageCount operator-(PageCount o) const { return PageCount(pages_ - o.pages_); }
  constexpr PageCount& operator+=(PageCount o) {
    pages_ += o.pages_;
    return *this;
  }
  constexpr PageCount& operator-=(PageCount o) {
    pages_ -= o.pages_;
    return *this;
  }

 private:
  std::uint64_t pages_ = 0;
};

// The binary logarithm of a number of pages: order 0 is 4 KiB, order 4 is
// 64 KiB, order 9 is 2 MiB.
class Order {
 public:
  constexpr Order() = default;
  constexpr explicit Order(unsigned order) : order_(static_cast<std::uint8_t>(order)) {}
  [[nodiscard]] constexpr unsigned raw() const { return order_; }
  [[nodiscard]] constexpr PageCount pages() const { return PageCount(1ULL << order_); }
  [[nodiscard]] constexpr ByteCount bytes() const { return ByteCount(kPageSize << order_); }
  constexpr auto operator<=>(const Order&) const = default;

 private:
  std::uint8_t order_ = 0;
};

inline constexpr Order kOrder0{0};
inline constexpr Order kOrderPmd{kPmdOrder};
inline constexpr std::uint32_t kPagesPerPmd = 1U << kPmdOrder;

// A set of orders, one bit each (bit 4 is order 4).
class OrderSet {
 public:
  constexpr OrderSet() = default;
  constexpr explicit OrderSet(std::uint32_t bits) : bits_(bits) {}
  [[nodiscard]] static constexpr OrderSet of(Order o) { return OrderSet(1U << o.raw()); }
  [[nodiscard]] constexpr std::uint32_t raw() const { return bits_; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr bool contains(Order o) const { return ((bits_ >> o.raw()) & 1U) != 0; }
  // The largest order of the set. The set must not be empty.
  [[nodiscard]] constexpr Order highest() const {
    return Order(31U - static_cast<unsigned>(__builtin_clz(bits_)));
  }
  [[nodiscard]] constexpr OrderSet below(Order o) const { return OrderSet(bits_ & ((1U << o.raw()) - 1U)); }
  [[nodiscard]] constexpr OrderSet without(Order o) const { return OrderSet(bits_ & ~(1U << o.raw())); }
  constexpr bool operator==(const OrderSet&) const = default;
  constexpr OrderSet operator|(OrderSet o) const { return OrderSet(bits_ | o.bits_); }
  constexpr OrderSet operator&(OrderSet o) const { return OrderSet(bits_ & o.bits_); }

 private:
  std::uint32_t bits_ = 0;
};

// The sizes anonymous memory may use on Linux 6.18: orders 2 (four pages) to
// that of a PMD entry.
inline constexpr OrderSet kAnonOrders{(2U << kPmdOrder) - 4U};

// An address in a process.
class VirtAddr {
 public:
  constexpr VirtAddr() = default;
  constexpr explicit VirtAddr(std::uint64_t addr) : addr_(addr) {}
  [[nodiscard]] constexpr std::uint64_t raw() const { return addr_; }
  constexpr auto operator<=>(const VirtAddr&) const = default;
  constexpr VirtAddr operator+(ByteCount n) const { return VirtAddr(addr_ + n.raw()); }
  constexpr VirtAddr operator-(ByteCount n) const { return VirtAddr(addr_ - n.raw()); }
  constexpr ByteCount operator-(VirtAddr o) const { return ByteCount(addr_ - o.addr_); }
  constexpr VirtAddr operator+(PageCount n) const { return *this + n.bytes(); }
  constexpr VirtAddr operator-(PageCount n) const { return *this - n.bytes(); }
  constexpr VirtAddr& operator+=(ByteCount n) {
    addr_ += n.raw();
    return *this;
  }
  constexpr VirtAddr& operator+=(PageCount n) {
    addr_ += n.bytes().raw();
    return *this;
  }
  // The start of the block of `order` pages this address lies in, and the
  // first such block start at or above it.
  [[nodiscard]] constexpr VirtAddr align_down(Order o = kOrder0) const {
    return VirtAddr(addr_ & ~(o.bytes().raw() - 1));
  }
  [[nodiscard]] constexpr VirtAddr align_up(Order o = kOrder0) const {
    return VirtAddr((addr_ + o.bytes().raw() - 1) & ~(o.bytes().raw() - 1));
  }
  [[nodiscard]] constexpr bool aligned(Order o = kOrder0) const {
    return (addr_ & (o.bytes().raw() - 1)) == 0;
  }
  [[nodiscard]] constexpr std::uint64_t page_offset() const { return addr_ & (kPageSize - 1); }
  // The number of the page this address lies in, counted from address 0.
  [[nodiscard]] constexpr std::uint64_t page_number() const { return addr_ >> kPageShift; }

 private:
  std::uint64_t addr_ = 0;
};

// Whole pages between two page-aligned addresses.
[[nodiscard]] constexpr PageCount pages_between(VirtAddr begin, VirtAddr end) {
  return PageCount((end.raw() - begin.raw()) >> kPageShift);
}

// A half-open range of addresses.
struct VirtRange {
  VirtAddr begin;
  VirtAddr end;
  [[nodiscard]] constexpr bool empty() const { return begin >= end; }
  [[nodiscard]] constexpr ByteCount size() const { return end - begin; }
  [[nodiscard]] constexpr bool contains(VirtAddr a) const { return begin <= a && a < end; }
  [[nodiscard]] constexpr bool covers(VirtRange o) const { return begin <= o.begin && o.end <= end; }
  [[nodiscard]] constexpr bool overlaps(VirtRange o) const { return begin < o.end && o.begin < end; }
  constexpr bool operator==(const VirtRange&) const = default;
};

// The number of a physical frame.
class Pfn {
 public:
  constexpr Pfn() = default;
  constexpr explicit Pfn(std::uint64_t pfn) : pfn_(static_cast<std::uint32_t>(pfn)) {}
  // The frame number that names no frame.
  [[nodiscard]] static constexpr Pfn invalid() { return Pfn(0xffffffffU); }
  [[nodiscard]] constexpr bool valid() const { return pfn_ != 0xffffffffU; }
  [[nodiscard]] constexpr std::uint64_t raw() const { return pfn_; }
  constexpr auto operator<=>(const Pfn&) const = default;
  constexpr Pfn operator+(PageCount n) const { return Pfn(pfn_ + n.raw()); }
  constexpr Pfn operator-(PageCount n) const { return Pfn(pfn_ - n.raw()); }
  constexpr PageCount operator-(Pfn o) const { return PageCount(pfn_ - o.pfn_); }
  [[nodiscard]] constexpr Pfn align_down(Order o) const { return Pfn(pfn_ & ~(o.pages().raw() - 1)); }
  [[nodiscard]] constexpr bool aligned(Order o) const { return (pfn_ & (o.pages().raw() - 1)) == 0; }

 private:
  std::uint32_t pfn_ = 0;  // 32 bits of 4 KiB frames: machines up to 16 TiB
};

// Where a page lies that is in no frame: which swap device, and which slot of it.
class SwapEntry {
 public:
  constexpr SwapEntry() = default;
  constexpr SwapEntry(std::uint8_t device, std::uint64_t slot) : device_(device), slot_(slot) {}
  // The number of the device, as swapon gave it (the kernel's swp_type).
  [[nodiscard]] constexpr std::uint8_t device() const { return device_; }
  // The slot, one page each, counted from the start of the device (swp_offset).
  // Slot 0 holds the device's header and is nobody's.
  [[nodiscard]] constexpr std::uint64_t slot() const { return slot_; }
  constexpr auto operator<=>(const SwapEntry&) const = default;
  constexpr SwapEntry operator+(PageCount n) const { return {device_, slot_ + n.raw()}; }

 private:
  std::uint8_t device_ = 0;
  std::uint64_t slot_ = 0;
};

// A memory tag of arm64's Memory Tagging Extension: four bits that belong to
// 16 bytes of memory.
class MemoryTag {
 public:
  constexpr MemoryTag() = default;
  // Of `tag` the low four bits count, as of a pointer's highest byte.
  constexpr explicit MemoryTag(unsigned tag) : tag_(static_cast<std::uint8_t>(tag & 0xfU)) {}
  [[nodiscard]] constexpr unsigned raw() const { return tag_; }
  constexpr bool operator==(const MemoryTag&) const = default;

 private:
  std::uint8_t tag_ = 0;
};

inline constexpr ByteCount kTagGranule{16};
inline constexpr std::uint64_t kTagsPerPage = kPageSize / kTagGranule.raw();

}  // namespace quire

template <>
struct std::hash<quire::Pfn> {
  std::size_t operator()(quire::Pfn p) const noexcept { return std::hash<std::uint64_t>{}(p.raw()); }
};
template <>
struct std::hash<quire::VirtAddr> {
  std::size_t operator()(quire::VirtAddr a) const noexcept { return std::hash<std::uint64_t>{}(a.raw()); }
};
