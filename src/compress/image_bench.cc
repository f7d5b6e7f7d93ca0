// Codecs on images of real memory, which scripts/memory_images.py makes:
// QUIRE_IMAGES names them, with colons between. Without it there is nothing to measure.
//
// For each image, codec and unit:
//   compress, decompress  the plain codec; `ratio` is of its output
//   store, load           the same, into and out of a ZsPool; `stored` is the ratio to the frames
//                         it holds, of chains of frames and of chains of units
// A unit that does not fit into what a whole one costs is kept as it is, as zram does.
// `per_KiB` is the time for each KiB of the image.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "compress/codec.h"
#include "compress/zsmalloc.h"

namespace {

using namespace quire;
using namespace quire::compress;
using Bytes = std::vector<std::byte>;

struct Case {
  const Bytes* image;
  Algorithm algorithm;
  std::size_t unit;
  ZsLayout layout = ZsLayout::kFrames;
};

// One image in units of one size.
class Run {
 public:
  explicit Run(const Case& of)
      : of_(of),
        codec_(*Codec::create({.algorithm = of.algorithm, .largest_input = ByteCount(of.unit)})),
        pool_(pages_, {.largest_object = ByteCount(of.unit), .layout = of.layout}),
        packed_(codec_.bound(ByteCount(of.unit)).raw()),
        huge_(pool_.huge_class_size(ByteCount(of.unit)).raw()),
        count_(of.image->size() / of.unit) {}

  [[nodiscard]] std::span<const std::byte> unit(std::size_t n) const {
    return std::span(*of_.image).subspan(n * of_.unit, of_.unit);
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  // The compressed form of a unit, or the unit.
  std::span<const std::byte> compress(std::size_t n) {
    const auto size = codec_.compress(unit(n), packed_);
    QUIRE_CHECK(size.has_value());
    return size->raw() < huge_ ? std::span<const std::byte>(packed_).first(size->raw()) : unit(n);
  }
  void decompress(std::span<const std::byte> packed, std::span<std::byte> out) {
    if (packed.size() == out.size())
      std::memcpy(out.data(), packed.data(), out.size());
    else
      QUIRE_CHECK(codec_.decompress(packed, out).has_value());
  }
  // As zram writes a unit and reads it.
  void store(std::size_t n) {
    const auto packed = compress(n);
    const ZsHandle handle = *pool_.allocate(ByteCount(packed.size()));
    pool_.write(handle, packed);
    objects_.push_back({handle, packed.size()});
  }
  void load(std::size_t n, std::span<std::byte> out) {
    const auto& [handle, size] = objects_[n];
    decompress(pool_.read(handle, ByteCount(size), packed_), out);
  }
  void forget() {
    for (const auto& [handle, size] : objects_) pool_.free(handle);
    objects_.clear();
  }
  [[nodiscard]] double stored_ratio() const {
    return static_cast<double>(count_ * of_.unit) / static_cast<double>(pool_.total_pages().bytes().raw());
  }

 private:
  struct Object {
    ZsHandle handle;
    std::size_t size;
  };
  Case of_;
  Codec codec_;
  HeapPages pages_;
  ZsPool pool_;
  Bytes packed_;
  std::size_t huge_;
  std::size_t count_;
  std::vector<Object> objects_;
};

void per_kib(benchmark::State& state, const Run& run, std::size_t unit) {
  const double kib = static_cast<double>(run.count() * unit) / 1024;
  state.counters["per_KiB"] =
      benchmark::Counter(kib, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void compress_image(benchmark::State& state, const Case& of) {
  Run run(of);
  std::size_t size = 0;
  for (auto _ : state) {
    size = 0;
    for (std::size_t n = 0; n < run.count(); ++n) size += run.compress(n).size();
  }
  per_kib(state, run, of.unit);
  state.counters["ratio"] = static_cast<double>(run.count() * of.unit) / static_cast<double>(size);
}

void decompress_image(benchmark::State& state, const Case& of) {
  Run run(of);
  std::vector<Bytes> packed;
  for (std::size_t n = 0; n < run.count(); ++n) {
    const auto one = run.compress(n);
    packed.emplace_back(one.begin(), one.end());
  }
  Bytes out(of.unit);
  for (auto _ : state)
    for (const Bytes& one : packed) run.decompress(one, out);
  per_kib(state, run, of.unit);
}

void store_image(benchmark::State& state, const Case& of) {
  Run run(of);
  double stored = 0;
  for (auto _ : state) {
    for (std::size_t n = 0; n < run.count(); ++n) run.store(n);
    state.PauseTiming();
    stored = run.stored_ratio();
    run.forget();
    state.ResumeTiming();
  }
  per_kib(state, run, of.unit);
  state.counters["stored"] = stored;
}

void load_image(benchmark::State& state, const Case& of) {
  Run run(of);
  Bytes out(of.unit);
  for (std::size_t n = 0; n < run.count(); ++n) run.store(n);
  for (auto _ : state)
    for (std::size_t n = 0; n < run.count(); ++n) run.load(n, out);
  for (std::size_t n = 0; n < run.count(); ++n) {
    run.load(n, out);
    QUIRE_CHECK(std::equal(out.begin(), out.end(), run.unit(n).begin()));
  }
  per_kib(state, run, of.unit);
}

// Each image once, for as long as the program runs.
const Bytes& image(const std::filesystem::path& path) {
  static std::vector<std::unique_ptr<Bytes>> kept;
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  QUIRE_CHECK_MSG(!text.empty(), "QUIRE_IMAGES: {} cannot be read", path.string());
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return *kept.emplace_back(std::make_unique<Bytes>(bytes, bytes + text.size() / 65536 * 65536));
}

void add(const std::string& name, const Case& of) {
  for (const auto& [what, fn] : {std::pair{"compress", &compress_image},
                                 {"decompress", &decompress_image},
                                 {"store", &store_image},
                                 {"load", &load_image}})
    benchmark::RegisterBenchmark((name + what).c_str(), fn, of)->Unit(benchmark::kMillisecond);
  if (of.unit == kPageSize) return;
  Case units = of;
  units.layout = ZsLayout::kUnits;
  benchmark::RegisterBenchmark((name + "store_in_units").c_str(), store_image, units)
      ->Unit(benchmark::kMillisecond);
}

const int registered = [] {
  const char* list = std::getenv("QUIRE_IMAGES");
  for (std::string_view left = list == nullptr ? "" : list; !left.empty();) {
    const std::filesystem::path path(left.substr(0, left.find(':')));
    left.remove_prefix(std::min(left.size(), path.native().size() + 1));
    const Bytes& bytes = image(path);
    for (const Algorithm algorithm : {Algorithm::kLz4, Algorithm::kLzo, Algorithm::kZstd})
      for (const std::size_t unit : {4096U, 16384U, 65536U})
        add(fmt::format("image/{}/{}/{}K/", path.stem().string(), name(algorithm), unit / 1024),
            {.image = &bytes, .algorithm = algorithm, .unit = unit});
  }
  return 0;
}();

}  // namespace
