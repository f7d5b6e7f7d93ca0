#include "swap/size_model.h"

#include <algorithm>

#include "base/check.h"
#include "base/rng.h"

namespace quire::swap {

std::optional<ByteCount> FixedSizes::compressed(std::uint64_t, PageCount pages, std::uint64_t) const {
  return ByteCount(std::max<std::uint64_t>(1, pages.bytes().raw() * percent_ / 100));
}

MeasuredSizes::MeasuredSizes(std::uint64_t seed, const Distributions& measured) : seed_(seed) {
  const auto add = [&](ByteCount unit, const std::vector<Bin>& bins) {
    Table table{.unit = unit, .cumulative = bins};
    std::uint64_t sum = 0;
    for (Bin& bin : table.cumulative) bin.units = sum += bin.units;
    if (sum > 0) tables_.push_back(std::move(table));
  };
  add(4_KiB, measured.of_4k);
  add(16_KiB, measured.of_16k);
  add(64_KiB, measured.of_64k);
  QUIRE_CHECK(!tables_.empty());
}

std::vector<MeasuredSizes::Bin> MeasuredSizes::bins_of(const Sixteenths& measured) {
  const double unit = static_cast<double>(measured.unit.raw());
  const std::uint64_t same = std::min(measured.same, measured.units.front());
  double smaller = 0, below = 0;  // units that got smaller, and the sixteenths below them
  for (std::size_t n = 0; n < 15; ++n) {
    const double units = static_cast<double>(measured.units[n] - (n == 0 ? same : 0));
    smaller += units;
    below += units * static_cast<double>(n);
  }
  const double whole = static_cast<double>(measured.units.back()) * unit;
  const double stored = static_cast<double>(measured.stored.raw());
  const double part = smaller == 0 ? 1 : ((stored - whole) * 16 / unit - below) / smaller;
  std::vector<Bin> bins;
  if (same > 0) bins.push_back({ByteCount(), same});
  for (std::size_t n = 0; n < 15; ++n) {
    const double size = (static_cast<double>(n) + std::clamp(part, 0.0625, 1.0)) / 16 * unit;
    if (const std::uint64_t units = measured.units[n] - (n == 0 ? same : 0); units > 0)
      bins.push_back({ByteCount(static_cast<std::uint64_t>(size)), units});
  }
  if (measured.units.back() > 0) bins.push_back({measured.unit, measured.units.back()});
  return bins;
}

const MeasuredSizes::Table& MeasuredSizes::table_for(ByteCount unit) const {
  const Table* best = &tables_.front();
  for (const Table& table : tables_)
    if (table.unit <= unit) best = &table;
  return *best;
}

std::optional<ByteCount> MeasuredSizes::compressed(std::uint64_t slot, PageCount pages,
                                                   std::uint64_t write) const {
  const Table& table = table_for(pages.bytes());
  base::Rng rng(seed_ ^ base::Rng(slot).next() ^ base::Rng(~write).next());
  const std::uint64_t drawn = rng.below(table.cumulative.back().units);
  const auto bin =
      std::ranges::upper_bound(table.cumulative, drawn, {}, [](const Bin& b) { return b.units; });
  if (bin->size == ByteCount(0)) return std::nullopt;
  return ByteCount(std::max<std::uint64_t>(1, bin->size.raw() * pages.bytes().raw() / table.unit.raw()));
}

}  // namespace quire::swap
