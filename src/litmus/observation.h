// litmus/observation.h - what one side showed of an experiment, step by step,
// in terms that are equal when both sides did the same.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "litmus/counter_names.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::litmus {

struct Page {
  enum class State : std::uint8_t { kAbsent, kZero, kAnon, kFile, kSwapped, kGuard };
  State state = State::kAbsent;
  bool pmd = false;  // mapped by a PMD entry; a zero page then is the huge one
  std::uint8_t order = 0;
  std::uint64_t folio = 0;  // equal for pages of one folio: see number_folios
  std::uint32_t index = 0;  // of the page in its folio
  std::uint32_t mapcount = 0;
  bool operator==(const Page&) const = default;

  [[nodiscard]] bool present() const { return has_folio() || state == State::kZero; }
  // Whether `folio`, `index`, `order` and `mapcount` mean something.
  [[nodiscard]] bool has_folio() const { return state == State::kAnon || state == State::kFile; }
};

// The pages of one named block in one process.
struct View {
  std::string process;
  std::string block;
  VirtRange range;
  std::vector<Page> pages;
  bool operator==(const View&) const = default;
};

// How a step ended.
struct Ending {
  std::string ends;          // errno name or signal; empty: success
  std::uint64_t faults = 0;  // of an access
  std::uint64_t bad = 0;     // accesses that ended in a signal
  std::uint64_t wrong = 0;   // reads that did not find the value
  bool operator==(const Ending&) const = default;
};

struct Observation {
  Ending ending;
  Counts moved;  // counters that moved
  std::vector<View> views;
  bool operator==(const Observation&) const = default;
};

// A page's bytes at the end, as a hash.
struct Content {
  std::string process;
  VirtAddr addr;
  std::uint64_t hash = 0;
  bool operator==(const Content&) const = default;
};

// What one side showed.
struct Recording {
  std::string side;                // "engine", "Linux 6.18.44"
  std::set<std::string> counters;  // that this side has and shows exactly
  std::vector<Observation> steps;
  std::vector<Content> contents;
  // Why it stopped before the end: this side cannot do a step.
  std::optional<Diagnostic> unable;
};

// Folios get numbers in the order they are met, whatever frames they lie in.
void number_folios(std::vector<View>& views);

[[nodiscard]] const View* find_view(const Observation& seen, const std::string& process,
                                    const std::string& block);
[[nodiscard]] const Page* find_page(const Observation& seen, const std::string& process, VirtAddr addr);

// "folio 3 of 64K, page 2, mapped 1 time", "the huge zero page", "absent".
[[nodiscard]] std::string describe(const Page& page);

// XXH3.
[[nodiscard]] std::uint64_t hash_of(std::string_view bytes);

}  // namespace quire::litmus
