#include "record/contents_sampler.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/rng.h"

namespace quire::record {
namespace {

using trace::ContentsCodec;
using trace::MappingContents;

constexpr std::size_t kPage = 4096;

// Memory of our own, at the start of a 64 KiB block, between pages nobody may touch.
class Area {
 public:
  explicit Area(std::size_t pages) : bytes_((pages + 32) * kPage) {
    whole_ = static_cast<char*>(mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    const auto at = (reinterpret_cast<std::uintptr_t>(whole_) + 2 * ContentsSampler::kBlockBytes - 1) /
                    ContentsSampler::kBlockBytes * ContentsSampler::kBlockBytes;
    used_ = reinterpret_cast<char*>(at);
    mprotect(used_, pages * kPage, PROT_READ | PROT_WRITE);
    madvise(used_, pages * kPage, MADV_NOHUGEPAGE);
  }
  ~Area() { munmap(whole_, bytes_); }
  Area(const Area&) = delete;
  Area& operator=(const Area&) = delete;
  [[nodiscard]] char* page(std::size_t i) { return used_ + i * kPage; }

  // What a look says of it.
  [[nodiscard]] MappingContents look() {
    auto sampler = ContentsSampler::create().value();
    const auto sample = sampler.look_at(getpid(), 1, 0, 1U << 20);
    if (!sample) return {};
    for (const MappingContents& mapping : sample->mappings) {
      if (mapping.first_page == reinterpret_cast<std::uintptr_t>(used_) / kPage) return mapping;
    }
    return {};
  }

 private:
  std::size_t bytes_;
  char* whole_ = nullptr;
  char* used_ = nullptr;
};

bool can_look() {
  auto sampler = ContentsSampler::create().value();
  const bool looked = sampler.look_at(getpid(), 1, 0).has_value();
  return looked && sampler.notes().empty();
}

// Zero-filled and word-filled pages are told apart from others, and nothing
// that is not in memory is brought there.
TEST(ContentsSampler, CountsWhatPagesAre) {
  if (!can_look()) GTEST_SKIP() << "needs PAGEMAP_SCAN and its own memory through process_vm_readv";
  Area area(32);
  std::memset(area.page(0), 0, kPage);
  *static_cast<volatile char*>(area.page(0)) = 0;
  std::memset(area.page(1), 7, kPage);
  base::Rng rng(1);
  for (std::size_t i = 0; i < kPage; ++i) area.page(2)[i] = static_cast<char>(rng.next());
  const MappingContents seen = area.look();
  EXPECT_EQ(seen.present, 3U);
  EXPECT_EQ(seen.sampled, 3U);
  EXPECT_EQ(seen.zero, 1U);
  EXPECT_EQ(seen.same, 2U);
  EXPECT_EQ(seen.of(ContentsCodec::kZstd, 0).units, 3U);
  EXPECT_EQ(seen.of(ContentsCodec::kZstd, 2).units, 0U);  // no 64 KiB are there as a whole
  EXPECT_EQ(seen.of(ContentsCodec::kLz4, 0).sixteenths[15], 1U);
  unsigned char there[32];
  ASSERT_EQ(mincore(area.page(0), 32 * kPage, there), 0);
  EXPECT_EQ(std::ranges::count_if(there, [](unsigned char c) { return (c & 1) != 0; }), 3);
}

// Sizes go into a recording, never what was in memory: no eight bytes of it are in the chunk, as it is
// before the file compresses it.
TEST(ContentsSampler, NothingOfMemoryIsInTheRecording) {
  if (!can_look()) GTEST_SKIP() << "needs PAGEMAP_SCAN and its own memory through process_vm_readv";
  Area area(32);
  base::Rng rng(3);
  std::array<char, 64> secret{};
  for (char& c : secret) c = static_cast<char>(rng.next());
  // Alone in pages of words, and filling a page: what compresses well and what does not at all.
  std::memset(area.page(0), 7, 16 * kPage);
  for (std::size_t i = 0; i < 16; ++i) std::memcpy(area.page(i) + 100, secret.data(), secret.size());
  for (std::size_t i = 0; i < kPage; i += secret.size())
    std::memcpy(area.page(16) + i, secret.data(), secret.size());
  auto sampler = ContentsSampler::create().value();
  const auto sample = sampler.look_at(getpid(), 1, 0, 1U << 20);
  ASSERT_TRUE(sample.has_value());
  const bool looked = std::ranges::any_of(sample->mappings, [&](const MappingContents& m) {
    return m.first_page == reinterpret_cast<std::uintptr_t>(area.page(0)) / kPage && m.sampled >= 17;
  });
  ASSERT_TRUE(looked);
  const std::vector<std::byte> chunk = trace::encode_contents(*sample);
  const std::string_view stored(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  for (std::size_t at = 0; at + 8 <= secret.size(); ++at)
    EXPECT_EQ(stored.find(std::string_view(secret.data() + at, 8)), std::string_view::npos) << at;
}

// Larger units compress better where the same text comes again and again.
TEST(ContentsSampler, LargerUnitsCompressBetter) {
  if (!can_look()) GTEST_SKIP() << "needs PAGEMAP_SCAN and its own memory through process_vm_readv";
  Area area(16);
  base::Rng rng(2);
  std::array<char, 2048> text{};
  for (char& c : text) c = static_cast<char>(rng.next());
  for (std::size_t at = 0; at < 16 * kPage; at += text.size())
    std::memcpy(area.page(0) + at, text.data(), text.size());
  const MappingContents seen = area.look();
  ASSERT_EQ(seen.of(ContentsCodec::kZstd, 2).units, 1U);
  ASSERT_EQ(seen.of(ContentsCodec::kZstd, 0).units, 16U);
  EXPECT_LT(seen.of(ContentsCodec::kZstd, 2).stored_bytes * 4, seen.of(ContentsCodec::kZstd, 0).stored_bytes);
  EXPECT_EQ(seen.zero, 0U);
}

// A process is looked at again only when it has grown, and a process that is
// gone is no error.
TEST(ContentsSampler, LooksAgainOnlyAfterGrowth) {
  if (!can_look()) GTEST_SKIP() << "needs PAGEMAP_SCAN and its own memory through process_vm_readv";
  auto sampler = ContentsSampler::create().value();
  Area area(512);
  std::memset(area.page(0), 1, 512 * kPage);
  const std::pair<std::uint32_t, trace::MmId> self[] = {{static_cast<std::uint32_t>(getpid()), 1}};
  EXPECT_EQ(sampler.look(self, 5).size(), 1U);
  EXPECT_TRUE(sampler.look(self, 6).empty());
  EXPECT_FALSE(sampler.look_at(0x3ffffff, 2, 0).has_value());
}

}  // namespace
}  // namespace quire::record
