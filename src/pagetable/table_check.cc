#include "pagetable/table_check.h"

#include <fmt/format.h>

#include <cstdlib>
#include <source_location>

#include "base/check.h"

namespace quire::pagetable {
namespace {

using arch::Entry;
using arch::Native;
using phys::Frame;
using phys::FrameKind;

const char* name(FrameKind kind) {
  switch (kind) {
    case FrameKind::kUntouched:
    case FrameKind::kFreeHead:
    case FrameKind::kFreeBody:
    case FrameKind::kPerCpu:
      return "free";
    case FrameKind::kOwned:
      return "handed out but not yet a folio's";
    case FrameKind::kTable:
      return "a page table";
    default:
      return "a folio";
  }
}

[[noreturn]] void broken(const char* rule, const std::string& what) {
  base::check_failed(rule, "page-table check: " + what, std::source_location::current());
}

bool counts(Entry e) { return Native::is_present(e) && !Native::is_special(e); }

}  // namespace

TableCheck::TableCheck(const phys::PhysMemory& memory)
    : memory_(memory), maps_(static_cast<Maps*>(std::calloc(memory.total().raw(), sizeof(Maps)))), end_(0) {
  QUIRE_CHECK(maps_ != nullptr);
}

void TableCheck::Free::operator()(Maps* maps) const { std::free(maps); }

void TableCheck::come(Pfn first, std::uint32_t n, bool writable, const char* entry) {
  for (std::uint32_t i = 0; i < n; ++i) {
    const Pfn pfn = first + PageCount(i);
    const Frame& f = memory_.frame(pfn);
    const Pfn head = f.kind() == FrameKind::kTail ? pfn.align_down(f.order()) : pfn;
    const FrameKind kind = memory_.frame(head).kind();
    if (kind == FrameKind::kReserved) continue;
    if (kind != FrameKind::kAnon && kind != FrameKind::kFile) {
      broken("I-PTC-1",
             fmt::format("a {} entry shows frame {}, which no folio accounts for: it is {}; the reverse "
                         "map comes before the entry",
                         entry, pfn.raw(), name(kind)));
    }
    Maps& m = maps_[pfn.raw()];
    const bool file = kind == FrameKind::kFile;
    if (m.readers + m.writers != 0 && m.file != file)
      broken("I-PTC-2", fmt::format("frame {} is shown as anonymous and as a file's", pfn.raw()));
    m.file = file;
    ++(writable ? m.writers : m.readers);
    if (!file && m.writers != 0 && m.readers + m.writers != 1) {
      broken("I-PTC-3",
             fmt::format("a {} entry shows anonymous frame {}: {} entries do now, {} of them writable", entry,
                         pfn.raw(), m.readers + m.writers, m.writers));
    }
  }
  end_ = std::max(end_, first + PageCount(n));
}

void TableCheck::go(Pfn first, std::uint32_t n, bool writable, const char* entry) {
  for (std::uint32_t i = 0; i < n; ++i) {
    const Pfn pfn = first + PageCount(i);
    const Frame& f = memory_.frame(pfn);
    const Pfn head = f.kind() == FrameKind::kTail ? pfn.align_down(f.order()) : pfn;
    if (memory_.frame(head).kind() == FrameKind::kReserved) continue;
    std::uint32_t& count = writable ? maps_[pfn.raw()].writers : maps_[pfn.raw()].readers;
    if (count == 0) {
      broken("I-PTC-4", fmt::format("a {} entry of frame {} goes, {}, that never came", entry, pfn.raw(),
                                    writable ? "writable" : "read-only"));
    }
    --count;
  }
}

void TableCheck::ptes_come(Entry first, std::uint32_t n) {
  if (counts(first)) come(Native::pfn(first), n, Native::is_writable(first), "4 KiB");
}

void TableCheck::pte_goes(Entry e) {
  if (counts(e)) go(Native::pfn(e), 1, Native::is_writable(e), "4 KiB");
}

void TableCheck::pmd_changes(Entry from, Entry to) {
  const auto leaf = [](Entry e) { return Native::is_present(e) && Native::is_leaf(e); };
  if (leaf(from)) go(Native::pfn(from), kPagesPerPmd, Native::is_writable(from), "2 MiB");
  if (leaf(to)) come(Native::pfn(to), kPagesPerPmd, Native::is_writable(to), "2 MiB");
}

}  // namespace quire::pagetable
