// live/layout.h - the folios behind a range of a process, page by page, as the
// kernel shows them to root.
//
// Joins /proc/<pid>/pagemap, PAGEMAP_SCAN, /proc/kpageflags and /proc/kpagecount.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "live/pagemap.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::live {

// One page of the range.
struct PageView {
  bool present = false;
  bool swapped = false;
  bool guard_region = false;  // MADV_GUARD_INSTALL
  bool anon = false;          // and not file or shmem
  bool exclusive = false;     // mapped exactly once
  bool zero = false;          // the zero page, or part of the huge zero folio
  bool pmd_mapped = false;
  bool hugetlb = false;    // of hugetlbfs: its order is not looked for
  bool special = false;    // memory of a device, which no folio holds
  bool swapcache = false;  // the folio has slots on a swap device as well
  SwapEntry swap;          // where a swapped page is
  Pfn pfn = Pfn::invalid();
  Pfn head = Pfn::invalid();   // the folio's first frame
  Order order;                 // the folio's
  std::uint32_t mapcount = 0;  // entries of any program that map it; not of zero pages
  bool operator==(const PageView&) const = default;
};

// Reads layouts again and again: what it learns about a frame serves every
// program until forget(), so that programs which share folios cost one look.
class LayoutReader {
 public:
  // kPrivilege without the right to see frames.
  [[nodiscard]] static Result<LayoutReader, Diagnostic> open();
  LayoutReader(LayoutReader&&) noexcept;
  LayoutReader& operator=(LayoutReader&&) noexcept;
  ~LayoutReader();

  // Frames may have changed hands.
  void forget();
  enum class Detail : std::uint8_t { kFolios, kMapCounts };
  // The same of a process that is open already. kFolios leaves `mapcount` zero,
  // which is quicker.
  [[nodiscard]] Result<std::vector<PageView>, Diagnostic> read(const Pagemap& pagemap, VirtRange range,
                                                               Detail detail);
  // How many pages of a folio nobody maps: memory that is held for the sake of
  // its neighbours. A kernel that keeps no map counts of single pages says none.
  [[nodiscard]] Result<PageCount, Diagnostic> unmapped_pages(Pfn head, Order order);
  // As read_layout below.
  [[nodiscard]] Result<std::vector<PageView>, Diagnostic> read(pid_t pid, VirtRange range);

 private:
  class Frames;
  explicit LayoutReader(std::unique_ptr<Frames> frames);
  std::unique_ptr<Frames> frames_;
};

// The pages of `range`, which must be page-aligned, in address order. kPrivilege
// without frame numbers. The process should stand still meanwhile.
[[nodiscard]] Result<std::vector<PageView>, Diagnostic> read_layout(pid_t pid, VirtRange range);

}  // namespace quire::live
