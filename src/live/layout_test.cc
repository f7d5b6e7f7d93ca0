#include "live/layout.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>

#include "live/host.h"
#include "live/settings_guard.h"

namespace quire::live {
namespace {

using policy::Settings;
using policy::SizeEnabled;

// Four 2 MiB blocks of fresh memory.
class Arena {
 public:
  Arena() {
    const std::uint64_t size = 5 * kPmdSize;
    void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    whole_ = {VirtAddr(reinterpret_cast<std::uint64_t>(at)),
              VirtAddr(reinterpret_cast<std::uint64_t>(at) + size)};
    begin_ = whole_.begin.align_up(kOrderPmd);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { ::munmap(reinterpret_cast<void*>(whole_.begin.raw()), whole_.size().raw()); }

  [[nodiscard]] VirtRange block() const { return {begin_, begin_ + kOrderPmd.bytes()}; }
  void advise(int advice) const {
    ASSERT_EQ(::madvise(reinterpret_cast<void*>(begin_.raw()), 4 * kPmdSize, advice), 0);
  }
  void write(std::uint64_t page) const { *byte(page) = 1; }
  [[nodiscard]] char read(std::uint64_t page) const { return *byte(page); }

 private:
  [[nodiscard]] volatile char* byte(std::uint64_t page) const {
    return reinterpret_cast<volatile char*>((begin_ + PageCount(page)).raw());
  }
  VirtRange whole_;
  VirtAddr begin_;
};

class Layout : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto c = probe_page_frames(); !c.available) GTEST_SKIP() << c.reason;
    if (anon_orders_of().below(kOrderPmd).empty()) GTEST_SKIP() << "this kernel has no per-size settings";
    auto guard = SettingsGuard::hold();
    if (!guard) GTEST_SKIP() << guard.error().line();
    guard_.emplace(std::move(*guard));
  }

  void allow(Order order) {
    Settings settings;
    settings.enabled = policy::GlobalEnabled::never;
    settings.at(kOrderPmd) = SizeEnabled::never;
    settings.at(order) = SizeEnabled::madvise;
    ASSERT_TRUE(guard_->apply(settings));
  }

  static std::vector<PageView> look(VirtRange range) {
    auto pages = read_layout(::getpid(), range);
    EXPECT_TRUE(pages) << pages.error().line();
    return pages ? *pages : std::vector<PageView>{};
  }

  std::optional<SettingsGuard> guard_;
};

// One write under 64K brings sixteen pages of one folio, and only those.
//
//   page  0 .. 15  16 .. 31  32 .. 47 ..
//         -        write 20  -
TEST_F(Layout, OneWriteBringsOneFolio) {
  allow(Order(4));
  const Arena arena;
  arena.advise(MADV_HUGEPAGE);
  arena.write(20);
  const auto pages = look(arena.block());
  ASSERT_EQ(pages.size(), 512U);
  for (std::uint64_t i = 0; i < pages.size(); ++i) {
    const bool inside = i >= 16 && i < 32;
    ASSERT_EQ(pages[i].present, inside) << i;
    if (!inside) continue;
    EXPECT_EQ(pages[i].order, Order(4)) << i;
    EXPECT_EQ(pages[i].head, pages[16].pfn) << i;
    EXPECT_EQ(pages[i].pfn, pages[16].pfn + PageCount(i - 16)) << i;
    EXPECT_TRUE(pages[i].anon && pages[i].exclusive && !pages[i].zero && !pages[i].pmd_mapped) << i;
  }
}

// A 2M folio is mapped by one PMD entry, on every page of it.
TEST_F(Layout, HugeFolioIsPmdMapped) {
  allow(kOrderPmd);
  const Arena arena;
  arena.advise(MADV_HUGEPAGE);
  arena.write(3);
  for (const PageView& page : look(arena.block())) {
    ASSERT_TRUE(page.present && page.pmd_mapped && page.anon);
    ASSERT_EQ(page.order, kOrderPmd);
  }
}

// A read brings the zero page, which is nobody's.
TEST_F(Layout, ReadBringsTheZeroPage) {
  allow(Order(4));
  const Arena arena;
  arena.advise(MADV_HUGEPAGE);
  EXPECT_EQ(arena.read(5), 0);
  const auto pages = look(arena.block());
  ASSERT_EQ(pages.size(), 512U);
  EXPECT_TRUE(pages[5].present && pages[5].zero && !pages[5].anon);
  EXPECT_FALSE(pages[4].present);
}

// A range that is not made of pages is refused.
TEST(LayoutRange, MustBePages) {
  const auto pages = read_layout(::getpid(), {VirtAddr(4097), VirtAddr(8192)});
  ASSERT_FALSE(pages);
  EXPECT_EQ(pages.error().kind, Diagnostic::Kind::kUsage);
}

}  // namespace
}  // namespace quire::live
