// vm/mapping_tree.h - the mappings of one address space.
//
// Mirrors: mm/vma.c (vma_merge_new_range, vma_merge_existing_range,
// vma_modify, split_vma, vma_expand, vma_shrink, copy_vma, do_vmi_munmap,
// expand_downwards), Linux 6.18. Differs: holds no page tables; what has to
// happen to pages is told to a MappingPort before the structure changes.
#pragma once

#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <functional>

#include "arch/native.h"
#include "base/report.h"
#include "quire/result.h"
#include "quire/types.h"
#include "vm/anon_vma.h"
#include "vm/vma.h"

namespace quire::vm {

inline constexpr VirtAddr kTaskSize{arch::Native::kTaskSize};  // first address no program can have
inline constexpr VirtAddr kMmapMinAddr{65536};                 // vm.mmap_min_addr
inline constexpr std::uint32_t kMaxMapCount = 65530;           // vm.max_map_count
inline constexpr PageCount kStackGuardGap{256};

// What the owner of the page tables must know about changes of mappings.
// Every call comes BEFORE the change, while the Vmas are as they were.
class MappingPort {
 public:
  virtual ~MappingPort() = default;
  // A boundary is about to be put at `edge`, strictly inside a 2 MiB block
  // that lies wholly in `vma`: a huge PMD there must be split (the kernel's
  // vma_adjust_trans_huge). Not called for edges no PMD can straddle.
  virtual void boundary_moves(Vma& vma, VirtAddr edge) = 0;
  // `absorbed` is about to disappear into `kept`, pages stay where they are.
  virtual void merges(Vma& kept, Vma& absorbed) {
    static_cast<void>(kept);
    static_cast<void>(absorbed);
  }
};

// What a new mapping is to be.
struct NewMapping {
  VirtRange range;
  VmFlags flags;
  FileRef file;
  std::uint64_t pgoff = 0;  // ignored for anonymous private memory: it is the page number of range.begin
};

// Which neighbours a new mapping may be merged with. brk only grows the one before.
// kNone: the mapping stands for itself (what exec laid out is taken as it is).
enum class MergeWith : std::uint8_t { kBoth, kPrevOnly, kNone };

// The result of copy_vma.
struct CopiedVma {
  Vma* copy = nullptr;    // covers the new range; may be larger (merged)
  Vma* source = nullptr;  // covers the old range; not the old object when that was merged into copy
};

// The mappings of one address space, ordered by address.
//
// Owns        : its Vmas. clear() before destruction is not needed: the destructor unlinks.
// Refers to   : the registry and the port, which must outlive it
// Locks       : none; the owner serialises
// Invariants  : I-VMA-1 mappings are page-aligned, not empty, sorted, do not overlap, lie below kTaskSize
//               I-VMA-2 count() and total_pages() agree with the mappings
//               I-VMA-3 the cached mapping, if any, is in the tree
//               I-VMA-4 every Vma names this tree's address space
// NOT an invariant: "no two neighbours could be merged". The kernel looks
// at neighbours only when it makes or changes a mapping. What forbids a merge
// then may go away later (a fault gives both sides one anon_vma, a fork child
// exits), and munmap, a stack that grows, and madvise that changes nothing
// never look at all.
// Complexity  : find O(1) when it hits the last mapping found, else O(log n)
class MappingTree {
  struct ByBegin {
    bool operator()(const Vma& a, const Vma& b) const { return a.range.begin < b.range.begin; }
    bool operator()(const Vma& a, VirtAddr b) const { return a.range.begin < b; }
    bool operator()(VirtAddr a, const Vma& b) const { return a < b.range.begin; }
  };
  using Set = boost::intrusive::set<
      Vma, boost::intrusive::member_hook<Vma, boost::intrusive::set_member_hook<>, &Vma::tree_hook>,
      boost::intrusive::compare<ByBegin>>;

