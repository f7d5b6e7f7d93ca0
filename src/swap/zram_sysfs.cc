#include "swap/zram_sysfs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <optional>

#include "swap/plain_device.h"

namespace quire::swap {

using compress::Algorithm;

struct ZramSysfs::File {
  std::string_view name;
  std::string (*read)(const Zram&);                            // null: can only be written
  Result<void, Errno> (*write)(ZramSysfs&, std::string_view);  // null: can only be read
};

namespace {

using Done = Result<void, Errno>;

std::optional<std::uint64_t> number(std::string_view text, int base = 10) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// As memparse: digits, 0x and octal too, one letter for the power of 1024; what follows is not
// looked at. Nothing: it does not begin with a digit.
std::optional<ByteCount> memparse(std::string_view text) {
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == 'x' &&
      std::isxdigit(static_cast<unsigned char>(text[2])) != 0) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (end == text.data() || error != std::errc{}) return std::nullopt;
  constexpr std::string_view kPowers = "KMGTPE";
  if (end != text.data() + text.size()) {
    const std::size_t power = kPowers.find(static_cast<char>(std::toupper(static_cast<unsigned char>(*end))));
    if (power != std::string_view::npos) value <<= 10 * (power + 1);
  }
  return ByteCount(value);
}

// The words of a file that takes "key=value" pairs.
struct Word {
  std::string_view key;
  std::optional<std::string_view> value;
};
std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const std::size_t equals = word.find('=');
    words.push_back({word.substr(0, equals), equals == std::string_view::npos
                                                 ? std::nullopt
                                                 : std::optional(word.substr(equals + 1))});
  }
  return words;
}

// --- Algorithms ---

std::string show_algorithm(const Zram& zram) {
  // The kernel's order is that of its table of back ends.
  constexpr std::array kOrder{Algorithm::kLzoRle, Algorithm::kLzo, Algorithm::kLz4, Algorithm::kZstd};
  std::string text;
  for (const Algorithm algorithm : kOrder) {
    const bool chosen = algorithm == zram.options().algorithm;
    text += fmt::format("{}{}{} ", chosen ? "[" : "", compress::name(algorithm), chosen ? "]" : "");
  }
  return text + "\n";
}

Done store_algorithm(Zram& zram, std::string_view text) {
  constexpr std::size_t kLongestName = 127;  // CRYPTO_MAX_ALG_NAME, with its end
  if (text.size() > kLongestName) return fail(Errno::kTooBig);
  const std::optional<Algorithm> algorithm = compress::algorithm_named(text);
  if (!algorithm) return fail(Errno::kInval);
  return zram.set_algorithm(*algorithm);
}

// "priority=0 level=3", "algo=zstd level=3".
Done store_parameters(Zram& zram, std::string_view text) {
  std::optional<int> level;
  for (const Word& word : words_of(text)) {
    if (!word.value || word.value->empty()) return fail(Errno::kInval);
    if (word.key == "priority" && number(*word.value) != 0) return fail(Errno::kInval);
    if (word.key == "algo" && compress::algorithm_named(*word.value) != zram.options().algorithm)
      return fail(Errno::kInval);
    if (word.key != "level") continue;
    int value = 0;
    const auto [end, error] =
        std::from_chars(word.value->data(), word.value->data() + word.value->size(), value);
    if (error != std::errc{} || end != word.value->data() + word.value->size()) return fail(Errno::kInval);
    level = value;
  }
  return zram.set_level(level);
}

// --- Size and limits ---

Done store_limit(Zram& zram, std::string_view text) {
  const std::optional<ByteCount> limit = memparse(text);
  if (!limit) return fail(Errno::kInval);
  zram.set_mem_limit(*limit);
  return {};
}

Done store_used_max(Zram& zram, std::string_view text) {
  if (number(text) != 0) return fail(Errno::kInval);
  zram.reset_mem_used_max();
  return {};
}

Done store_unit(Zram& zram, std::string_view text) {
  const std::optional<ByteCount> unit = memparse(text);
  return unit ? zram.set_unit(*unit) : fail(Errno::kInval);
}

// --- Numbers ---

