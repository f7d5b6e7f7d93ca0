#include "trace/event_codec.h"

#include <cstring>
#include <limits>

#include "base/check.h"
#include "trace/accessed.h"

namespace quire::trace {
namespace {

// The first column. A touch has bit 7 clear, every other record has it set
// and its kind in the low four bits.
constexpr std::uint8_t kRecordOp = 0x80;
constexpr std::uint8_t kNewWho = 0x40;      // task or mm differ: see kWho
constexpr std::uint8_t kSameTime = 0x20;    // nothing in kWhen
constexpr std::uint8_t kZeroOffset = 0x10;  // touch: at the start of its page, nothing in kOffset
constexpr std::uint8_t kSameMask = 0x10;    // record: the same fields as the last of its shape
constexpr std::uint8_t kNextPage = 0x08;    // touch: one page above the last, nothing in kPage
constexpr std::uint8_t kFlagsMask = 0x07;   // touch: index into kCommonFlags
constexpr std::uint8_t kKindMask = 0x0f;    // record

// Circumstances that have a code of their own; any other costs a byte in kValues.
constexpr std::array<std::uint8_t, 7> kCommonFlags{
    TouchBits::kWrite,
    0,
    TouchBits::kWrite | TouchBits::kPresent,
    TouchBits::kExecute,
    TouchBits::kWrite | TouchBits::kKernel,
    TouchBits::kKernel,
    TouchBits::kNoDirection,
};
constexpr std::uint8_t kOtherFlags = 7;

constexpr std::uint32_t kTextBit = 1U << CodecState::kFields;

using Fields = std::array<std::uint64_t, CodecState::kFields>;

Fields fields_of(const Event& event) {
  Fields fields{};
  for (std::size_t i = 0; i < event.args.size(); ++i) fields[i] = event.args[i];
  fields[6] = static_cast<std::uint64_t>(event.result);
  fields[7] = event.file;
  fields[8] = event.flags;
  fields[9] = event.addr.raw();
  return fields;
}

bool set_fields(const Fields& fields, Event& event) {
  for (std::size_t i = 0; i < event.args.size(); ++i) event.args[i] = fields[i];
  event.result = static_cast<std::int64_t>(fields[6]);
  event.file = static_cast<FileId>(fields[7]);
  event.flags = static_cast<std::uint8_t>(fields[8]);
  event.addr = VirtAddr(fields[9]);
  return fields[7] == event.file && fields[8] == event.flags;
}

bool known(Kind kind) { return kind >= Kind::kTouch && kind <= Kind::kAccessed; }
bool known(Sys sys) { return sys >= Sys::kMmap && sys <= Sys::kProcessVmWritev; }

// A touch that has nothing but what a touch needs: the short form.
bool plain_touch(const Event& event) {
  return event.kind == Kind::kTouch && event.file == 0 && event.result == 0 && event.text.empty() &&
         event.args == decltype(event.args){};
}

std::size_t shape_of(Kind kind, Sys sys, Phase phase) {
  const auto index = kind != Kind::kSyscall
                         ? static_cast<std::size_t>(kind)
                         : 16 + 2 * static_cast<std::size_t>(sys) + static_cast<std::size_t>(phase);
  static_assert(16 + 2 * static_cast<std::size_t>(Sys::kProcessVmWritev) + 1 < CodecState::kShapes);
  return index;
}

std::uint8_t flags_code(std::uint8_t flags) {
  for (std::uint8_t code = 0; code < kCommonFlags.size(); ++code) {
    if (kCommonFlags[code] == flags) return code;
  }
  return kOtherFlags;
}

}  // namespace

void CodecState::reset() {
  task = 0;
  mm = 0;
  time_us = 0;
  page = 0;
  task_mm.clear();
  mm_page.clear();
  shapes.fill({});
}

void CodecState::switch_to(TaskId next_task, MmId next_mm) {
  if (next_mm != mm) {
    mm_page.set(mm, page);
    page = mm_page.get(next_mm);
    mm = next_mm;
  }
  task = next_task;
  task_mm.set(task, mm);
}

const char* unstorable(const Event& event) {
  if (!known(event.kind)) return "an event of no known kind";
  if (event.text.size() > kMaxText) return "an event with too long a text";
  if (event.kind == Kind::kAccessed && !sound_runs(event))
    return "a sample whose runs of pages make no sense";
  if (event.kind == Kind::kSyscall) {
    if (!known(event.sys)) return "a system call without a number of ours";
    if (event.phase > Phase::kEnter) return "a system call of no known phase";
  } else if (event.sys != Sys{} || event.phase != Phase::kExit) {
    return "a system call's number in an event that is none";
  }
  return nullptr;
}

// ---- encoding -----------------------------------------------------------

std::uint8_t ChunkEncoder::put_common(const Event& event) {
  std::uint8_t op = 0;
  if (event.task != state_.task || event.mm != state_.mm) {
    op |= kNewWho;
    const std::uint64_t known_mm = state_.task_mm.get(event.task);
    const std::uint64_t tasks_apart = std::uint64_t{event.task} - state_.task;
    put_varint(columns_[kWho], (zigzag(tasks_apart) << 1) | (known_mm != event.mm ? 1U : 0U));
    if (known_mm != event.mm) put_varint(columns_[kWho], zigzag(std::uint64_t{event.mm} - state_.mm));
    state_.switch_to(event.task, event.mm);
  }
  // Time may run backwards by a little between cpus: then the difference
  // wraps, which costs ten bytes and is rare.
  const std::uint64_t elapsed = event.time_us - state_.time_us;
  if (elapsed == 0) {
    op |= kSameTime;
  } else {
    put_varint(columns_[kWhen], elapsed);
    state_.time_us = event.time_us;
  }
  return op;
}

void ChunkEncoder::put_touch(const Event& event) {
  std::uint8_t op = put_common(event);
  const std::uint8_t code = flags_code(event.flags);
  op |= code;
  if (code == kOtherFlags) columns_[kValues].push_back(event.flags);
  const std::uint64_t page = event.addr.page_number();
  if (page == state_.page + 1) {
    op |= kNextPage;
  } else {
    put_varint(columns_[kPage], zigzag(page - state_.page));
  }
  state_.page = page;
  if (event.addr.page_offset() == 0) {
    op |= kZeroOffset;
  } else {
    put_varint(columns_[kOffset], event.addr.page_offset());
  }
  columns_[kOps].push_back(op);
}

void ChunkEncoder::put_record(const Event& event) {
  std::uint8_t op = static_cast<std::uint8_t>(kRecordOp | put_common(event));
  op |= static_cast<std::uint8_t>(event.kind);
  Column& values = columns_[kValues];
  if (event.kind == Kind::kSyscall) {
    const auto sys = static_cast<unsigned>(event.sys);
    values.push_back(static_cast<std::uint8_t>((sys << 1) | static_cast<unsigned>(event.phase)));
  }
  CodecState::Shape& shape = state_.shapes[shape_of(event.kind, event.sys, event.phase)];
  const Fields fields = fields_of(event);
  std::uint32_t mask = event.text.empty() ? 0 : kTextBit;
  for (unsigned i = 0; i < CodecState::kFields; ++i) mask |= fields[i] != 0 ? 1U << i : 0;
  if (mask == shape.mask) {
    op |= kSameMask;
  } else {
    put_varint(values, mask);
  }
  shape.mask = mask;
  for (unsigned i = 0; i < CodecState::kFields; ++i) {
    if ((mask >> i & 1U) == 0) continue;
    put_varint(values, zigzag(fields[i] - shape.last[i]));
    shape.last[i] = fields[i];
  }
  if ((mask & kTextBit) != 0) {
    put_varint(columns_[kText], event.text.size());
    columns_[kText].insert(columns_[kText].end(), event.text.begin(), event.text.end());
  }
  columns_[kOps].push_back(op);
}

void ChunkEncoder::append(const Event& event) {
  QUIRE_DCHECK(unstorable(event) == nullptr);
  if (plain_touch(event)) {
    put_touch(event);
  } else {
    put_record(event);
  }
  ++records_;
}

std::size_t ChunkEncoder::size() const {
  std::size_t bytes = 0;
  for (const Column& column : columns_) bytes += column.size();
  return bytes;
}

std::vector<std::byte> ChunkEncoder::take() {
  std::vector<std::byte> payload(4 * kColumns);
  payload.reserve(payload.size() + size());
  for (std::size_t i = 0; i < kColumns; ++i) {
    store_u32(&payload[4 * i], static_cast<std::uint32_t>(columns_[i].size()));
    const auto* begin = reinterpret_cast<const std::byte*>(columns_[i].data());
    payload.insert(payload.end(), begin, begin + columns_[i].size());
    columns_[i].clear();
  }
  state_.reset();
  records_ = 0;
  return payload;
}

// ---- decoding -----------------------------------------------------------

bool ChunkDecoder::start(Bytes payload, std::uint32_t records) {
  left_ = 0;
  if (payload.size() < 4 * kColumns) return false;
  const auto* at = reinterpret_cast<const std::uint8_t*>(payload.data()) + 4 * kColumns;
  std::size_t rest = payload.size() - 4 * kColumns;
  for (std::size_t i = 0; i < kColumns; ++i) {
    const std::size_t length = load_u32(&payload[4 * i]);
    if (length > rest) return false;
    columns_[i] = ColumnCursor(at, at + length);
    at += length;
    rest -= length;
  }
  state_.reset();
  left_ = records;
  return rest == 0;
}

void ChunkDecoder::get_who() {
  constexpr std::uint64_t kMaxId = std::numeric_limits<std::uint32_t>::max();
  const std::uint64_t word = columns_[kWho].varint();
  const std::uint64_t task = state_.task + unzigzag(word >> 1);
  std::uint64_t mm = 0;
  if (task <= kMaxId) {
    mm = (word & 1) != 0 ? state_.mm + unzigzag(columns_[kWho].varint())
                         : state_.task_mm.get(static_cast<TaskId>(task));
  }
  if (task > kMaxId || mm > kMaxId) {
    columns_[kWho].spoil();
    return;
  }
  state_.switch_to(static_cast<TaskId>(task), static_cast<MmId>(mm));
}

inline void ChunkDecoder::get_common(std::uint8_t op, Event& event) {
  if ((op & kNewWho) != 0) get_who();
  if ((op & kSameTime) == 0) state_.time_us += columns_[kWhen].varint();
  event.task = state_.task;
  event.mm = state_.mm;
  event.time_us = state_.time_us;
  event.text.clear();
}

inline bool ChunkDecoder::get_touch(std::uint8_t op, Event& event) {
  get_common(op, event);
  const std::uint8_t code = op & kFlagsMask;
  event.flags = code == kOtherFlags ? columns_[kValues].byte() : kCommonFlags[code];
  state_.page += (op & kNextPage) != 0 ? 1 : unzigzag(columns_[kPage].varint());
  const std::uint64_t offset = (op & kZeroOffset) != 0 ? 0 : columns_[kOffset].varint();
  event.kind = Kind::kTouch;
  event.sys = Sys{};
  event.phase = Phase::kExit;
  event.file = 0;
  event.addr = VirtAddr((state_.page << kPageShift) | offset);
  event.args.fill(0);
  event.result = 0;
  return offset < kPageSize;
}

bool ChunkDecoder::get_record(std::uint8_t op, Event& event) {
  get_common(op, event);
  ColumnCursor& values = columns_[kValues];
  event.kind = static_cast<Kind>(op & kKindMask);
  event.sys = Sys{};
  event.phase = Phase::kExit;
  if (!known(event.kind)) return false;
  if (event.kind == Kind::kSyscall) {
    const std::uint8_t call = values.byte();
    event.sys = static_cast<Sys>(call >> 1);
    event.phase = static_cast<Phase>(call & 1);
    if (!known(event.sys)) return false;
  }
  CodecState::Shape& shape = state_.shapes[shape_of(event.kind, event.sys, event.phase)];
  if ((op & kSameMask) == 0) {
    const std::uint64_t mask = values.varint();
    if (mask >= kTextBit << 1) return false;
    shape.mask = static_cast<std::uint32_t>(mask);
  }
  Fields fields{};
  for (unsigned i = 0; i < CodecState::kFields; ++i) {
    if ((shape.mask >> i & 1U) != 0) fields[i] = shape.last[i] += unzigzag(values.varint());
  }
  if ((shape.mask & kTextBit) != 0) {
    const std::uint64_t length = columns_[kText].varint();
    if (length > kMaxText) return false;
    event.text = columns_[kText].text(length);
  }
  if (!set_fields(fields, event)) return false;
  return event.kind != Kind::kAccessed || sound_runs(event);
}

inline bool ChunkDecoder::wrong() const {
  bool wrong = false;
  for (const ColumnCursor& column : columns_) wrong |= column.wrong();
  return wrong;
}

bool ChunkDecoder::all_read() const {
  for (const ColumnCursor& column : columns_) {
    if (!column.at_end()) return false;
  }
  return !wrong();
}

ChunkDecoder::Outcome ChunkDecoder::next(Event& event) {
  if (left_ == 0) return all_read() ? Outcome::kEnd : Outcome::kDamaged;
  --left_;
  const std::uint8_t op = columns_[kOps].byte();
  const bool sound = (op & kRecordOp) == 0 ? get_touch(op, event) : get_record(op, event);
  return sound && !wrong() ? Outcome::kEvent : Outcome::kDamaged;
}

}  // namespace quire::trace
