#include "lab/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>
#include <vector>

#include "base/size.h"
#include "compress/codec_pool.h"
#include "policy/near_miss.h"
#include "swap/swap_space.h"
#include "trace/contents.h"

namespace quire::lab {
namespace {

using Words = std::vector<std::string>;

constexpr unsigned kHighestPriority = 32767;  // SWAP_FLAG_PRIO_MASK

Words split(std::string_view text, char at) {
  Words parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.emplace_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Reads one description, word by word.
class Parser {
 public:
  Parser(std::string_view text, const std::string& where) : where_(where) { machine_.text = text; }

  Result<Machine, Diagnostic> run() {
    for (const std::string& word : split(machine_.text, ' ')) {
      if (!word.empty()) QUIRE_TRY(take(word));
    }
    if (!seen_.contains("ram")) return fail(wrong("says nothing of memory", "begin with ram=4G"));
    if (machine_.limit && *machine_.limit > machine_.ram)
      return fail(wrong("a limit above all memory limits nothing", "make limit= smaller than ram="));
    if (machine_.zswap && machine_.swap.empty())
      return fail(wrong("zswap stands before a swap device, and there is none", "add swap=block:4G"));
    return machine_;
  }

 private:
  [[nodiscard]] Diagnostic wrong(std::string what, std::string hint) const {
    return {Diagnostic::Kind::kUsage, where_, std::move(what), std::move(hint)};
  }
  [[nodiscard]] std::unexpected<Diagnostic> no_such(std::string_view what, const std::string& word,
                                                    const Words& names) const {
    return fail(wrong(fmt::format("\"{}\" is no {}: there are {}", word, what, fmt::join(names, ", ")),
                      policy::did_you_mean(word, names)));
  }

  Result<void, Diagnostic> take(const std::string& word) {
    static const Words kNames{"ram", "swap", "zswap", "limit", "lru", "swappiness", "fragmentation"};
    const std::size_t at = word.find('=');
    const std::string name = word.substr(0, at);
    if (std::ranges::find(kNames, name) == kNames.end()) return no_such("part of a machine", name, kNames);
    if (at == word.npos) return fail(wrong(fmt::format("{} says nothing", name), name + "=..."));
    if (!seen_.insert(name).second && name != "swap")
      return fail(wrong(fmt::format("{} is said twice", name), ""));
    const std::string value = word.substr(at + 1);
    if (name == "ram") return size(value, machine_.ram);
    if (name == "limit") return size(value, machine_.limit.emplace());
    if (name == "lru") return lru(value);
    if (name == "zswap") return zswap(value);
    if (name == "fragmentation") return fragmentation(value);
    return name == "swap" ? swaps(value) : swappiness(value);
  }

  Result<void, Diagnostic> size(const std::string& word, ByteCount& to) const {
    const auto bytes = base::parse_size(word);
    if (!bytes || bytes->raw() < (1U << 20))
      return fail(wrong(fmt::format("\"{}\" is no size of 1M or more", word), "sizes are written 512M, 4G"));
    to = *bytes;
    return {};
  }

  Result<void, Diagnostic> lru(const std::string& word) {
    using Kind = reclaim::LruKind;
    static const std::array<std::pair<const char*, Kind>, 4> kKinds{{{"classic", Kind::kClassic},
                                                                     {"mglru", Kind::kGenerations},
                                                                     {"dual", Kind::kDual},
                                                                     {"dual-mglru", Kind::kDualGenerations}}};
    Words names;
    for (const auto& [name, kind] : kKinds) {
      if (word == name) {
        machine_.reclaim.lru = kind;
        return {};
      }
      names.emplace_back(name);
    }
    return no_such("kind of lru", word, names);
  }

  Result<void, Diagnostic> swappiness(const std::string& word) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size() || value > 200)
      return fail(wrong(fmt::format("swappiness \"{}\" is not from 0 to 200", word), ""));
    machine_.reclaim.swappiness = value;
    return {};
  }

