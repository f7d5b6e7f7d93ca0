// trace/contents.h - how well the memory of a program compresses, and never
// what it holds: sizes, counted.
//
// A recording may have any number of these, each a chunk of its own (type 128)
// that older readers skip. docs/reference/recording-format.md describes the
// bytes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "quire/result.h"
#include "trace/event.h"
#include "trace/format.h"

namespace quire::trace {

enum class ContentsCodec : std::uint8_t { kLz4, kZstd };
inline constexpr std::array kContentsCodecs{ContentsCodec::kLz4, ContentsCodec::kZstd};
[[nodiscard]] std::string_view codec_name(ContentsCodec codec);

// What was compressed as one.
inline constexpr std::array<std::uint32_t, 3> kContentsUnits{4096, 16384, 65536};

// The compressed sizes of units of one size by one codec. Bucket i holds those
// of more than i and at most i + 1 sixteenths of the unit; the last also those
// that did not get smaller, which count as a whole unit in `stored_bytes`.
struct UnitSizes {
  std::uint64_t units = 0;
  std::uint64_t stored_bytes = 0;
  std::array<std::uint64_t, 16> sixteenths{};

  // `stored` bytes of a unit of `unit_bytes`.
  void add(std::uint64_t stored, std::uint64_t unit_bytes);
  bool operator==(const UnitSizes&) const = default;
};

enum class MappingKind : std::uint8_t { kAnonymous, kHeap, kStack, kFile };
[[nodiscard]] std::string_view mapping_kind_name(MappingKind kind);

// One mapping when it was looked at. Only private pages are looked at: what would go to
// swap, not what can be read from its file again.
struct MappingContents {
  std::uint64_t first_page = 0;
  std::uint64_t pages = 0;
  MappingKind kind = MappingKind::kAnonymous;
  std::uint64_t present = 0;  // pages in memory
  std::uint64_t sampled = 0;  // of them, those that were looked at
  std::uint64_t zero = 0;     // of these, nothing but zeroes
  std::uint64_t same = 0;     // of these, one word repeated, zero ones among them
  // By codec, then by unit. Pages of zeroes are in the units as they come.
  std::array<std::array<UnitSizes, kContentsUnits.size()>, kContentsCodecs.size()> sizes{};

  [[nodiscard]] UnitSizes& of(ContentsCodec codec, std::size_t unit) {
    return sizes[static_cast<std::size_t>(codec)][unit];
  }
  [[nodiscard]] const UnitSizes& of(ContentsCodec codec, std::size_t unit) const {
    return sizes[static_cast<std::size_t>(codec)][unit];
  }
  // Adds the counts of `other`; place and kind stay.
  void add(const MappingContents& other);
  bool operator==(const MappingContents&) const = default;
};

struct ContentsSample {
  std::uint64_t time_us = 0;
  MmId mm = 0;
  std::vector<MappingContents> mappings;
  bool operator==(const ContentsSample&) const = default;
};

// The sums over the mappings of each kind.
[[nodiscard]] std::map<MappingKind, MappingContents> contents_by_kind(const ContentsSample& sample);

// A reader keeps no more mappings than this of one recording.
inline constexpr std::size_t kMaxContentsMappings = 100'000;

[[nodiscard]] std::vector<std::byte> encode_contents(const ContentsSample& sample);
enum class ContentsFault : std::uint8_t { kNewer, kDamaged };
// kNewer: a layout of a later version, to be skipped.
[[nodiscard]] Result<ContentsSample, ContentsFault> decode_contents(Bytes payload);

}  // namespace quire::trace
