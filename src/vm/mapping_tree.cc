#include "vm/mapping_tree.h"

#include "base/check.h"

namespace quire::vm {

MappingTree::MappingTree(AnonVmaRegistry& registry, MappingPort& port, AddressSpace* mm)
    : registry_(registry), port_(port), mm_(mm) {}

MappingTree::~MappingTree() {
  remove_all([](Vma&) {});
}

// --- Looking things up ---

Vma* MappingTree::find_first_from(VirtAddr addr) const {
  // Only the mapping before the first that begins above can reach over addr.
  auto it = set_.upper_bound(addr, ByBegin());
  if (it != set_.begin() && std::prev(it)->end() > addr) --it;
  return it == set_.end() ? nullptr : const_cast<Vma*>(&*it);
}

Vma* MappingTree::find_last_before(VirtAddr addr) const {
  auto it = set_.lower_bound(addr, ByBegin());
  return it == set_.begin() ? nullptr : const_cast<Vma*>(&*std::prev(it));
}

Vma* MappingTree::find_slow(VirtAddr addr) const {
  Vma* vma = find_first_from(addr);
  if (vma == nullptr || !vma->range.contains(addr)) return nullptr;
  cached_ = vma;
  return vma;
}

Vma* MappingTree::next(const Vma& vma) const {
  auto it = std::next(set_.iterator_to(vma));
  return it == set_.end() ? nullptr : const_cast<Vma*>(&*it);
}

Vma* MappingTree::prev(const Vma& vma) const {
  auto it = set_.iterator_to(vma);
  return it == set_.begin() ? nullptr : const_cast<Vma*>(&*std::prev(it));
}

bool MappingTree::overlaps(VirtRange range) const {
  const Vma* vma = find_first_from(range.begin);
  return vma != nullptr && vma->begin() < range.end;
}

// --- The steps all operations are made of ---

Vma& MappingTree::make(const Vma& like, VirtRange range, std::uint64_t pgoff) {
  auto* vma = new Vma;
  vma->range = range;
  vma->pgoff = pgoff;
  vma->flags = like.flags;
  vma->file = like.file;
  vma->userfaultfd_ctx = like.userfaultfd_ctx;
  vma->anon_name = like.anon_name;
  vma->swap_window = like.swap_window;
  vma->mm = mm_;
  return *vma;
}

void MappingTree::insert(Vma& vma) {
  QUIRE_DCHECK(!vma.range.empty() && vma.range.begin.aligned() && vma.range.end.aligned());
  set_.insert(set_.end(), vma);  // the hint makes fork, which appends, fast
  total_pages_ += vma.pages();
}

void MappingTree::erase(Vma& vma) {
  registry_.unlink(vma);
  total_pages_ -= vma.pages();
  if (cached_ == &vma) cached_ = nullptr;
  set_.erase(set_.iterator_to(vma));
  delete &vma;
}

// The order in the tree must be the same before and after.
void MappingTree::set_range(Vma& vma, VirtRange range, std::uint64_t pgoff) {
  registry_.pre_update(vma);
  total_pages_ -= vma.pages();
  vma.range = range;
  vma.pgoff = pgoff;
  total_pages_ += vma.pages();
  registry_.post_update(vma);
}

void MappingTree::split_huge_pmd_if_needed(Vma& vma, VirtAddr edge) {
  if (!edge.aligned(kOrderPmd) && vma.block_fits(edge, kOrderPmd)) port_.boundary_moves(vma, edge);
}

// `vma` is about to become [begin, end); `next`, if given, to begin at end.
void MappingTree::adjust_trans_huge(Vma& vma, VirtAddr begin, VirtAddr end, Vma* next) {
  split_huge_pmd_if_needed(vma, begin);
  split_huge_pmd_if_needed(vma, end);
  if (next != nullptr) split_huge_pmd_if_needed(*next, end);
}

Vma& MappingTree::split_unchecked(Vma& vma, VirtAddr addr) {
  QUIRE_CHECK(addr.aligned());
  QUIRE_CHECK(vma.begin() < addr && addr < vma.end());
  adjust_trans_huge(vma, vma.begin(), addr, nullptr);
  Vma& upper = make(vma, {addr, vma.end()}, vma.page_index(addr));
  set_range(vma, {vma.begin(), addr}, vma.pgoff);
  upper.anon_vma = vma.anon_vma;
  registry_.clone(upper, vma);
  insert(upper);
  return upper;
}

// --- Splitting and removing ---

Result<Vma*, Errno> MappingTree::split(Vma& vma, VirtAddr addr) {
  if (count() >= max_map_count_) return fail(Errno::kNoMem);
  return &split_unchecked(vma, addr);
}

// Only a hole punched into one mapping leaves more mappings than there were;
// any other removal may go over the limit for a moment.
Result<void, Errno> MappingTree::split_edges(VirtRange range) {
  Vma* first = find_first_from(range.begin);
  if (first != nullptr && first->begin() < range.begin) {
    if (range.end < first->end() && count() >= max_map_count_) return fail(Errno::kNoMem);
    split_unchecked(*first, range.begin);
  }
  Vma* last = find_last_before(range.end);
  if (last != nullptr && last->end() > range.end) split_unchecked(*last, range.end);
  return {};
}

Result<void, Errno> MappingTree::remove(VirtRange range, const OnRemove& on_remove) {
  if (!overlaps(range)) return {};
  QUIRE_TRY(split_edges(range));
  Vma* const first = find_first_from(range.begin);
  for (Vma* vma = first; vma != nullptr && vma->begin() < range.end; vma = next(*vma)) on_remove(*vma);
  for (Vma* vma = first; vma != nullptr && vma->begin() < range.end;) {
    Vma* const after = next(*vma);
    erase(*vma);
    vma = after;
  }
  return {};
}

void MappingTree::remove_all(const OnRemove& on_remove) {
  for (Vma& vma : set_) on_remove(vma);
  while (!set_.empty()) erase(*set_.begin());
}

void MappingTree::expand(Vma& vma, VirtRange range, std::uint64_t pgoff) {
  QUIRE_CHECK(range.covers(vma.range));
  const Vma* below = prev(vma);
  const Vma* above = next(vma);
  QUIRE_CHECK(below == nullptr || below->end() <= range.begin);
  QUIRE_CHECK(above == nullptr || range.end <= above->begin());
  adjust_trans_huge(vma, range.begin, range.end, nullptr);
  set_range(vma, range, pgoff);
}

void MappingTree::shrink(Vma& vma, VirtRange range, std::uint64_t pgoff) {
  QUIRE_CHECK(vma.range.covers(range) && !range.empty());
  adjust_trans_huge(vma, range.begin, range.end, nullptr);
  set_range(vma, range, pgoff);
}

// --- Stack growth ---

bool MappingTree::stack_guard_allows(const Vma& vma, VirtAddr addr) const {
  if (addr < kMmapMinAddr) return false;
  const Vma* below = prev(vma);
  if (below == nullptr || below->flags.has(VmFlag::kGrowsDown) || !below->is_accessible()) return true;
  return addr >= below->end() && addr - below->end() >= kStackGuardGap.bytes();
}

Result<void, Errno> MappingTree::expand_downwards(Vma& vma, VirtAddr addr) {
  QUIRE_CHECK(vma.flags.has(VmFlag::kGrowsDown));
  addr = addr.align_down();
  if (addr < kMmapMinAddr) return fail(Errno::kPerm);
  if (!stack_guard_allows(vma, addr)) return fail(Errno::kNoMem);
  anon_vma_prepare(vma);
  if (addr >= vma.begin()) return {};
  const PageCount grow = pages_between(addr, vma.begin());
  if (grow.raw() > vma.pgoff) return fail(Errno::kNoMem);
  set_range(vma, {addr, vma.end()}, vma.pgoff - grow.raw());
  return {};
}

// --- Anonymous memory and fork ---

void MappingTree::prepare_slow(Vma& vma) { registry_.prepare(vma, prev(vma), next(vma)); }

void MappingTree::drop_anon_vma(Vma& vma) { registry_.unlink(vma); }

Vma& MappingTree::fork_vma(const Vma& parent) {
  Vma& child = make(parent, parent.range, parent.pgoff);
  child.flags = child.flags.without(kVmLockedMask | kVmUffdFlags);
  child.userfaultfd_ctx = 0;
  if (!child.flags.has(VmFlag::kWipeOnFork)) registry_.fork(child, parent);
  insert(child);
  return child;
}

void MappingTree::check_invariants(base::InvariantReport& out) const {
  PageCount pages;
  VirtAddr last;
  bool cached_seen = cached_ == nullptr;
  for (const Vma& vma : set_) {
    const VirtRange r = vma.range;
    if (r.empty() || !r.begin.aligned() || !r.end.aligned() || r.begin < last || r.end > kTaskSize)
      out.broken("I-VMA-1", "mapping {:#x}-{:#x} after {:#x}", r.begin.raw(), r.end.raw(), last.raw());
    if (vma.mm != mm_) out.broken("I-VMA-4", "mapping {:#x} names another address space", r.begin.raw());
    last = r.end;
    pages += vma.pages();
    cached_seen = cached_seen || cached_ == &vma;
  }
  if (pages != total_pages_)
    out.broken("I-VMA-2", "counts {} pages, has {}", total_pages_.raw(), pages.raw());
  if (!cached_seen) out.broken("I-VMA-3", "the cached mapping is not in the tree");
}

}  // namespace quire::vm
