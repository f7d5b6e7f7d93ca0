#include "trace/contents.h"

#include <algorithm>
#include <limits>

#include "trace/accessed.h"
#include "trace/varint.h"

namespace quire::trace {
namespace {

// The first number of the payload.
constexpr std::uint64_t kLayout = 1;

void put_mapping(Column& to, const MappingContents& mapping) {
  for (const std::uint64_t value :
       {mapping.first_page, mapping.pages, static_cast<std::uint64_t>(mapping.kind), mapping.present,
        mapping.sampled, mapping.zero, mapping.same})
    put_varint(to, value);
  for (const auto& of_codec : mapping.sizes) {
    for (const UnitSizes& sizes : of_codec) {
      put_varint(to, sizes.units);
      put_varint(to, sizes.stored_bytes);
      for (const std::uint64_t n : sizes.sixteenths) put_varint(to, n);
    }
  }
}

// The counts belong together, and no sum of them runs over.
bool believable(const MappingContents& mapping) {
  if (mapping.first_page >= kPagesEnd || mapping.pages > kPagesEnd - mapping.first_page) return false;
  if (mapping.present > mapping.pages || mapping.sampled > mapping.present) return false;
  if (mapping.zero > mapping.same || mapping.same > mapping.sampled) return false;
  for (const auto& of_codec : mapping.sizes) {
    for (std::size_t unit = 0; unit < of_codec.size(); ++unit) {
      const UnitSizes& sizes = of_codec[unit];
      if (sizes.units > mapping.sampled || sizes.stored_bytes > sizes.units * kContentsUnits[unit])
        return false;
      std::uint64_t left = sizes.units;
      for (const std::uint64_t n : sizes.sixteenths) {
        if (n > left) return false;
        left -= n;
      }
      if (left != 0) return false;
    }
  }
  return true;
}

bool get_mapping(ColumnCursor& from, MappingContents& mapping) {
  mapping.first_page = from.varint();
  mapping.pages = from.varint();
  const std::uint64_t kind = from.varint();
  if (kind > static_cast<std::uint64_t>(MappingKind::kFile)) return false;
  mapping.kind = static_cast<MappingKind>(kind);
  mapping.present = from.varint();
  mapping.sampled = from.varint();
  mapping.zero = from.varint();
  mapping.same = from.varint();
  for (auto& of_codec : mapping.sizes) {
    for (UnitSizes& sizes : of_codec) {
      sizes.units = from.varint();
      sizes.stored_bytes = from.varint();
      for (std::uint64_t& n : sizes.sixteenths) n = from.varint();
    }
  }
  return !from.wrong() && believable(mapping);
}

}  // namespace

std::string_view codec_name(ContentsCodec codec) { return codec == ContentsCodec::kLz4 ? "lz4" : "zstd"; }

std::string_view mapping_kind_name(MappingKind kind) {
  constexpr std::array<std::string_view, 4> kNames{"anonymous", "heap", "stack", "file"};
  return kNames[static_cast<std::size_t>(kind)];
}

void UnitSizes::add(std::uint64_t stored, std::uint64_t unit_bytes) {
  const std::uint64_t kept = std::min(stored, unit_bytes);
  ++units;
  stored_bytes += kept;
  const std::uint64_t bucket = kept == 0 ? 0 : (kept - 1) * sixteenths.size() / unit_bytes;
  ++sixteenths[bucket];
}

void MappingContents::add(const MappingContents& other) {
  present += other.present;
  sampled += other.sampled;
  zero += other.zero;
  same += other.same;
  for (std::size_t codec = 0; codec < sizes.size(); ++codec) {
    for (std::size_t unit = 0; unit < sizes[codec].size(); ++unit) {
      UnitSizes& mine = sizes[codec][unit];
      const UnitSizes& its = other.sizes[codec][unit];
      mine.units += its.units;
      mine.stored_bytes += its.stored_bytes;
      for (std::size_t i = 0; i < mine.sixteenths.size(); ++i) mine.sixteenths[i] += its.sixteenths[i];
    }
  }
}

std::map<MappingKind, MappingContents> contents_by_kind(const ContentsSample& sample) {
  std::map<MappingKind, MappingContents> sums;
  for (const MappingContents& mapping : sample.mappings) {
    MappingContents& sum = sums[mapping.kind];
    sum.kind = mapping.kind;
    sum.add(mapping);
  }
  return sums;
}

std::vector<std::byte> encode_contents(const ContentsSample& sample) {
  Column bytes;
  put_varint(bytes, kLayout);
  put_varint(bytes, sample.time_us);
  put_varint(bytes, sample.mm);
  put_varint(bytes, sample.mappings.size());
  for (const MappingContents& mapping : sample.mappings) put_mapping(bytes, mapping);
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

Result<ContentsSample, ContentsFault> decode_contents(Bytes payload) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(payload.data());
  ColumnCursor from(begin, begin + payload.size());
  const std::uint64_t layout = from.varint();
  if (layout > kLayout) return fail(ContentsFault::kNewer);
  ContentsSample sample;
  sample.time_us = from.varint();
  const std::uint64_t mm = from.varint();
  const std::uint64_t mappings = from.varint();
  const bool sane =
      layout == kLayout && mm <= std::numeric_limits<MmId>::max() && mappings <= kMaxContentsMappings;
  if (!sane || from.wrong()) return fail(ContentsFault::kDamaged);
  sample.mm = static_cast<MmId>(mm);
  for (std::uint64_t i = 0; i < mappings; ++i) {
    MappingContents mapping;
    if (!get_mapping(from, mapping)) return fail(ContentsFault::kDamaged);
    sample.mappings.push_back(mapping);
  }
  if (!from.at_end()) return fail(ContentsFault::kDamaged);
  return sample;
}

}  // namespace quire::trace
