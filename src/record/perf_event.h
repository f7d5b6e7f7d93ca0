// record/perf_event.h - what the perf and the unprivileged tier see, before it
// is put in the shape of ring_record.h.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace quire::record {

// One observation, with the kernel's own task numbers and clock. Which members
// hold something depends on `type`.
struct PerfEvent {
  enum class Type : std::uint8_t {
    kFault,        // address, touch_flags (trace::TouchBits)
    kFaultAround,  // address = first page offset, end = last; inode, dev
    kEnter,        // number, args
    kReturn,       // number, result
    kMmap,         // address, end, pgoff, prot, flags, dev, inode, text = path
    kExec,         // text = comm
    kFork,         // child_pid, child_tid
    kExit,
  };
  Type type{};
  std::uint8_t touch_flags = 0;
  std::uint32_t pid = 0;  // of the process
  std::uint32_t tid = 0;
  std::uint64_t time_ns = 0;
  std::uint64_t address = 0;
  std::uint64_t end = 0;
  std::uint64_t pgoff = 0;
  std::uint64_t inode = 0;
  std::uint32_t dev = 0;  // the kernel's coding
  std::uint32_t prot = 0;
  std::uint32_t flags = 0;
  std::uint32_t child_pid = 0;
  std::uint32_t child_tid = 0;
  std::uint64_t number = 0;
  std::int64_t result = 0;
  std::array<std::uint64_t, 6> args{};
  std::string text;
};

}  // namespace quire::record
