// litmus/experiment.h - a memory-management experiment, as data: what a
// .litmus file says.
//
// The language: docs/reference/litmus.md. parse.h reads it, print.h writes it;
// both sides (engine_side.h, kernel_side.h) perform it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "quire/types.h"

namespace quire::litmus {

// Where in the file something was said. Two experiments that differ in this
// only are the same experiment.
struct Where {
  unsigned line = 0;
  unsigned column = 0;
  bool operator==(const Where&) const { return true; }
};

// The first process of every experiment.
inline constexpr const char* kFirstProcess = "p";
inline constexpr std::size_t kMaxProcesses = 8;
inline constexpr ByteCount kMaxMapping = 1_GiB;

// --- Addresses ---

// An address: `A+20K` in the range that the name stands for, or a number.
struct Place {
  Where where;
  std::string name;  // empty: `offset` is the address itself
  ByteCount offset;
  bool operator==(const Place&) const = default;
};

struct Range {
  enum class Extent : std::uint8_t {
    kWhole,   // A            all that the name stands for
    kPage,    // A+20K        the page at that place
    kLength,  // A+20K..+64K  this many bytes
    kToEnd,   // A+20K..end   up to the end of what the name stands for
  };
  Place begin;
  Extent extent = Extent::kWhole;
  ByteCount length;  // of kLength
  bool operator==(const Range&) const = default;
};

// Where a mapping goes.
struct Location {
  enum class Kind : std::uint8_t {
    kFree,   // the next free block of addresses, aligned
    kPlace,  // at a place; replaces what is there
  };
  Kind kind = Kind::kFree;
  ByteCount align = kOrderPmd.bytes();
  ByteCount behind;  // bytes behind the aligned address
  Place place;
  bool operator==(const Location&) const = default;
};

// --- Actions ---

struct Map {
  std::string name;
  ByteCount size;
  Location location;
  int prot = 3;  // PROT_READ | PROT_WRITE
  bool shared = false;
  bool populate = false;
  bool growsdown = false;
  bool operator==(const Map&) const = default;
};

// A name for addresses with nothing behind them.
struct Space {
  std::string name;
  ByteCount size;
  Location location;
  bool operator==(const Space&) const = default;
};

// What whole pages are filled with; fill.h makes it.
struct Fill {
  enum class Kind : std::uint8_t {
    kNoise,  // no codec makes less of it
    kText,   // a codec makes half of it
    kZeroes,
  };
  Kind kind = Kind::kNoise;
  std::uint32_t seed = 0;
  bool operator==(const Fill&) const = default;
};

struct Access {
  enum class Kind : std::uint8_t { kRead, kWrite };
  Kind kind = Kind::kRead;
  Range range;
  ByteCount every{kPageSize};
  std::optional<std::uint8_t> value;        // to store, or to find
  std::optional<Fill> fill = std::nullopt;  // the same with whole pages; then there is no value
  bool operator==(const Access&) const = default;
};

struct Advise {
  int advice = 0;  // MADV_*
  Range range;
  bool operator==(const Advise&) const = default;
};

struct Protect {
  Range range;
  int prot = 0;
  bool operator==(const Protect&) const = default;
};

struct Unmap {
  Range range;
  bool operator==(const Unmap&) const = default;
};

struct Move {
  Range range;
  Place to;
  std::optional<ByteCount> size;  // new size; otherwise the old one
  bool dontunmap = false;
  bool operator==(const Move&) const = default;
};

// mremap(2) that stays where it is.
struct Resize {
  Range range;
  ByteCount size;
  bool operator==(const Resize&) const = default;
};

struct Lock {
  Range range;
  bool operator==(const Lock&) const = default;
};
struct Unlock {
  Range range;
  bool operator==(const Unlock&) const = default;
};

struct Fork {
  std::string child;
  bool operator==(const Fork&) const = default;
};
struct Exit {
  bool operator==(const Exit&) const = default;
};
struct Exec {
  bool operator==(const Exec&) const = default;
};

// prctl(PR_SET_THP_DISABLE).
struct Prctl {
  enum class ThpDisable : std::uint8_t { kOff, kOn, kExceptAdvised };
  ThpDisable thp = ThpDisable::kOff;
  bool operator==(const Prctl&) const = default;
};

// Hints that some named policies take: prctl(PR_SET_NAME), PR_SET_VMA_ANON_NAME,
// and the set of sizes proposed for process_madvise.
struct NameProcess {
  std::string name;
  bool operator==(const NameProcess&) const = default;
};
struct NameMapping {
  Range range;
  std::string name;
  bool operator==(const NameMapping&) const = default;
};
struct Sizes {
  Range range;
  std::optional<OrderSet> orders;  // none: what everybody may
  bool operator==(const Sizes&) const = default;
};

// A settings file below transparent_hugepage, or the `enabled` of some sizes.
struct Set {
  Where where;
  OrderSet sizes;
  std::string file;  // when there are no sizes
  std::string value;
  bool operator==(const Set&) const = default;
};

struct Uffd {
  enum class Op : std::uint8_t { kRegister, kUnregister, kCopy, kZero, kWake, kProtect, kUnprotect };
  Op op = Op::kRegister;
  Range range;
  std::uint8_t value = 0;  // of kCopy: every byte of the page
  bool operator==(const Uffd&) const = default;
};

// swapoff(2) and swapon(2) of the device that the `swap` line of this number
// describes, counted from 0.
struct Swapoff {
  unsigned device = 0;
  bool operator==(const Swapoff&) const = default;
};
struct Swapon {
  unsigned device = 0;
  bool operator==(const Swapon&) const = default;
};

// Long-term pins on the pages of a range; or pins for reading, dropped at once.
struct Pin {
  Range range;
  bool to_read = false;
  bool operator==(const Pin&) const = default;
};
struct Unpin {
  Range range;
  bool operator==(const Unpin&) const = default;
};

// khugepaged goes round all processes so often.
struct Khugepaged {
  unsigned rounds = 1;
  bool operator==(const Khugepaged&) const = default;
};

// The split of debugfs: every folio in the range, to this order.
struct Split {
  Range range;
  Order order;
  bool operator==(const Split&) const = default;
};

// memory.max of the group of all programs, which the head gave a limit.
struct Limit {
  ByteCount size;
  bool operator==(const Limit&) const = default;
};

using Action = std::variant<Map, Space, Access, Advise, Protect, Unmap, Move, Resize, Lock, Unlock, Fork,
                            Exit, Exec, Prctl, NameProcess, NameMapping, Sizes, Set, Uffd, Swapoff, Swapon,
                            Pin, Unpin, Khugepaged, Split, Limit>;

// --- Expectations ---

// What is true of each page of a range.
struct Property {
  enum class Kind : std::uint8_t {
    kAbsent,
    kPresent,
    kZero,      // the zero page
    kHugeZero,  // a page of the huge zero folio
    kAnon,
    kSwapped,
    kGuard,
    kSwapcache,  // its folio has slots, and is in memory
    kOrder,      // of the folio: `number`
    kSameFolio,  // all pages of the range
    kOwnFolios,  // no two pages of the range share one
    kFolioOf,    // the folio at `place` of `process`
    kNotFolioOf,
    kExclusive,  // mapped once
    kShared,     // mapped more than once
    kMapcount,   // mapped `number` times
    kPmd,        // by a PMD entry
    kPte,
    kCont,  // its entry is one of a block that the hardware may hold as one
    kNoCont,
    kSlot,           // of the first page: `number`; of each page behind it one more
    kSlotsTogether,  // in consecutive slots of one device
  };
  Kind kind = Kind::kPresent;
  std::uint64_t number = 0;
  std::string process;  // empty: the one whose pages are looked at
  Place place;
  bool operator==(const Property&) const = default;
};

struct ExpectPages {
  Range range;
  std::vector<Property> properties;
  bool operator==(const ExpectPages&) const = default;
};

// A line of signs, one a page; picture.h explains them.
struct ExpectPicture {
  Place begin;
  std::string signs;
  bool operator==(const ExpectPicture&) const = default;
};

// What the step added to a counter: "anon_fault_alloc" of a size, or an event
// of /proc/vmstat.
struct ExpectCounter {
  std::optional<Order> size;
  std::string name;
  std::int64_t moved = 0;
  bool operator==(const ExpectCounter&) const = default;
};

// No counter but those that are named for this step has moved.
struct ExpectNoOtherCounters {
  bool operator==(const ExpectNoOtherCounters&) const = default;
};

struct ExpectFaults {
  enum class Kind : std::uint8_t { kMinor, kMajor };
  std::uint64_t faults = 0;
  Kind kind = Kind::kMinor;
  bool operator==(const ExpectFaults&) const = default;
};

// The process was ended for want of memory, by a step of another one. Of the one that
// performs the step its end says so: SIGKILL.
struct ExpectKilled {
  bool operator==(const ExpectKilled&) const = default;
};

using Claim = std::variant<ExpectPages, ExpectPicture, ExpectCounter, ExpectNoOtherCounters, ExpectFaults,
                           ExpectKilled>;

inline constexpr const char* kKilled = "SIGKILL";

struct Expectation {
  Where where;
  std::string process = kFirstProcess;
  Claim claim;
  bool operator==(const Expectation&) const = default;
};

// --- The whole ---

struct Step {
  Where where;
  std::string process = kFirstProcess;
  Action action;
  std::string ends;  // "EINVAL", "SIGSEGV"; empty: success
  std::vector<Expectation> expectations;
  bool operator==(const Step&) const = default;
};

// A swap device of the machine, in use from the beginning.
struct SwapDevice {
  std::string algorithm = "lz4";
  ByteCount size;
  ByteCount unit{kPageSize};  // compressed at once
  std::optional<int> priority = std::nullopt;
  bool operator==(const SwapDevice&) const = default;
};
inline constexpr std::size_t kMaxSwapDevices = 4;

// What an expectation is about.
enum class Subject : std::uint8_t { kPages, kContents, kCounters, kEndings };

struct Experiment {
  std::string about;
  std::vector<std::string> rules;
  std::optional<Subject> fails;  // it is right when that much of it is wrong
  std::optional<ByteCount> ram;
  std::vector<SwapDevice> swaps;   // in the order they are switched on
  std::optional<ByteCount> limit;  // of the group of all programs together
  std::string arch;                // empty: any
  std::string policy;              // empty: every size off
  std::vector<Set> settings;
  std::vector<Step> steps;
  bool operator==(const Experiment&) const = default;
};

}  // namespace quire::litmus
