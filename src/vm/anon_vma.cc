#include "vm/anon_vma.h"

#include <map>

#include "base/check.h"

namespace quire::vm {

namespace {

bool is_singular(const AnonVmaChainList& list) {
  return !list.empty() && std::next(list.begin()) == list.end();
}

// Whether mappings `a` and, right behind it, `b` may share an anon_vma: they
// continue each other and differ in nothing that mprotect could not undo.
bool anon_vma_compatible(const Vma& a, const Vma& b) {
  constexpr VmFlags kIgnored = kVmAccessFlags | kVmSticky;
  const bool flags_fit = a.flags.without(kIgnored) == b.flags.without(kIgnored);
  return a.end() == b.begin() && a.file == b.file && flags_fit && b.pgoff == a.pgoff + a.pages().raw();
}

// The anon_vma of `old`, unless a fork has made it one of several.
AnonVma* reusable_anon_vma(const Vma& old, const Vma& a, const Vma& b) {
  if (!anon_vma_compatible(a, b)) return nullptr;
  return old.anon_vma != nullptr && is_singular(old.anon_vma_chain) ? old.anon_vma : nullptr;
}

AnonVma* find_mergeable_anon_vma(const Vma& vma, const Vma* prev, const Vma* next) {
  AnonVma* found = nullptr;
  if (next != nullptr) found = reusable_anon_vma(*next, vma, *next);
  if (found == nullptr && prev != nullptr) found = reusable_anon_vma(*prev, *prev, vma);
  return found;
}

}  // namespace

AnonVmaRegistry::AnonVmaRegistry() { by_id_.emplace_back(); }

AnonVmaRegistry::~AnonVmaRegistry() {
  // A Vma that is still linked would be left with a dangling pointer.
  QUIRE_CHECK_EQ(live_, 0U);
}

AnonVma& AnonVmaRegistry::alloc() {
  auto made = std::make_unique<AnonVma>();
  AnonVma& anon_vma = *made;
  if (free_ids_.empty()) {
    QUIRE_CHECK_LE(by_id_.size(), AnonVmaId::kMax);
    anon_vma.id_ = AnonVmaId(static_cast<std::uint32_t>(by_id_.size()));
    by_id_.push_back(std::move(made));
  } else {
    anon_vma.id_ = AnonVmaId(free_ids_.back());
    free_ids_.pop_back();
    by_id_[anon_vma.id_.raw()] = std::move(made);
  }
  anon_vma.root_ = &anon_vma;
  anon_vma.parent_ = &anon_vma;
  anon_vma.refcount_ = 1;
  ++live_;
  return anon_vma;
}

void AnonVmaRegistry::free(AnonVma& anon_vma) {
  QUIRE_CHECK(!anon_vma.has_vmas());
  const std::uint32_t id = anon_vma.id_.raw();
  free_ids_.push_back(id);
  by_id_[id].reset();
  --live_;
}

// The root outlives its descendants, because its lock (in the kernel) is theirs.
void AnonVmaRegistry::put(AnonVma& anon_vma) {
  QUIRE_CHECK_GT(anon_vma.refcount_, 0U);
  if (--anon_vma.refcount_ != 0) return;
  AnonVma* root = anon_vma.root_;
  const bool is_root = root == &anon_vma;
  free(anon_vma);
  if (!is_root) put(*root);
}

void AnonVmaRegistry::link(Vma& vma, AnonVma& anon_vma) {
  auto* chain = new AnonVmaChain;
  chain->vma = &vma;
  chain->anon_vma = &anon_vma;
  vma.anon_vma_chain.push_front(*chain);
  tree_insert(anon_vma, *chain);
}

void AnonVmaRegistry::prepare(Vma& vma, Vma* prev, Vma* next) {
  QUIRE_CHECK(vma.anon_vma == nullptr);
  AnonVma* anon_vma = find_mergeable_anon_vma(vma, prev, next);
  if (anon_vma == nullptr) {
    anon_vma = &alloc();
    ++anon_vma->num_children_;  // a root is its own child
  }
  vma.anon_vma = anon_vma;
  link(vma, *anon_vma);
  ++anon_vma->num_active_vmas_;
}

void AnonVmaRegistry::clone(Vma& dst, const Vma& src) {
  // From the oldest to the newest, each put in front: the order is kept.
  for (auto it = src.anon_vma_chain.rbegin(); it != src.anon_vma_chain.rend(); ++it) {
    AnonVma& anon_vma = *it->anon_vma;
    link(dst, anon_vma);
    // An ancestor that no mapping puts new pages into and that has one child
    // only can serve `dst`: chains of forks then stop growing. A root is
    // never taken, as it counts itself as a child.
    const bool idle = anon_vma.num_children_ < 2 && anon_vma.num_active_vmas_ == 0;
    if (dst.anon_vma == nullptr && src.anon_vma != nullptr && idle) dst.anon_vma = &anon_vma;
  }
  if (dst.anon_vma != nullptr) ++dst.anon_vma->num_active_vmas_;
}

void AnonVmaRegistry::dup(Vma& dst, const Vma& src) {
  if (dst.anon_vma != nullptr || src.anon_vma == nullptr) return;
  dst.anon_vma = src.anon_vma;
  clone(dst, src);
}

void AnonVmaRegistry::fork(Vma& child, const Vma& parent) {
  child.anon_vma = nullptr;
  if (parent.anon_vma == nullptr) return;
  clone(child, parent);
  if (child.anon_vma != nullptr) return;
  AnonVma& anon_vma = alloc();
  anon_vma.root_ = parent.anon_vma->root_;
  anon_vma.parent_ = parent.anon_vma;
  ++anon_vma.root_->refcount_;
  ++anon_vma.parent_->num_children_;
  ++anon_vma.num_active_vmas_;
  child.anon_vma = &anon_vma;
  link(child, anon_vma);
}

void AnonVmaRegistry::unlink(Vma& vma) {
  // Parents must hear that a child went before any of them is freed, so
  // emptied ones are put only in a second round.
  for (AnonVmaChain& chain : vma.anon_vma_chain) {
    tree_remove(*chain.anon_vma, chain);
    if (!chain.anon_vma->has_vmas()) --chain.anon_vma->parent_->num_children_;
  }
  if (vma.anon_vma != nullptr) {
    --vma.anon_vma->num_active_vmas_;
    vma.anon_vma = nullptr;
  }
  vma.anon_vma_chain.clear_and_dispose([this](AnonVmaChain* chain) {
    if (!chain->anon_vma->has_vmas()) put(*chain->anon_vma);
    delete chain;
  });
}

void AnonVmaRegistry::pre_update(Vma& vma) {
  for (AnonVmaChain& chain : vma.anon_vma_chain) tree_remove(*chain.anon_vma, chain);
}

void AnonVmaRegistry::post_update(Vma& vma) {
  for (AnonVmaChain& chain : vma.anon_vma_chain) tree_insert(*chain.anon_vma, chain);
}

void AnonVmaRegistry::check_invariants(base::InvariantReport& out) const {
  struct Seen {
    std::uint32_t children = 0, active = 0, references = 0;
  };
  std::map<std::uint32_t, Seen> seen;
  for (const auto& anon_vma : by_id_) {
    if (anon_vma == nullptr) continue;
    Seen& mine = seen[anon_vma->id_.raw()];
    if (anon_vma->has_vmas()) {
      ++mine.references;
      ++seen[anon_vma->parent_->id_.raw()].children;
    }
    if (anon_vma->root_ != anon_vma.get()) ++seen[anon_vma->root_->id_.raw()].references;
    anon_vma->for_each_vma(0, ~0ULL, [&](const Vma& vma) {
      if (vma.anon_vma == anon_vma.get()) ++mine.active;
      check_chain(vma, *anon_vma, out);
    });
  }
  for (const auto& anon_vma : by_id_) {
    if (anon_vma == nullptr) continue;
    const std::uint32_t id = anon_vma->id_.raw();
    const Seen& s = seen[id];
    if (s.children != anon_vma->num_children_)
      out.broken("I-AV-1", "anon_vma {} counts {} children, has {}", id, anon_vma->num_children_, s.children);
    if (s.active != anon_vma->num_active_vmas_)
      out.broken("I-AV-2", "anon_vma {} counts {} active vmas, has {}", id, anon_vma->num_active_vmas_,
                 s.active);
    if (s.references != anon_vma->refcount_)
      out.broken("I-AV-5", "anon_vma {} counts {} references, has {}", id, anon_vma->refcount_, s.references);
  }
}

void AnonVmaRegistry::check_chain(const Vma& vma, const AnonVma& anon_vma, base::InvariantReport& out) {
  bool linked_to_own = vma.anon_vma == nullptr;
  std::size_t found = 0;
  for (const AnonVmaChain& chain : vma.anon_vma_chain) {
    if (chain.anon_vma == vma.anon_vma) linked_to_own = true;
    if (chain.anon_vma->root_ != anon_vma.root_)
      out.broken("I-AV-4", "the mapping at {:#x} has chains of two roots", vma.begin().raw());
    if (chain.anon_vma != &anon_vma) continue;
    ++found;
    if (chain.pgoff_first != vma.pgoff || chain.pgoff_last != vma.last_page_index())
      out.broken("I-AV-3", "the chain of the mapping at {:#x} has another page window", vma.begin().raw());
  }
  if (!linked_to_own || found != 1)
    out.broken("I-AV-4", "the mapping at {:#x} has {} chains to anon_vma {}", vma.begin().raw(), found,
               anon_vma.id_.raw());
}

}  // namespace quire::vm