 public:
  using iterator = Set::iterator;
  using const_iterator = Set::const_iterator;
  using OnVma = std::function<void(Vma&)>;
  // Called for the part of a mapping that is about to be removed. The Vma is
  // already exactly that part, and still in the tree.
  using OnRemove = OnVma;

  // `mm` is written into every Vma and never looked at.
  MappingTree(AnonVmaRegistry& registry, MappingPort& port, AddressSpace* mm);
  ~MappingTree();
  MappingTree(const MappingTree&) = delete;
  MappingTree& operator=(const MappingTree&) = delete;

  // --- Looking things up ---

  // The mapping that contains `addr`, or null.
  [[nodiscard]] Vma* find(VirtAddr addr) const {
    if (cached_ != nullptr && cached_->range.contains(addr)) return cached_;
    return find_slow(addr);
  }
  // The first mapping that ends above `addr` (the kernel's find_vma), or null.
  [[nodiscard]] Vma* find_first_from(VirtAddr addr) const;
  // The last mapping that begins below `addr`, or null.
  [[nodiscard]] Vma* find_last_before(VirtAddr addr) const;
  [[nodiscard]] Vma* next(const Vma& vma) const;
  [[nodiscard]] Vma* prev(const Vma& vma) const;
  [[nodiscard]] bool overlaps(VirtRange range) const;
  // In order of address.
  [[nodiscard]] iterator begin() { return set_.begin(); }
  [[nodiscard]] iterator end() { return set_.end(); }
  [[nodiscard]] const_iterator begin() const { return set_.begin(); }
  [[nodiscard]] const_iterator end() const { return set_.end(); }
  [[nodiscard]] std::size_t count() const { return set_.size(); }
  [[nodiscard]] PageCount total_pages() const { return total_pages_; }
  // Whether mmap may add one more (do_mmap's test: more than the limit is refused).
  [[nodiscard]] bool may_add_mapping() const { return count() <= max_map_count_; }
  void set_max_map_count(std::uint32_t limit) { max_map_count_ = limit; }

  // --- Making and changing mappings ---

  // Maps an unmapped range: enlarges a neighbour, joins both, or makes a new
  // Vma. Returns the Vma that covers the range. The range must be free and
  // page-aligned (QUIRE_CHECK). Limits (may_add_mapping, rlimits) are the caller's.
  Vma& map(const NewMapping& what, MergeWith with = MergeWith::kBoth);

  // Cuts `vma` at `addr`, strictly inside. Returns the upper part; `vma`
  // stays the lower one. kNoMem at the limit of mappings.
  [[nodiscard]] Result<Vma*, Errno> split(Vma& vma, VirtAddr addr);

  // Gives `range`, a part of `vma` (clamped by the caller), new flags:
  // merges with neighbours or splits as vma_modify does. Returns the Vma that
  // now covers `range` and has the new flags; it may be larger, and `vma` may
  // be gone. Nothing happens when the flags do not differ. kNoMem at the
  // limit of mappings. Page tables are the caller's, after.
  [[nodiscard]] Result<Vma*, Errno> modify(Vma& vma, VirtRange range, VmFlags flags);
  // The same for userfaultfd registration and for naming.
  [[nodiscard]] Result<Vma*, Errno> modify_userfaultfd(Vma& vma, VirtRange range, VmFlags flags,
                                                       std::uint32_t ctx);
  [[nodiscard]] Result<Vma*, Errno> modify_name(Vma& vma, VirtRange range, std::uint32_t anon_name);

  // Removes every mapping in `range`: splits at the edges, calls `on_remove`
  // for each piece in order of address, then removes them. kNoMem, and
  // nothing removed, when a split would exceed the limit of mappings.
  [[nodiscard]] Result<void, Errno> remove(VirtRange range, const OnRemove& on_remove);
  // Exit and exec: removes all.
  void remove_all(const OnRemove& on_remove);

