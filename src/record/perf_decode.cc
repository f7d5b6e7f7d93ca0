#include "record/perf_decode.h"

#include <linux/perf_event.h>

#include <cstring>
#include <utility>

#include "trace/event.h"

namespace quire::record {
namespace {

using Role = PerfDecoder::Tracepoint::Role;
using Type = PerfEvent::Type;

// Takes values off the front of a record; past its end it gives zeros and is
// no longer good().
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> rest) : rest_(rest) {}

  template <typename T>
  T take() {
    T value{};
    if (rest_.size() < sizeof(T)) {
      good_ = false;
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  // A string that ends at a zero byte.
  std::string text() {
    const auto* begin = reinterpret_cast<const char*>(rest_.data());
    return {begin, strnlen(begin, rest_.size())};
  }
  [[nodiscard]] std::span<const std::byte> rest() const { return rest_; }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::span<const std::byte> rest_;
  bool good_ = true;
};

// At the end of every record that is no sample: pid, tid, time.
constexpr std::size_t kTrailer = 16;

std::uint64_t trailer_time(std::span<const std::byte> body) {
  std::uint64_t time = 0;
  std::memcpy(&time, body.data() + body.size() - sizeof(time), sizeof(time));
  return time;
}

std::uint64_t read_field(std::span<const std::byte> data, TracepointFormat::Field field) {
  std::uint64_t value = 0;
  if (field.size > sizeof(value) || field.offset + field.size > data.size()) return 0;
  std::memcpy(&value, data.data() + field.offset, field.size);
  return value;
}

void read_args(PerfEvent& event, std::span<const std::byte> data, TracepointFormat::Field field) {
  if (field.size != sizeof(event.args) || field.offset + field.size > data.size()) return;
  std::memcpy(event.args.data(), data.data() + field.offset, sizeof(event.args));
}

PerfEvent decode_mmap(Cursor c) {
  PerfEvent e;
  e.type = Type::kMmap;
  e.pid = c.take<std::uint32_t>();
  e.tid = c.take<std::uint32_t>();
  e.address = c.take<std::uint64_t>();
  e.end = e.address + c.take<std::uint64_t>();
  e.pgoff = c.take<std::uint64_t>();
  const auto major = c.take<std::uint32_t>();
  e.dev = major << 20 | c.take<std::uint32_t>();
  e.inode = c.take<std::uint64_t>();
  c.take<std::uint64_t>();  // generation
  e.prot = c.take<std::uint32_t>();
  e.flags = c.take<std::uint32_t>();
  e.text = c.text();
  return e;
}

PerfEvent decode_task(Cursor c, Type type) {
  PerfEvent e;
  e.type = type;
  const auto pid = c.take<std::uint32_t>();
  const auto parent_pid = c.take<std::uint32_t>();
  const auto tid = c.take<std::uint32_t>();
  const auto parent_tid = c.take<std::uint32_t>();
  e.pid = type == Type::kFork ? parent_pid : pid;
  e.tid = type == Type::kFork ? parent_tid : tid;
  e.child_pid = pid;
  e.child_tid = tid;
  return e;
}

PerfEvent decode_comm(Cursor c) {
  PerfEvent e;
  e.type = Type::kExec;
  e.pid = c.take<std::uint32_t>();
  e.tid = c.take<std::uint32_t>();
  e.text = c.text();
  return e;
}

}  // namespace

std::uint8_t touch_bits_of_error(std::uint64_t error) {
  using B = trace::TouchBits;
  std::uint8_t bits = 0;
  if ((error & 1) != 0) bits |= B::kPresent;
  if ((error & 2) != 0) bits |= B::kWrite;
  if ((error & 16) != 0) bits |= B::kExecute;
  return bits;
}

std::optional<PerfEvent> PerfDecoder::decode(std::span<const std::byte> record) {
  Cursor cursor(record);
  const auto header = cursor.take<perf_event_header>();
  const auto body = cursor.rest();
  if (!cursor.good() || body.size() < kTrailer) return std::nullopt;
  if (header.type == PERF_RECORD_SAMPLE) return sample(body);
  std::optional<PerfEvent> event;
  switch (header.type) {
    case PERF_RECORD_MMAP2:
      event = decode_mmap(cursor);
      break;
    case PERF_RECORD_FORK:
      event = decode_task(cursor, Type::kFork);
      break;
    case PERF_RECORD_EXIT:
      event = decode_task(cursor, Type::kExit);
      break;
    case PERF_RECORD_COMM:
      if ((header.misc & PERF_RECORD_MISC_COMM_EXEC) != 0) event = decode_comm(cursor);
      break;
    case PERF_RECORD_LOST: {
      cursor.take<std::uint64_t>();
      lost_ += cursor.take<std::uint64_t>();
      break;
    }
    default:
      break;
  }
  if (event) event->time_ns = trailer_time(body);
  return event;
}

std::optional<PerfEvent> PerfDecoder::sample(std::span<const std::byte> body) const {
  Cursor cursor(body);
  PerfEvent event;
  event.pid = cursor.take<std::uint32_t>();
  event.tid = cursor.take<std::uint32_t>();
  event.time_ns = cursor.take<std::uint64_t>();
  if (samples_ == Samples::kAddress) {
    event.type = Type::kFault;
    event.touch_flags = trace::TouchBits::kNoDirection;
    event.address = cursor.take<std::uint64_t>();
    return cursor.good() ? std::optional(event) : std::nullopt;
  }
  const auto size = cursor.take<std::uint32_t>();
  if (!cursor.good() || size > cursor.rest().size()) return std::nullopt;
  return raw(event, cursor.rest().first(size)) ? std::optional(event) : std::nullopt;
}

bool PerfDecoder::raw(PerfEvent& event, std::span<const std::byte> data) const {
  const auto id = Cursor(data).take<std::uint16_t>();  // common_type
  const auto found = tracepoints_.find(id);
  if (found == tracepoints_.end()) return false;
  const auto& [role, format] = found->second;
  const auto value = [&](const char* name) { return read_field(data, format.field(name)); };
  switch (role) {
    case Role::kFaultUser:
    case Role::kFaultKernel:
      event.type = Type::kFault;
      event.address = value("address");
      event.touch_flags = touch_bits_of_error(value("error_code"));
      if (role == Role::kFaultKernel) event.touch_flags |= trace::TouchBits::kKernel;
      return static_cast<std::int64_t>(event.address) >= 0;
    case Role::kEnter:
      event.type = Type::kEnter;
      event.number = value("id");
      read_args(event, data, format.field("args"));
      return true;
    case Role::kReturn:
      event.type = Type::kReturn;
      event.number = value("id");
      event.result = static_cast<std::int64_t>(value("ret"));
      return true;
    case Role::kFaultAround:
      event.type = Type::kFaultAround;
      event.address = value("index");
      event.end = value("last_index");
      event.inode = value("i_ino");
      event.dev = static_cast<std::uint32_t>(value("s_dev"));
      return true;
  }
  return false;
}

}  // namespace quire::record