std::string show_mm_stat(const Zram& zram) {
  const ZramStats s = zram.stats();
  return fmt::format("{:8} {:8} {:8} {:8} {:8} {:8} {:8} {:8} {:8}\n", s.orig_data_size.raw(),
                     s.compr_data_size.raw(), s.mem_used_total.raw(), s.mem_limit.raw(), s.mem_used_max.raw(),
                     s.same_pages, s.pages_compacted.raw(), s.huge_pages, s.huge_pages_since);
}

std::string show_io_stat(const Zram& zram) {
  const ZramStats s = zram.stats();
  return fmt::format("{:8} {:8} 0 {:8}\n", s.failed_reads, s.failed_writes, s.notify_free);
}

// In units of 4 KiB.
std::string show_bd_stat(const Zram& zram) {
  const ZramStats s = zram.stats();
  constexpr std::uint64_t k4k = kPageSize / 4096;
  return fmt::format("{:8} {:8} {:8}\n", s.bd_count * k4k, s.bd_reads * k4k, s.bd_writes * k4k);
}

std::string show_unit_stat(const Zram& zram) {
  const ZramUnitStats s = zram.unit_stats();
  return fmt::format("{:8} {:8} {:8} {:8} {:8} {:8}\n", s.units, s.units_since, s.pieces_since,
                     s.partial_reads, s.partial_frees, s.dead_bytes.raw());
}

// --- The backing device ---

std::string show_backing(const Zram& zram) {
  return fmt::format("{}\n", zram.backing() == nullptr ? "none" : zram.backing()->name());
}

// A plain file will do, where the kernel insists on a block device.
Done store_backing(Zram& zram, std::string_view text) {
  if (zram.has_size()) return fail(Errno::kBusy);
  return zram.set_backing(QUIRE_TRY(block_device(std::filesystem::path(text))));
}

Done store_idle(Zram& zram, std::string_view text) {
  if (text != "all" || !zram.has_size()) return fail(Errno::kInval);
  zram.mark_idle();
  return {};
}

std::optional<ZramWriteback> kind_named(std::string_view word) {
  if (word == "idle") return ZramWriteback::kIdle;
  if (word == "huge") return ZramWriteback::kHuge;
  if (word == "huge_idle") return ZramWriteback::kHugeIdle;
  if (word == "incompressible") return ZramWriteback::kIncompressible;
  return std::nullopt;
}

// "7", or "7-9".
std::optional<SlotRange> slots_named(std::string_view key, std::string_view text, PageCount size) {
  const std::size_t dash = text.find('-');
  if ((key == "page_indexes") != (dash != std::string_view::npos)) return std::nullopt;
  const auto first = number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number(text.substr(dash + 1));
  if (!first || !last || *first > *last || *last >= size.raw()) return std::nullopt;
  return SlotRange{*first, *last};
}

// "idle" or "type=idle"; "page_index=7 page_index=9 page_indexes=12-15".
Done store_writeback(Zram& zram, std::string_view text) {
  if (!zram.has_size()) return fail(Errno::kInval);
  if (zram.backing() == nullptr) return fail(Errno::kNoDev);
  for (const Word& word : words_of(text)) {
    if (!word.value || word.key == "type") {
      const std::optional<ZramWriteback> kind = kind_named(word.value.value_or(word.key));
      return kind ? zram.writeback(*kind) : fail(Errno::kInval);
    }
    if (word.key != "page_index" && word.key != "page_indexes") continue;
    const std::optional<SlotRange> slots = slots_named(word.key, *word.value, zram.size());
    if (!slots) return fail(Errno::kInval);
    QUIRE_TRY(zram.writeback(ZramWriteback::kAny, *slots));
  }
  return {};
}

Done store_writeback_limit(Zram& zram, std::string_view text) {
  const std::optional<std::uint64_t> left = number(text);
  if (!left) return fail(Errno::kInval);
  zram.set_writeback_limit({.left = *left, .enabled = zram.writeback_limit().enabled});
  return {};
}

Done store_writeback_limit_enable(Zram& zram, std::string_view text) {
  const std::optional<std::uint64_t> on = number(text);
  if (!on) return fail(Errno::kInval);
  zram.set_writeback_limit({.left = zram.writeback_limit().left, .enabled = *on != 0});
  return {};
}

Done store_compact(Zram& zram, std::string_view) {
  if (!zram.has_size()) return fail(Errno::kInval);
  zram.compact();
  return {};
}

}  // namespace