  // The Vma grows at its end into free space (mremap in place), joining the
  // next mapping where that fits. Null when the kernel would refuse (special
  // mapping). Returns the Vma that covers the old and the new part.
  Vma* extend(Vma& vma, PageCount by);
  // Enlarges or shrinks one Vma to `range`, which must contain or lie in the
  // present one and must not meet another; pgoff becomes `pgoff`. For exec's
  // moving of the argument pages.
  void expand(Vma& vma, VirtRange range, std::uint64_t pgoff);
  void shrink(Vma& vma, VirtRange range, std::uint64_t pgoff);

  // --- Stack growth ---

  // Whether the stack `vma` may begin at `addr` without coming nearer to the
  // accessible mapping below than the guard gap, nor below kMmapMinAddr.
  [[nodiscard]] bool stack_guard_allows(const Vma& vma, VirtAddr addr) const;
  // Lowers the beginning of a growsdown Vma to the page of `addr` (and gives
  // it an anon_vma, as the kernel does). kPerm below kMmapMinAddr, kNoMem
  // when the guard gap forbids. rlimits are the caller's.
  [[nodiscard]] Result<void, Errno> expand_downwards(Vma& vma, VirtAddr addr);

  // --- mremap ---

  // Makes at `to` (free space of `range`'s size) a mapping like the part
  // `range` of `source`, merged with neighbours where that fits. The source
  // stays; moving pages and removing it is the caller's.
  [[nodiscard]] Result<CopiedVma, Errno> copy_vma(Vma& source, VirtRange range, VirtAddr to,
                                                  ByteCount new_size);
  // MREMAP_DONTUNMAP of a whole mapping: it starts over without anon_vma.
  void drop_anon_vma(Vma& vma);

  // --- anonymous memory and fork ---

  // Gives `vma` an anon_vma if it has none. To be called before its first
  // anonymous page.
  void anon_vma_prepare(Vma& vma) {
    if (vma.anon_vma == nullptr) prepare_slow(vma);
  }
  // Adds to THIS tree (the child's) the copy of `parent`, a mapping of
  // another tree, as dup_mmap does: flags that do not cross fork are dropped,
  // anon_vma_fork is done (not for wipeonfork). DONTCOPY is the caller's.
  // Fastest in order of address.
  Vma& fork_vma(const Vma& parent);

  void check_invariants(base::InvariantReport& out) const;

 private:
  struct Attributes;    // what two mappings must have in common to merge
  struct MergeRequest;  // the kernel's vma_merge_struct

  [[nodiscard]] Vma* find_slow(VirtAddr addr) const;
  void prepare_slow(Vma& vma);

  // Merging (mapping_tree_merge.cc). Null when nothing can be merged.
  [[nodiscard]] Vma* merge_new_range(const MergeRequest& request);
  [[nodiscard]] Vma* merge_existing_range(const MergeRequest& request);
  Vma& merge_left(Vma& prev, Vma& middle, VirtAddr end);
  Vma& merge_right(Vma& middle, Vma& next, VirtAddr begin);
  Vma& merge_both(Vma& prev, Vma& middle, Vma& next);
  [[nodiscard]] Result<Vma*, Errno> modify_attributes(Vma& vma, VirtRange range, const Attributes& to);

  // Steps that all operations are made of (mapping_tree.cc).
  Vma& make(const Vma& like, VirtRange range, std::uint64_t pgoff);
  void insert(Vma& vma);
  void erase(Vma& vma);
  void absorb(Vma& kept, Vma& absorbed);
  void set_range(Vma& vma, VirtRange range, std::uint64_t pgoff);
  void adjust_trans_huge(Vma& vma, VirtAddr begin, VirtAddr end, Vma* next);
  void split_huge_pmd_if_needed(Vma& vma, VirtAddr edge);
  Vma& split_unchecked(Vma& vma, VirtAddr addr);
  [[nodiscard]] Result<void, Errno> split_edges(VirtRange range);

  AnonVmaRegistry& registry_;
  MappingPort& port_;
  AddressSpace* mm_;
  Set set_;
  mutable Vma* cached_ = nullptr;
  PageCount total_pages_;
  std::uint32_t max_map_count_ = kMaxMapCount;
};

}  // namespace quire::vm