  Result<void, Diagnostic> fragmentation(const std::string& word) {
    double chance = -1;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), chance);
    const bool number = error == std::errc{} && end == word.data() + word.size();
    if (!number || !(chance >= 0 && chance <= kMostFragmented))
      return fail(wrong(fmt::format("fragmentation \"{}\" is not from 0 to {}", word, kMostFragmented),
                        "fragmentation=0.6"));
    machine_.fragmentation.chance = chance;
    return {};
  }

  Result<void, Diagnostic> swaps(const std::string& word) {
    for (const std::string& one : split(word, ',')) machine_.swap.push_back(QUIRE_TRY(device(one)));
    if (machine_.swap.size() > swap::SwapSpace::kMostDevices)
      return fail(wrong(fmt::format("{} swap devices are too many", machine_.swap.size()),
                        fmt::format("Linux takes {}", swap::SwapSpace::kMostDevices)));
    return {};
  }

  Result<SwapSpec, Diagnostic> device(const std::string& word) const {
    const Words parts = split(word, ':');
    SwapSpec spec;
    spec.kind = QUIRE_TRY(kind(parts[0]));
    const bool zram = spec.kind == SwapSpec::Kind::kZram;
    const std::size_t needed = zram ? 4 : 2;
    if (parts.size() < needed) {
      if (zram) return fail(wrong("zram is written zram:ALGORITHM:UNIT:SIZE", "swap=zram:lz4:4K:4G"));
      return fail(
          wrong(fmt::format("{0} is written {0}:SIZE", parts[0]), fmt::format("swap={}:4G", parts[0])));
    }
    if (zram) {
      spec.algorithm = QUIRE_TRY(algorithm(parts[1]));
      QUIRE_TRY(unit(parts[2], spec));
    }
    QUIRE_TRY(size(parts[needed - 1], spec.size));
    std::set<std::string> seen;
    for (const std::string& part : Words(parts.begin() + static_cast<std::ptrdiff_t>(needed), parts.end())) {
      const std::string name = part.substr(0, part.find('='));
      if (!seen.insert(name).second)
        return fail(wrong(fmt::format("{} is said twice of {}", name, parts[0]), ""));
      QUIRE_TRY(option(part, parts[0], spec));
    }
    return spec;
  }

  [[nodiscard]] Result<SwapSpec::Kind, Diagnostic> kind(const std::string& word) const {
    using Kind = SwapSpec::Kind;
    static const std::array<std::pair<const char*, Kind>, 4> kKinds{
        {{"zram", Kind::kZram}, {"block", Kind::kBlock}, {"disk", Kind::kDisk}, {"file", Kind::kFile}}};
    Words names;
    for (const auto& [name, kind] : kKinds) {
      if (word == name) return kind;
      names.emplace_back(name);
    }
    if (word == "zswap")
      return fail(wrong("zswap is no device, it stands before one", "swap=block:4G zswap=zstd:20%"));
    return no_such("kind of swap", word, names);
  }

  Result<void, Diagnostic> option(const std::string& word, const std::string& kind, SwapSpec& spec) const {
    static const Words kOfZram{"threads", "mem_limit", "priority"};
    static const Words kOfOthers{"discard", "priority"};
    const Words& names = spec.kind == SwapSpec::Kind::kZram ? kOfZram : kOfOthers;
    const std::size_t at = word.find('=');
    const std::string name = word.substr(0, at);
    if (std::ranges::find(names, name) == names.end()) return no_such("option of " + kind, name, names);
    if ((at == word.npos) != (name == "discard"))
      return fail(wrong(name == "discard" ? "discard takes no value" : fmt::format("{} says nothing", name),
                        name == "discard" ? "discard" : name + "=..."));
    const std::string value = at == word.npos ? "" : word.substr(at + 1);
    if (name == "discard") {
      spec.discards = true;
      return {};
    }
    if (name == "mem_limit") return size(value, spec.mem_limit);
    if (name == "threads") {
      spec.threads = QUIRE_TRY(number("threads", value, 1, compress::CodecPool::kMostThreads));
    } else {
      spec.priority = static_cast<std::int16_t>(QUIRE_TRY(number("priority", value, 0, kHighestPriority)));
    }
    return {};
  }

  [[nodiscard]] Result<unsigned, Diagnostic> number(const char* name, const std::string& word, unsigned least,
                                                    unsigned most) const {
    unsigned value = 0;
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value);
    if (error == std::errc{} && stop == end && value >= least && value <= most) return value;
    return fail(wrong(fmt::format("{} \"{}\" is not from {} to {}", name, word, least, most), ""));
  }

  Result<void, Diagnostic> zswap(const std::string& word) {
    const Words parts = split(word, ':');
    ZswapSpec spec;
    if (parts.size() < 2) return fail(wrong("zswap is written ALGORITHM:PERCENT%", "zswap=zstd:20%"));
    spec.algorithm = QUIRE_TRY(algorithm(parts[0]));
    spec.max_pool_percent = QUIRE_TRY(percent(parts[1]));
    for (std::size_t i = 2; i < parts.size(); ++i) {
      bool& option = parts[i] == "shrinker" ? spec.shrinker : spec.whole_folios;
      if (parts[i] != "shrinker" && parts[i] != "whole-folios")
        return no_such("option of zswap", parts[i], {"whole-folios", "shrinker"});
      if (std::exchange(option, true)) return fail(wrong(fmt::format("{} is said twice", parts[i]), ""));
    }
    machine_.zswap = spec;
    return {};
  }

  Result<unsigned, Diagnostic> percent(const std::string& word) const {
    unsigned value = 0;
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value);
    if (error == std::errc{} && std::string_view(stop, end) == "%" && value >= 1 && value <= 100)
      return value;
    return fail(wrong(fmt::format("\"{}\" is no part of memory from 1% to 100%", word), "zswap=zstd:20%"));
  }

  [[nodiscard]] Result<compress::Algorithm, Diagnostic> algorithm(const std::string& word) const {
    if (const auto algorithm = compress::algorithm_named(word)) return *algorithm;
    Words names;
    for (const compress::Algorithm algorithm : compress::kAlgorithms)
      names.emplace_back(compress::name(algorithm));
    return no_such("algorithm that compresses", word, names);
  }

  Result<void, Diagnostic> unit(const std::string& word, SwapSpec& spec) const {
    const auto bytes = base::parse_size(word);
    for (const std::uint32_t unit : trace::kContentsUnits) {
      if (bytes && bytes->raw() == unit) {
        spec.unit_bytes = unit;
        return {};
      }
    }
    return no_such("unit of compression", word, {"4K", "16K", "64K"});
  }

  const std::string& where_;
  Machine machine_;
  std::set<std::string> seen_;
};

}  // namespace

Result<Machine, Diagnostic> parse_machine(std::string_view text, const std::string& where) {
  return Parser(text, where).run();
}

}  // namespace quire::lab
