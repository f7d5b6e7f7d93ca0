#include "record/contents_sampler.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "live/mappings.h"
#include "live/pagemap.h"

namespace quire::record {
namespace {

using trace::ContentsCodec;
using trace::ContentsSample;
using trace::kContentsUnits;
using trace::MappingContents;
using trace::MappingKind;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPagesOfBlock = ContentsSampler::kBlockBytes / kPage;
constexpr std::uint32_t kWholeBlock = (1U << kPagesOfBlock) - 1;
constexpr std::uint64_t kLeastGrowth = (1U << 20) / kPage;
constexpr int kShare = 20;
constexpr std::chrono::milliseconds kLeastPause{100};
// Of a word of pagemap.
constexpr std::uint64_t kPresent = 1ULL << 63;
constexpr std::uint64_t kOfFile = 1ULL << 61;

// Memory for what must not be seen: wiped at the end, never in a core dump.
class SecretBuffer {
 public:
  SecretBuffer()
      : bytes_(static_cast<std::byte*>(mmap(nullptr, ContentsSampler::kBlockBytes, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    if (bytes_ != MAP_FAILED) madvise(bytes_, ContentsSampler::kBlockBytes, MADV_DONTDUMP);
  }
  ~SecretBuffer() {
    if (bytes_ == MAP_FAILED) return;
    explicit_bzero(bytes_, ContentsSampler::kBlockBytes);
    munmap(bytes_, ContentsSampler::kBlockBytes);
  }
  SecretBuffer(const SecretBuffer&) = delete;
  SecretBuffer& operator=(const SecretBuffer&) = delete;

  [[nodiscard]] bool valid() const { return bytes_ != MAP_FAILED; }
  [[nodiscard]] std::span<std::byte> all() { return {bytes_, ContentsSampler::kBlockBytes}; }

 private:
  std::byte* bytes_;
};

std::optional<MappingKind> kind_of(const live::Mapping& mapping) {
  if (mapping.permissions.size() < 4 || mapping.permissions[0] != 'r' || mapping.permissions[3] != 'p')
    return std::nullopt;
  if (mapping.name == "[heap]") return MappingKind::kHeap;
  if (mapping.name.starts_with("[stack")) return MappingKind::kStack;
  if (mapping.inode != 0) return MappingKind::kFile;
  const bool named_by_program = mapping.name.starts_with("[anon:");
  return mapping.name.empty() || named_by_program ? std::optional(MappingKind::kAnonymous) : std::nullopt;
}

// Resident pages that no file can give again.
std::uint64_t private_pages(std::uint32_t pid) {
  std::ifstream statm(fmt::format("/proc/{}/statm", pid));
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  if (!(statm >> size >> resident >> shared)) return 0;
  return resident - std::min(resident, shared);
}

bool repeats_a_word(std::span<const std::byte> page) {
  return std::memcmp(page.data(), page.data() + 8, page.size() - 8) == 0;
}

// Which of the block's pages are private and in memory; bit i for page i.
std::uint32_t pages_present(const live::Pagemap& pagemap, std::uint64_t page) {
  std::array<std::uint64_t, kPagesOfBlock> words{};
  if (!pagemap.words(VirtAddr(page * kPage), words)) return 0;
  std::uint32_t have = 0;
  for (std::size_t i = 0; i < words.size(); ++i)
    have |= (words[i] & (kPresent | kOfFile)) == kPresent ? 1U << i : 0;
  return have;
}

// Reads the pages of a block that are there. What is gone meanwhile is taken out of `have`.
void read_block(pid_t pid, std::uint64_t page, std::span<std::byte> to, std::uint32_t& have) {
  for (std::size_t i = 0; i < kPagesOfBlock; ++i) {
    if ((have >> i & 1U) == 0) continue;
    iovec mine{&to[i * kPage], kPage};
    iovec its{reinterpret_cast<void*>((page + i) * kPage), kPage};
    if (process_vm_readv(pid, &mine, 1, &its, 1, 0) != static_cast<ssize_t>(kPage)) have &= ~(1U << i);
  }
}

Result<compress::Codec, Diagnostic> codec(compress::Algorithm algorithm) {
  return compress::Codec::create(
      {.algorithm = algorithm, .largest_input = ByteCount(ContentsSampler::kBlockBytes)});
}

}  // namespace

ContentsSampler::ContentsSampler(compress::Codec lz4, compress::Codec zstd)
    : codecs_{std::move(lz4), std::move(zstd)} {
  std::size_t most = 0;
  for (const compress::Codec& codec : codecs_)
    most = std::max<std::size_t>(most, codec.bound(ByteCount(kBlockBytes)).raw());
  compressed_.resize(most);
}

Result<ContentsSampler, Diagnostic> ContentsSampler::create() {
  compress::Codec lz4 = QUIRE_TRY(codec(compress::Algorithm::kLz4));
  compress::Codec zstd = QUIRE_TRY(codec(compress::Algorithm::kZstd));
  return ContentsSampler(std::move(lz4), std::move(zstd));
}

void ContentsSampler::measure(std::span<const std::byte> block, std::uint32_t have, MappingContents& into) {
  for (std::size_t i = 0; i < kPagesOfBlock; ++i) {
    if ((have >> i & 1U) == 0) continue;
    const auto page = block.subspan(i * kPage, kPage);
    ++into.sampled;
    if (!repeats_a_word(page)) continue;
    ++into.same;
    if (std::ranges::all_of(page.first(8), [](std::byte b) { return b == std::byte{0}; })) ++into.zero;
  }
  for (std::size_t unit = 0; unit < kContentsUnits.size(); ++unit) {
    const std::size_t bytes = kContentsUnits[unit];
    const std::size_t pages = bytes / kPage;
    const std::uint32_t all = kWholeBlock >> (kPagesOfBlock - pages);
    for (std::size_t at = 0; at < kPagesOfBlock; at += pages) {
      if ((have >> at & all) != all) continue;
      for (const ContentsCodec which : trace::kContentsCodecs) {
        const auto stored =
            codecs_[static_cast<std::size_t>(which)].compress(block.subspan(at * kPage, bytes), compressed_);
        into.of(which, unit).add(stored ? stored->raw() : bytes, bytes);
      }
    }
  }
}

// The blocks to read: all of them, or every n-th, over all mappings alike.
std::vector<ContentsSampler::Block> ContentsSampler::find_blocks(pid_t pid, std::size_t at_most,
                                                                 ContentsSample& sample) {
  const auto mappings = live::read_mappings(pid, live::MappingsFile::kMaps);
  const auto pagemap = live::Pagemap::open(pid);
  if (!mappings || !pagemap) {
    if ((!mappings && mappings.error().kind == Diagnostic::Kind::kPrivilege) ||
        (!pagemap && pagemap.error().kind == Diagnostic::Kind::kPrivilege))
      ++refused_;
    return {};
  }
  std::vector<Block> blocks;
  for (const live::Mapping& mapping : *mappings) {
    const auto kind = kind_of(mapping);
    if (!kind) continue;
    const auto present = pagemap->scan(mapping.range, live::Pagemap::Pages::kPresent);
    if (!present) {
      ++refused_;
      return {};
    }
    MappingContents contents{.first_page = mapping.range.begin.page_number(),
                             .pages = (mapping.range.end - mapping.range.begin).raw() / kPage,
                             .kind = *kind};
    for (const VirtRange& range : *present) {
      contents.present += (range.end - range.begin).raw() / kPage;
      const std::uint64_t last = (range.end.page_number() - 1) / kPagesOfBlock;
      for (std::uint64_t block = range.begin.page_number() / kPagesOfBlock; block <= last; ++block) {
        const bool again = !blocks.empty() && blocks.back().page == block * kPagesOfBlock;
        if (!again) blocks.push_back({block * kPagesOfBlock, sample.mappings.size()});
      }
    }
    if (contents.present != 0) sample.mappings.push_back(contents);
  }
  const std::size_t step = (blocks.size() + at_most - 1) / at_most;
  std::vector<Block> picked;
  for (std::size_t i = 0; step != 0 && i < blocks.size(); i += step) picked.push_back(blocks[i]);
  return picked;
}

std::optional<ContentsSample> ContentsSampler::look_at(pid_t pid, trace::MmId mm, std::uint64_t time_us,
                                                       std::size_t at_most) {
  ContentsSample sample{.time_us = time_us, .mm = mm, .mappings = {}};
  const auto blocks = find_blocks(pid, at_most, sample);
  const auto pagemap = live::Pagemap::open(pid);
  SecretBuffer buffer;
  if (blocks.empty() || !pagemap || !buffer.valid()) return std::nullopt;
  for (const Block& block : blocks) {
    MappingContents& into = sample.mappings[block.mapping];
    std::uint32_t have = pages_present(*pagemap, block.page);
    // A block may reach over the ends of its mapping: only its own pages count.
    for (std::size_t i = 0; i < kPagesOfBlock; ++i) {
      const std::uint64_t page = block.page + i;
      if (page < into.first_page || page >= into.first_page + into.pages) have &= ~(1U << i);
    }
    read_block(pid, block.page, buffer.all(), have);
    measure(buffer.all(), have, into);
  }
  explicit_bzero(compressed_.data(), compressed_.size());
  std::erase_if(sample.mappings, [](const MappingContents& m) { return m.sampled == 0; });
  for (MappingContents& mapping : sample.mappings)
    mapping.present = std::max(mapping.present, mapping.sampled);
  return sample.mappings.empty() ? std::nullopt : std::optional(std::move(sample));
}

std::vector<ContentsSample> ContentsSampler::look(
    std::span<const std::pair<std::uint32_t, trace::MmId>> processes, std::uint64_t time_us) {
  std::vector<ContentsSample> samples;
  const auto begin = Clock::now();
  if (begin < next_) return samples;
  for (const auto& [pid, mm] : processes) {
    const std::uint64_t pages = private_pages(pid);
    std::uint64_t& before = pages_at_look_[mm];
    if (pages < before + before / 4 + kLeastGrowth) continue;
    before = pages;
    if (auto sample = look_at(static_cast<pid_t>(pid), mm, time_us)) samples.push_back(*std::move(sample));
  }
  const auto now = Clock::now();
  next_ = now + std::max<Clock::duration>(kLeastPause, kShare * (now - begin));
  return samples;
}

std::vector<std::string> ContentsSampler::notes() const {
  if (refused_ == 0) return {};
  return {fmt::format(
      "--contents-statistics: {} looks were refused: it needs the right to read the process's memory "
      "and Linux 6.7 or later",
      refused_)};
}

}  // namespace quire::record
