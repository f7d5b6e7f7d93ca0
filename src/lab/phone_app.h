// lab/phone_app.h - one program of the phone's day: its memory and what it
// does with it, as events.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/rng.h"
#include "lab/phone_model.h"
#include "trace/accessed.h"
#include "trace/event.h"

namespace quire::lab {

using GiveEvent = std::function<void(const trace::Event&)>;

// A run of mappings that grows upwards, and which of its pages hold something.
struct PhoneArea {
  std::uint64_t first_page = 0;
  std::uint64_t mapped = 0;               // pages
  std::uint64_t shared = 0;               // of them at the front, the parent's
  std::vector<std::uint8_t> touched;      // by page
  std::vector<std::uint64_t> given_back;  // pages the allocator takes first when it grows
};

// What is known of a moment: who does it, and when.
struct PhoneMoment {
  std::uint64_t time_us = 0;
  std::uint64_t sample = 0;
  std::uint64_t window_us = 0;
};

// A process with three kinds of memory.
//
// States      : made (forked) -> start() -> any of the others -> exit()
// Invariants  : I-PHONE-1 only touched pages are in samples, and no given-back ones
class PhoneApp {
 public:
  PhoneApp(const PhoneModel& model, trace::TaskId task, trace::MmId mm, std::uint64_t seed, GiveEvent give);
  // A fork: the child has the same pages until it writes to them.
  [[nodiscard]] PhoneApp fork(trace::TaskId task, trace::MmId mm, std::uint64_t seed) const;

  // Maps and touches so much new memory, shared out among the kinds.
  void grow(std::uint64_t pages, PhoneMoment at);
  // Writes to so many percent of what it shares with its parent.
  void copy_shared(unsigned percent, PhoneMoment at);
  // Uses pages it has: so many percent of the hot and of the other ones.
  // Returns the pages used.
  std::uint64_t use(unsigned hot_percent, unsigned cold_percent, PhoneMoment at);
  // Gives so many pages back to the kernel.
  void give_back(std::uint64_t pages, PhoneMoment at);
  void exit(PhoneMoment at);

  [[nodiscard]] trace::TaskId task() const { return task_; }
  [[nodiscard]] trace::MmId mm() const { return mm_; }
  [[nodiscard]] std::uint64_t touches() const { return touches_; }
  [[nodiscard]] const std::array<PhoneArea, 3>& areas() const { return areas_; }

 private:
  [[nodiscard]] trace::Event event(trace::Kind kind, PhoneMoment at) const;
  void touch(std::uint64_t page, std::uint8_t flags, PhoneMoment at);
  void map(std::size_t kind, PhoneMoment at);
  void grow_kind(std::size_t kind, std::uint64_t pages, PhoneMoment at);
  [[nodiscard]] std::uint64_t dice(std::uint64_t a, std::uint64_t b) const;

  const PhoneModel* model_;
  trace::TaskId task_;
  trace::MmId mm_;
  std::uint64_t seed_;
  base::Rng rng_;
  GiveEvent give_;
  std::array<PhoneArea, 3> areas_;
  std::uint64_t touches_ = 0;
  std::uint64_t uses_ = 0;
};

}  // namespace quire::lab
