// compress/testing_bytes.h - buffers as memory has them, for the tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "compress/page_source.h"

namespace quire::compress::testing {

using Bytes = std::vector<std::byte>;

enum class Kind : std::uint8_t { kZero, kPointers, kText, kRandom };
inline constexpr std::array kKinds{Kind::kZero, Kind::kPointers, Kind::kText, Kind::kRandom};

// `size` bytes of a kind; the same seed gives the same bytes.
inline Bytes bytes_of(Kind kind, std::size_t size, std::uint64_t seed) {
  Bytes bytes(size);
  base::Rng rng(seed);
  constexpr std::string_view kWords = "folio page swap slot zone frame unit chain ";
  for (std::size_t n = 0; n < size && kind != Kind::kZero; ++n) {
    if (kind == Kind::kRandom) bytes[n] = static_cast<std::byte>(rng.next());
    if (kind == Kind::kText)
      bytes[n] = static_cast<std::byte>(kWords[(n + rng.below(2) * 6) % kWords.size()]);
    if (kind == Kind::kPointers && n % 8 < 3) bytes[n] = static_cast<std::byte>(rng.below(40));
    if (kind == Kind::kPointers && n % 8 == 5) bytes[n] = std::byte{0x7f};
  }
  return bytes;
}

// A source that has no frame when it is asked for the n-th time, and all times after that.
class FailingPages final : public PageSource {
 public:
  explicit FailingPages(std::optional<std::uint64_t> fails_at = std::nullopt) : left_(fails_at) {}
  [[nodiscard]] std::optional<Pfn> allocate() override {
    if (left_ && *left_ == 0) return std::nullopt;
    if (left_) --*left_;
    return pages_.allocate();
  }
  void free(Pfn pfn) override { pages_.free(pfn); }
  [[nodiscard]] std::byte* bytes(Pfn pfn) override { return pages_.bytes(pfn); }
  [[nodiscard]] PageCount used() const { return pages_.used(); }
  void recover() { left_.reset(); }

 private:
  HeapPages pages_;
  std::optional<std::uint64_t> left_;
};

}  // namespace quire::compress::testing
