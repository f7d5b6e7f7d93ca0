// convert/process_tree.h - makes a recording's events of what perf or strace
// saw, with the same parts that record them live.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "convert/importer.h"
#include "record/perf_assemble.h"
#include "record/perf_event.h"
#include "record/translate.h"

namespace quire::convert {

// trace::FileBits of what a mapping's name says of its file.
[[nodiscard]] std::uint32_t file_bits(std::string_view path);

// The processes that descend from the first program that is seen to begin.
// What other tasks do is not looked at.
//
// Refers to   : the sink
// Invariants  : I-TREE-1 before the first kExec nothing is written
//               I-TREE-2 while a program is loaded at most kMaxLoading mappings are
//               taken: putting them together takes the square of their number
class ProcessTree {
 public:
  static constexpr std::size_t kMaxLoading = 4096;

  ProcessTree(record::EventSink& sink, const record::Scrubber& scrubber) : out_(sink), scrubber_(scrubber) {}
  ProcessTree(const ProcessTree&) = delete;
  ProcessTree& operator=(const ProcessTree&) = delete;

  void feed(const record::PerfEvent& event);
  [[nodiscard]] bool begun() const { return assembler_.has_value(); }
  [[nodiscard]] std::uint32_t root() const { return root_; }
  // Whether the task is alive and one of them.
  [[nodiscard]] bool knows(std::uint32_t tid) const { return alive_.contains(tid); }
  // Everything the events say: counts, and where brk was.
  [[nodiscard]] Findings finish();

 private:
  // Looks at the events on their way: the first brk(0) of a program tells where
  // exec had put it.
  class BrkFinder final : public record::EventSink {
   public:
    explicit BrkFinder(record::EventSink& to) : to_(to) {}
    void take(const trace::Event& event) override;
    [[nodiscard]] std::map<std::uint64_t, std::uint64_t>& found() { return found_; }

   private:
    record::EventSink& to_;
    std::uint64_t execs_ = 0;
    std::unordered_map<trace::MmId, std::uint64_t> waiting_;  // the exec that made it
    std::map<std::uint64_t, std::uint64_t> found_;
  };

  void begin(const record::PerfEvent& exec);
  [[nodiscard]] bool admits(const record::PerfEvent& event);

  BrkFinder out_;
  record::Scrubber scrubber_;
  std::uint32_t root_ = 0;
  std::optional<record::Translator> translator_;
  std::optional<record::PerfAssembler> assembler_;
  std::set<std::uint32_t> alive_;
  std::map<std::uint32_t, std::size_t> loading_;  // mappings of a program being loaded
  std::uint64_t dropped_ = 0;
};

}  // namespace quire::convert
