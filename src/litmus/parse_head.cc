#include <fmt/format.h>

#include <algorithm>

#include "litmus/parse_lines.h"
#include "litmus/parse_places.h"
#include "litmus/words.h"

namespace quire::litmus {
namespace {

constexpr std::array<std::string_view, 9> kHeadWords{"rule",  "about", "fails",  "ram", "swap",
                                                     "limit", "arch",  "policy", "set"};
constexpr std::array<std::string_view, 4> kAlgorithms{"lzo", "lzo-rle", "lz4", "zstd"};
constexpr int kMaxPriority = 32767;

// "2.2.4", "T6", "system-24".
bool is_rule_id(std::string_view word) {
  return !word.empty() && word.size() <= 32 && std::ranges::all_of(word, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
  });
}

Result<void, Diagnostic> parse_rules(Cursor& line, Experiment& experiment) {
  do {
    if (!is_rule_id(line.peek())) return fail(line.expected("the id of a rule (2.2.4, T6, system-24)"));
    experiment.rules.emplace_back(line.next());
  } while (!line.done());
  return {};
}

Result<void, Diagnostic> parse_ram(Cursor& line, Experiment& experiment) {
  const Where where = line.where();
  const ByteCount ram = QUIRE_TRY(parse_bytes(line, "the size of the memory (512M, 1G)"));
  if (ram < 16_MiB || ram > 64_GiB) return fail(line.wrong(where, "no size of memory, expected 16M to 64G"));
  experiment.ram = ram;
  return {};
}

Result<ByteCount, Diagnostic> parse_swap_size(Cursor& line) {
  const Where where = line.where();
  const ByteCount size = QUIRE_TRY(parse_bytes(line, "the size of the device (64M)"));
  if (size < 64_KiB || size > 64_GiB || size.raw() % kPageSize != 0)
    return fail(line.wrong(where, "no size of a swap device, expected whole pages, 64K to 64G"));
  return size;
}

Result<ByteCount, Diagnostic> parse_unit(Cursor& line) {
  const Where where = line.where();
  const ByteCount unit = QUIRE_TRY(parse_bytes(line, "what is compressed at once (4K, 16K, 64K)"));
  if (unit != 4_KiB && unit != 16_KiB && unit != 64_KiB)
    return fail(line.wrong(where, "no unit of compression, expected 4K, 16K or 64K"));
  return unit;
}

// `zram lz4 64M unit 16K priority 5`
Result<void, Diagnostic> parse_swap(Cursor& line, Experiment& experiment) {
  if (experiment.swaps.size() == kMaxSwapDevices)
    return fail(
        line.wrong(line.where(), fmt::format("too many devices, expected {} at most", kMaxSwapDevices)));
  SwapDevice device;
  if (!line.take("zram")) return fail(line.expected("a kind of device: zram"));
  if (std::ranges::find(kAlgorithms, line.peek()) == kAlgorithms.end())
    return fail(line.expected(fmt::format("one of {}", fmt::join(kAlgorithms, ", "))));
  device.algorithm = line.next();
  device.size = QUIRE_TRY(parse_swap_size(line));
  while (!line.done()) {
    if (line.take("unit")) {
      device.unit = QUIRE_TRY(parse_unit(line));
    } else if (line.take("priority")) {
      device.priority =
          static_cast<int>(QUIRE_TRY(parse_number(line, "a priority, 0 to 32767", kMaxPriority)));
    } else {
      return fail(line.expected("unit or priority"));
    }
  }
  experiment.swaps.push_back(std::move(device));
  return {};
}

Result<void, Diagnostic> parse_fails(Cursor& line, Experiment& experiment) {
  const auto subject = number_of(subject_words(), line.peek());
  if (!subject) return fail(line.expected("what goes wrong: " + list_of(subject_words())));
  line.next();
  experiment.fails = static_cast<Subject>(*subject);
  return {};
}

}  // namespace

bool is_head_word(std::string_view word) { return std::ranges::find(kHeadWords, word) != kHeadWords.end(); }

bool is_step_of_machine(std::string_view word) { return word == "set" || word == "limit"; }

Result<ByteCount, Diagnostic> parse_limit(Cursor& line) {
  const Where where = line.where();
  const ByteCount limit = QUIRE_TRY(parse_bytes(line, "how much memory all programs may have (8M)"));
  if (limit < 1_MiB || limit > 64_GiB || limit.raw() % kPageSize != 0)
    return fail(line.wrong(where, "no limit of memory, expected whole pages, 1M to 64G"));
  return limit;
}

Result<void, Diagnostic> parse_head(Cursor& line, Experiment& experiment) {
  const std::string_view word = line.next();
  if (word == "rule") return parse_rules(line, experiment);
  if (word == "ram") return parse_ram(line, experiment);
  if (word == "swap") return parse_swap(line, experiment);
  if (word == "limit") {
    experiment.limit = QUIRE_TRY(parse_limit(line));
    return {};
  }
  if (word == "fails") return parse_fails(line, experiment);
  if (word == "set") {
    experiment.settings.push_back(QUIRE_TRY(parse_set(line)));
    return {};
  }
  if (line.done()) return fail(line.expected(word == "about" ? "a sentence" : "a word"));
  if (word == "about") {
    experiment.about += (experiment.about.empty() ? "" : " ") + line.rest();
  } else if (word == "arch") {
    if (std::ranges::find(arch_words(), line.peek()) == arch_words().end())
      return fail(line.expected(fmt::format("one of {}", fmt::join(arch_words(), ", "))));
    experiment.arch = line.next();
  } else {
    experiment.policy = line.rest();
  }
  return {};
}

}  // namespace quire::litmus
