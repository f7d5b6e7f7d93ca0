// trace/event_codec.h - events to bytes and back, one chunk at a time.
//
// A payload is seven columns, each a run of bytes of one nature, so that the
// compressor finds its repetitions: what kind of record (one byte each), who
// (task and mm, only when they change), when (microseconds since the record
// before), which page (difference to the mm's last touch), where in the page,
// all other numbers (difference to the last record of the same shape), text.
// A touch by the same task near the last one is one byte in the first column
// and nothing to three in the others.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "trace/event.h"
#include "trace/format.h"
#include "trace/id_table.h"
#include "trace/varint.h"

namespace quire::trace {

enum ColumnId : std::uint8_t { kOps, kWho, kWhen, kPage, kOffset, kValues, kText, kColumns };

// What both sides remember while inside one chunk, and forget at its end.
struct CodecState {
  static constexpr unsigned kFields = 10;  // args 0-5, result, file, flags, addr
  static constexpr unsigned kShapes = 64;

  // The last record of one kind (of one system call and phase).
  struct Shape {
    std::uint32_t mask = 0;
    std::array<std::uint64_t, kFields> last{};
  };

  TaskId task = 0;
  MmId mm = 0;
  std::uint64_t time_us = 0;
  std::uint64_t page = 0;  // of the last touch in `mm`; the table holds it for the other ones
  IdTable task_mm;
  IdTable mm_page;
  std::array<Shape, kShapes> shapes{};

  void reset();
  // Makes `next_task` in `next_mm` the present one.
  void switch_to(TaskId next_task, MmId next_mm);
};

// Why an event cannot be stored; nullptr when it can.
[[nodiscard]] const char* unstorable(const Event& event);

class ChunkEncoder {
 public:
  // `event` must be storable.
  void append(const Event& event);
  [[nodiscard]] std::uint32_t records() const { return records_; }
  // Bytes encoded so far.
  [[nodiscard]] std::size_t size() const;
  // The payload; the encoder starts anew.
  [[nodiscard]] std::vector<std::byte> take();

 private:
  std::uint8_t put_common(const Event& event);
  void put_touch(const Event& event);
  void put_record(const Event& event);

  CodecState state_;
  std::array<Column, kColumns> columns_;
  std::uint32_t records_ = 0;
};

class ChunkDecoder {
 public:
  enum class Outcome : std::uint8_t { kEvent, kEnd, kDamaged };

  // Starts on a payload, which must outlive the decoding. False when its
  // columns do not fill it exactly.
  [[nodiscard]] bool start(Bytes payload, std::uint32_t records);
  [[nodiscard]] Outcome next(Event& event);

 private:
  [[nodiscard]] bool get_touch(std::uint8_t op, Event& event);
  [[nodiscard]] bool get_record(std::uint8_t op, Event& event);
  void get_common(std::uint8_t op, Event& event);
  void get_who();
  [[nodiscard]] bool wrong() const;
  [[nodiscard]] bool all_read() const;

  CodecState state_;
  std::array<ColumnCursor, kColumns> columns_;
  std::uint32_t left_ = 0;
};

}  // namespace quire::trace
