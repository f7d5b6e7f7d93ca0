// swap/backend.h - what keeps the bytes of swapped pages: a zram device, a
// block device, a file, zswap in front of another.
//
// Mirrors: the block layer as mm/page_io.c and mm/zswap.c of Linux 6.18 use it,
// with the flags swapon finds out (SWP_BLKDEV, SWP_SYNCHRONOUS_IO, SWP_SOLIDSTATE).
// Differs: a request is done when the call returns; there is no writeback state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "quire/result.h"
#include "quire/types.h"

namespace quire::swap {

// Why a device did not do what it was asked to.
enum class IoError : std::uint8_t {
  kWrite,     // it could not be written: the page stays in memory
  kRead,      // it could not be read
  kCorrupt,   // what it holds is not what was written
  kFull,      // it has no room for these bytes (a zram at its limit)
  kNoMemory,  // it was not asked: there is no memory for what has to stay behind (memory tags)
};

// The bytes of consecutive pages, or that a machine keeps none: then a device
// accounts for the pages and nothing is copied.
struct Pages {
  std::byte* bytes = nullptr;  // null: no contents are kept
  PageCount count;
};

// What swapon finds out about a device.
struct Traits {
  bool block_device = true;  // a file takes no large folio whole
  bool synchronous = false;  // reads are done at once, without the swap cache
  bool rotational = false;   // one cluster for everybody
  bool discards = false;     // wants to know of clusters that nobody uses
};

// Backend keeps pages by slot.
//
// States      : each slot is empty or holds a page
// Locks       : one thread drives a machine
// Errors      : a call that fails has changed nothing but what its IoError says
class Backend {
 public:
  virtual ~Backend() = default;
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // "zram0", "/dev/vdb": for people and diagnostics.
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual Traits traits() const = 0;
  // Slots it has, the header's included.
  [[nodiscard]] virtual PageCount size() const = 0;

  // Stores the pages of one folio, or a part of it, in consecutive slots.
  [[nodiscard]] virtual Result<void, IoError> write(std::uint64_t slot, Pages pages) = 0;
  // Whether expect() is of use: it compresses on several threads.
  [[nodiscard]] virtual bool compresses_ahead() const { return false; }
  // These folios will be written, in this order, after settle() for each, and their bytes do not
  // change before: their compression may begin. None: nothing is expected any more.
  virtual void expect(std::span<const Pages> /*folios*/) {}
  // Nobody but the caller looks at the bytes of these pages from now on.
  virtual void settle(Pages /*folio*/) {}
  // Fetches them again. They need not have been written together.
  [[nodiscard]] virtual Result<void, IoError> read(std::uint64_t slot, Pages pages) = 0;
  // Whether the page of this slot is kept in memory in front of the device (zswap):
  // then it was not written to one, and other counters move.
  [[nodiscard]] virtual bool kept_in_front(std::uint64_t /*slot*/) const { return false; }
  // The swap cache has these pages from now on, as they were read: who keeps them in front of the
  // device may let go of them. True: it has let go of some, and memory has the only copy.
  virtual bool give_up_in_front(std::uint64_t /*slot*/, PageCount /*count*/) { return false; }
  // Whether several pages may be read at once into one folio. zswap of Linux 6.18 cannot,
  // from the moment it was first enabled.
  [[nodiscard]] virtual bool reads_large() const { return true; }
  // Frames of the machine's RAM that what it keeps lies in.
  [[nodiscard]] virtual PageCount frames_used() const { return PageCount(); }
  // Frames of these that moving objects together would give back, and doing so. Returns how many it gave.
  [[nodiscard]] virtual PageCount compactable() const { return PageCount(); }
  virtual PageCount compact() { return PageCount(); }
  // Nobody will ask for these slots again before they are written
  // (the kernel's swap_slot_free_notify; not for every slot a device has).
  virtual void slots_freed(std::uint64_t slot, PageCount count) = 0;
  // For tests: the object in memory that holds the page of this slot is overwritten, as by memory that
  // fails. False: there is none, or nothing would notice, since it is kept as it was written.
  virtual bool damage(std::uint64_t /*slot*/) { return false; }
  // These slots are not used now and may be forgotten in one go.
  virtual void discard(std::uint64_t /*slot*/, PageCount /*count*/) {}
};

}  // namespace quire::swap