const std::vector<ZramSysfs::File>& ZramSysfs::table() {
  using Text = std::string_view;
  static const std::vector<File> files{
      {"algorithm_params", nullptr, [](ZramSysfs& s, Text t) { return store_parameters(s.zram_, t); }},
      {"backing_dev", show_backing, [](ZramSysfs& s, Text t) { return store_backing(s.zram_, t); }},
      {"bd_stat", show_bd_stat, nullptr},
      {"comp_algorithm", show_algorithm, [](ZramSysfs& s, Text t) { return store_algorithm(s.zram_, t); }},
      {"compact", nullptr, [](ZramSysfs& s, Text t) { return store_compact(s.zram_, t); }},
      {"debug_stat", [](const Zram&) { return std::string("version: 1\n0        0\n"); }, nullptr},
      {"disksize", [](const Zram& z) { return fmt::format("{}\n", z.size().bytes().raw()); },
       [](ZramSysfs& s, Text t) { return s.zram_.set_disksize(memparse(t).value_or(ByteCount())); }},
      {"idle", nullptr, [](ZramSysfs& s, Text t) { return store_idle(s.zram_, t); }},
      {"initstate", [](const Zram& z) { return std::string(z.has_size() ? "1\n" : "0\n"); }, nullptr},
      {"io_stat", show_io_stat, nullptr},
      {"mem_limit", nullptr, [](ZramSysfs& s, Text t) { return store_limit(s.zram_, t); }},
      {"mem_used_max", nullptr, [](ZramSysfs& s, Text t) { return store_used_max(s.zram_, t); }},
      {"mm_stat", show_mm_stat, nullptr},
      {"quire_unit", [](const Zram& z) { return fmt::format("{}\n", z.options().unit.raw()); },
       [](ZramSysfs& s, Text t) { return store_unit(s.zram_, t); }},
      {"quire_unit_stat", show_unit_stat, nullptr},
      {"reset", nullptr,
       [](ZramSysfs& s, Text t) -> Done {
         const std::optional<std::uint64_t> wanted = number(t);
         if (!wanted || *wanted == 0) return fail(Errno::kInval);
         if (s.claimed_()) return fail(Errno::kBusy);
         s.zram_.reset();
         return {};
       }},
      {"writeback", nullptr, [](ZramSysfs& s, Text t) { return store_writeback(s.zram_, t); }},
      {"writeback_limit", [](const Zram& z) { return fmt::format("{}\n", z.writeback_limit().left); },
       [](ZramSysfs& s, Text t) { return store_writeback_limit(s.zram_, t); }},
      {"writeback_limit_enable",
       [](const Zram& z) { return fmt::format("{}\n", z.writeback_limit().enabled ? 1 : 0); },
       [](ZramSysfs& s, Text t) { return store_writeback_limit_enable(s.zram_, t); }},
  };
  return files;
}

ZramSysfs::ZramSysfs(Zram& zram, std::function<bool()> claimed) : zram_(zram), claimed_(std::move(claimed)) {}

const ZramSysfs::File* ZramSysfs::find(std::string_view file) {
  const auto found = std::ranges::find(table(), file, &File::name);
  return found == table().end() ? nullptr : &*found;
}

std::vector<std::string> ZramSysfs::files() const {
  std::vector<std::string> names;
  for (const File& file : table()) names.emplace_back(file.name);
  return names;
}

bool ZramSysfs::readable(std::string_view file) const {
  const File* const f = find(file);
  return f != nullptr && f->read != nullptr;
}

bool ZramSysfs::writable(std::string_view file) const {
  const File* const f = find(file);
  return f != nullptr && f->write != nullptr;
}

Result<std::string, Errno> ZramSysfs::read(std::string_view file) const {
  const File* const f = find(file);
  if (f == nullptr) return fail(Errno::kNoEnt);
  if (f->read == nullptr) return fail(Errno::kAcces);
  return f->read(zram_);
}

Result<void, Errno> ZramSysfs::write(std::string_view file, std::string_view text) {
  const File* const f = find(file);
  if (f == nullptr) return fail(Errno::kNoEnt);
  if (f->write == nullptr) return fail(Errno::kAcces);
  if (text.ends_with('\n')) text.remove_suffix(1);
  return f->write(*this, text);
}

}  // namespace quire::swap
