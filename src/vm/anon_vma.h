// vm/anon_vma.h - how an anonymous page finds the mappings that may show it.
//
// Mirrors: mm/rmap.c (anon_vma_prepare, anon_vma_clone, anon_vma_fork,
// unlink_anon_vmas, the interval tree), Linux 6.18. Differs: an AnonVma has a
// small dense number, because folio descriptors store that, not a pointer.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/report.h"
#include "quire/types.h"
#include "vm/vma.h"

namespace quire::vm {

// The number of an AnonVma: fits the 28 bits a folio keeps for it. 0 is none.
class AnonVmaId {
 public:
  constexpr AnonVmaId() = default;
  constexpr explicit AnonVmaId(std::uint32_t id) : id_(id) {}
  [[nodiscard]] constexpr bool valid() const { return id_ != 0; }
  [[nodiscard]] constexpr std::uint32_t raw() const { return id_; }
  constexpr auto operator<=>(const AnonVmaId&) const = default;
  static constexpr std::uint32_t kMax = (1U << 28) - 1;

 private:
  std::uint32_t id_ = 0;
};

// The set of mappings that may show pages that were first made in one
// mapping, its splits, and its copies in forked children.
//
// States      : live (has chains, or is the root of a live one) -> freed; the id is then used again
// Owns        : nothing. Chains belong to the registry.
// Invariants  : I-AV-1 num_children = live AnonVmas with this parent (a root counts itself) while chains are
// left
//               I-AV-2 num_active_vmas = Vmas whose anon_vma is this one
//               I-AV-3 every chain's page window is the one of its Vma
//               I-AV-4 a Vma has one chain to each of its AnonVmas, one of them to vma.anon_vma, all of one
//               root I-AV-5 refcount = 1 while it has mappings, and for a root 1 more for each live
//               descendant
// Complexity  : link, unlink O(log n) expected; for_each_vma O(log n + hits)
class AnonVma {
 public:
  [[nodiscard]] AnonVmaId id() const { return id_; }
  [[nodiscard]] AnonVma& root() const { return *root_; }
  [[nodiscard]] AnonVma& parent() const { return *parent_; }
  [[nodiscard]] std::uint32_t num_children() const { return num_children_; }
  [[nodiscard]] std::uint32_t num_active_vmas() const { return num_active_vmas_; }
  [[nodiscard]] bool has_vmas() const { return tree_ != nullptr; }

  // Calls fn(Vma&) for every mapping whose page window meets
  // [first, last], in order of window start. fn must not change mappings.
  template <typename Fn>
  void for_each_vma(std::uint64_t first, std::uint64_t last, Fn&& fn) const {
    visit(tree_, first, last, fn);
  }

 private:
  friend class AnonVmaRegistry;

  template <typename Fn>
  static void visit(AnonVmaChain* node, std::uint64_t first, std::uint64_t last, Fn& fn) {
    if (node == nullptr || node->pgoff_subtree_last < first) return;
    visit(node->left, first, last, fn);
    if (node->pgoff_first > last) return;
    if (node->pgoff_last >= first) fn(*node->vma);
    visit(node->right, first, last, fn);
  }

  AnonVmaId id_;
  AnonVma* root_ = nullptr;
  AnonVma* parent_ = nullptr;
  std::uint32_t num_children_ = 0;
  std::uint32_t num_active_vmas_ = 0;
  std::uint32_t refcount_ = 0;  // itself while it has chains, and for a root one for each live descendant
  AnonVmaChain* tree_ = nullptr;
};

// Makes, finds and frees AnonVmas. One for a whole modelled kernel, because
// fork links the address spaces.
//
// Owns        : every AnonVma and AnonVmaChain
// Refers to   : the Vmas that are linked; each must be unlinked before it goes
class AnonVmaRegistry {
 public:
  AnonVmaRegistry();
  ~AnonVmaRegistry();
  AnonVmaRegistry(const AnonVmaRegistry&) = delete;
  AnonVmaRegistry& operator=(const AnonVmaRegistry&) = delete;

  // The AnonVma of that number, or null when it is free.
  [[nodiscard]] AnonVma* find(AnonVmaId id) const {
    return id.raw() < by_id_.size() ? by_id_[id.raw()].get() : nullptr;
  }
  [[nodiscard]] std::size_t live() const { return live_; }

  // Gives `vma`, which has none, an anon_vma: that of a neighbour it may
  // share with (null where there is no neighbour), else a new one.
  void prepare(Vma& vma, Vma* prev, Vma* next);
  // Links `dst` to everything `src` is linked to. When dst.anon_vma is null
  // it may come back with one that nobody uses any more (6.18's reuse rule).
  void clone(Vma& dst, const Vma& src);
  // clone for a merge: only when `dst` has no anon_vma and `src` has one.
  void dup(Vma& dst, const Vma& src);
  // For the copy of `parent` in a forked child: links it to all of the
  // parent's, and gives it one of its own for its new pages.
  void fork(Vma& child, const Vma& parent);
  // Unlinks `vma` from all, freeing what nobody needs any more.
  void unlink(Vma& vma);

  // Before and after a change of vma.range or vma.pgoff.
  void pre_update(Vma& vma);
  void post_update(Vma& vma);

  void check_invariants(base::InvariantReport& out) const;

 private:
  AnonVma& alloc();
  void put(AnonVma& anon_vma);
  void free(AnonVma& anon_vma);
  void link(Vma& vma, AnonVma& anon_vma);
  void tree_insert(AnonVma& anon_vma, AnonVmaChain& chain);
  static void tree_remove(AnonVma& anon_vma, AnonVmaChain& chain);
  static void check_chain(const Vma& vma, const AnonVma& anon_vma, base::InvariantReport& out);

  std::vector<std::unique_ptr<AnonVma>> by_id_;  // index is the id; [0] stays null
  std::vector<std::uint32_t> free_ids_;          // used again last-freed-first
  std::size_t live_ = 0;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace quire::vm
