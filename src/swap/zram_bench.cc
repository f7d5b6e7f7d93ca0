// Folios of 64 KiB to a zram and back: ours, and as root the running kernel's
// in the same run.
//
// `per_page` is the time for each 4 KiB: CPU time of one thread, time of a clock for several. Ours is what a
// swap-out and a swap-in spend in the device; the kernel's is a request of 64 KiB past the page cache
// (O_DIRECT), with a system call and the block layer around. QUIRE_IMAGES names images of real memory
// (scripts/memory_images.py) with colons between; without it pages are made up.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "compress/testing_zram.h"
#include "swap/testing_stack.h"
#include "swap/zram.h"

namespace {

using namespace quire;
using namespace quire::swap;
using swap::testing::Bytes;

constexpr std::uint64_t kFolio = 65536;

// Aligned, as a request past the page cache must be.
class Image {
 public:
  Image(std::string name, const std::byte* bytes, std::size_t size)
      : name_(std::move(name)),
        size_(size / kFolio * kFolio),
        bytes_(static_cast<std::byte*>(std::aligned_alloc(kFolio, size_)), &std::free) {
    QUIRE_CHECK(size_ > 0 && bytes_ != nullptr);
    std::memcpy(bytes_.get(), bytes, size_);
  }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint64_t folios() const { return size_ / kFolio; }
  [[nodiscard]] std::byte* folio(std::uint64_t n) const { return bytes_.get() + n * kFolio; }

 private:
  std::string name_;
  std::size_t size_;
  std::unique_ptr<std::byte[], void (*)(void*)> bytes_;
};

struct Case {
  const Image* image;
  compress::Algorithm algorithm;
  ByteCount unit{kPageSize};
  unsigned threads = 1;
};

void per_page(benchmark::State& state, const Image& image) {
  const double pages = static_cast<double>(image.folios() * kFolio / 4096);
  state.counters["per_page"] =
      benchmark::Counter(pages, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

class Ours {
 public:
  explicit Ours(const Case& of)
      : image_(*of.image),
        zram_(*Zram::create(frames_, {.disksize = ByteCount(of.image->folios() * kFolio),
                                      .algorithm = of.algorithm,
                                      .unit = of.unit,
                                      .threads = of.threads})) {}
  void write(std::uint64_t n) {
    QUIRE_CHECK(zram_->write(n * kPages, {image_.folio(n), PageCount(kPages)}).has_value());
  }
  void read(std::uint64_t n, std::byte* to) {
    QUIRE_CHECK(zram_->read(n * kPages, {to, PageCount(kPages)}).has_value());
  }
  void forget() { zram_->slots_freed(0, zram_->size()); }

 private:
  static constexpr std::uint64_t kPages = kFolio / kPageSize;
  const Image& image_;
  compress::HeapPages frames_;
  std::unique_ptr<Zram> zram_;
};

class Live {
 public:
  explicit Live(const Case& of)
      : image_(*of.image),
        zram_(compress::testing::Zram::make(compress::name(of.algorithm), of.image->folios() * kFolio)) {}
  [[nodiscard]] bool there() const { return zram_ != nullptr; }
  void write(std::uint64_t n) { QUIRE_CHECK(zram_->write(n, {image_.folio(n), kFolio})); }
  void read(std::uint64_t n, std::byte* to) { QUIRE_CHECK(zram_->read(n, {to, kFolio})); }
  void forget() {
    for (std::uint64_t n = 0; n < image_.folios(); ++n) QUIRE_CHECK(zram_->discard(n, kFolio));
  }

 private:
  const Image& image_;
  std::unique_ptr<compress::testing::Zram> zram_;
};

template <typename Device>
void write_folios(benchmark::State& state, Device& device, const Image& image) {
  for (auto _ : state) {
    for (std::uint64_t n = 0; n < image.folios(); ++n) device.write(n);
    state.PauseTiming();
    device.forget();
    state.ResumeTiming();
  }
  per_page(state, image);
}

template <typename Device>
void read_folios(benchmark::State& state, Device& device, const Image& image) {
  const std::unique_ptr<std::byte[], void (*)(void*)> to(
      static_cast<std::byte*>(std::aligned_alloc(kFolio, kFolio)), &std::free);
  for (std::uint64_t n = 0; n < image.folios(); ++n) device.write(n);
  for (auto _ : state)
    for (std::uint64_t n = 0; n < image.folios(); ++n) device.read(n, to.get());
  for (std::uint64_t n = 0; n < image.folios(); ++n) {
    device.read(n, to.get());
    QUIRE_CHECK(std::memcmp(to.get(), image.folio(n), kFolio) == 0);
  }
  per_page(state, image);
}

enum class Way : std::uint8_t { kOut, kIn };

template <typename Device>
void run(benchmark::State& state, Device& device, const Case& of, Way way) {
  if (way == Way::kOut)
    write_folios(state, device, *of.image);
  else
    read_folios(state, device, *of.image);
}

void ours(benchmark::State& state, const Case& of, Way way) {
  Ours device(of);
  run(state, device, of, way);
}

void live(benchmark::State& state, const Case& of, Way way) {
  Live device(of);
  if (!device.there())
    return state.SkipWithError("a zram device of our own takes root and a kernel with zram");
  run(state, device, of, way);
}

void add(const std::string& name, void (*fn)(benchmark::State&, const Case&, Way), const Case& of) {
  for (const auto& [word, way] : {std::pair{"out", Way::kOut}, {"in", Way::kIn}}) {
    auto* const made = benchmark::RegisterBenchmark((name + word).c_str(), fn, of, way);
    made->Unit(benchmark::kMillisecond);
    if (of.threads > 1) made->UseRealTime();
  }
}

void add_image(const Image& image) {
  using compress::Algorithm;
  for (const Algorithm algorithm : {Algorithm::kLz4, Algorithm::kLzo})
    add(fmt::format("zram/{}/{}/live/", image.name(), name(algorithm)), live,
        {.image = &image, .algorithm = algorithm});
  for (const Algorithm algorithm : {Algorithm::kLz4, Algorithm::kLzo, Algorithm::kZstd})
    for (const ByteCount unit : {4_KiB, 16_KiB, 64_KiB})
      for (const unsigned threads : {1U, 2U})
        add(fmt::format("zram/{}/{}/{}K/{}T/", image.name(), name(algorithm), unit.raw() / 1024, threads),
            ours, {.image = &image, .algorithm = algorithm, .unit = unit, .threads = threads});
}

const int registered = [] {
  static std::vector<std::unique_ptr<Image>> images;
  const char* list = std::getenv("QUIRE_IMAGES");
  for (std::string_view left = list == nullptr ? "" : list; !left.empty();) {
    const std::filesystem::path path(left.substr(0, left.find(':')));
    left.remove_prefix(std::min(left.size(), path.native().size() + 1));
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    QUIRE_CHECK_MSG(text.size() >= kFolio, "QUIRE_IMAGES: {} cannot be read", path.string());
    images.push_back(std::make_unique<Image>(path.stem().string(),
                                             reinterpret_cast<const std::byte*>(text.data()), text.size()));
  }
  if (images.empty()) {
    const Bytes made = swap::testing::pages_of(1, 1024);
    images.push_back(std::make_unique<Image>("made_up", made.data(), made.size()));
  }
  for (const auto& image : images) add_image(*image);
  return 0;
}();

}  // namespace
