// litmus/observation.h - what one side showed of an experiment, step by step,
// in terms that are equal when both sides did the same.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "litmus/counter_names.h"
#include "litmus/pages.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::litmus {

// The pages of one named block in one process.
struct View {
  std::string process;
  std::string block;
  VirtRange range;
  Pages pages;
  // What of it is tied together in blocks of entries. No kernel shows it, so
  // that two sides are not compared in it.
  std::vector<VirtRange> cont = {};
  bool operator==(const View&) const = default;
};

// How a step ended.
struct Ending {
  std::string ends;          // errno name or signal; empty: success
  std::uint64_t faults = 0;  // of an access: minor ones
  std::uint64_t majors = 0;  // and those that had to read
  std::uint64_t bad = 0;     // accesses that ended in a signal
  std::uint64_t wrong = 0;   // reads that did not find the value
  // Who was ended for want of memory, in order of names; the process of the step with it, which
  // then `ends` in SIGKILL and tells nothing else.
  std::vector<std::string> killed = {};
  bool operator==(const Ending&) const = default;
};

struct Observation {
  Ending ending;
  Counts moved;  // counters that moved
  std::vector<View> views;
  bool limited = false;  // the limit has stood in the way, at this step or before
  bool operator==(const Observation&) const = default;
};

// A page's bytes at the end, as a hash; a swapped page is read for it.
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

// Gives folios numbers in the order they are met, whatever frames they lie in;
// anew for each set of views.
class FolioNumbers {
 public:
  FolioNumbers() : dense_(kDense) {}
  void apply(std::vector<View>& views);

 private:
  // The first frames are looked up by number: those of a small machine.
  static constexpr std::uint64_t kDense = 1 << 15;
  struct Dense {
    std::uint32_t round = 0;  // in which it got its number
    std::uint32_t number = 0;
  };
  [[nodiscard]] std::uint64_t of(std::uint64_t folio);
  void append(PageRun run, Pages& to);

  std::vector<Dense> dense_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> sparse_;
  std::uint32_t round_ = 0;
  std::uint32_t next_ = 0;
};

[[nodiscard]] const View* find_view(const Observation& seen, const std::string& process,
                                    const std::string& block);
[[nodiscard]] std::optional<Page> find_page(const Observation& seen, const std::string& process,
                                            VirtAddr addr);

// Whether the page's entry is one of a block.
[[nodiscard]] bool is_cont(const Observation& seen, const std::string& process, VirtAddr addr);

// "folio 3 of 64K, page 2, mapped 1 time", "the huge zero page", "absent".
[[nodiscard]] std::string describe(const Page& page);

// XXH3.
[[nodiscard]] std::uint64_t hash_of(std::string_view bytes);

}  // namespace quire::litmus
