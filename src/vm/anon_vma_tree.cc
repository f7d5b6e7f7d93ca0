// The interval tree of an AnonVma: a treap over page windows. The priority of
// a node is a hash of its sequence number, so the shape, and with it the cost,
// is the same in every run.
#include "base/rng.h"
#include "vm/anon_vma.h"

namespace quire::vm {

namespace {

bool before(const AnonVmaChain& a, const AnonVmaChain& b) {
  if (a.pgoff_first != b.pgoff_first) return a.pgoff_first < b.pgoff_first;
  return a.sequence < b.sequence;
}

std::uint64_t priority(const AnonVmaChain& node) { return base::Rng(node.sequence).next(); }

void update(AnonVmaChain& node) {
  std::uint64_t last = node.pgoff_last;
  if (node.left != nullptr && node.left->pgoff_subtree_last > last) last = node.left->pgoff_subtree_last;
  if (node.right != nullptr && node.right->pgoff_subtree_last > last) last = node.right->pgoff_subtree_last;
  node.pgoff_subtree_last = last;
}

// Parts `tree` into what is before `key` and what is not.
void part(AnonVmaChain* tree, const AnonVmaChain& key, AnonVmaChain*& low, AnonVmaChain*& high) {
  if (tree == nullptr) {
    low = high = nullptr;
  } else if (before(*tree, key)) {
    low = tree;
    part(tree->right, key, tree->right, high);
    update(*tree);
  } else {
    high = tree;
    part(tree->left, key, low, tree->left);
    update(*tree);
  }
}

// Joins two trees of which all of `low` is before all of `high`.
AnonVmaChain* join(AnonVmaChain* low, AnonVmaChain* high) {
  if (low == nullptr) return high;
  if (high == nullptr) return low;
  if (priority(*low) > priority(*high)) {
    low->right = join(low->right, high);
    update(*low);
    return low;
  }
  high->left = join(low, high->left);
  update(*high);
  return high;
}

void insert(AnonVmaChain*& tree, AnonVmaChain& node) {
  if (tree != nullptr && priority(*tree) > priority(node)) {
    insert(before(node, *tree) ? tree->left : tree->right, node);
    update(*tree);
    return;
  }
  part(tree, node, node.left, node.right);
  update(node);
  tree = &node;
}

void remove(AnonVmaChain*& tree, AnonVmaChain& node) {
  if (tree == &node) {
    tree = join(node.left, node.right);
    node.left = node.right = nullptr;
    return;
  }
  remove(before(node, *tree) ? tree->left : tree->right, node);
  update(*tree);
}

}  // namespace

void AnonVmaRegistry::tree_insert(AnonVma& anon_vma, AnonVmaChain& chain) {
  chain.pgoff_first = chain.vma->pgoff;
  chain.pgoff_last = chain.vma->last_page_index();
  chain.sequence = next_sequence_++;
  insert(anon_vma.tree_, chain);
}

void AnonVmaRegistry::tree_remove(AnonVma& anon_vma, AnonVmaChain& chain) { remove(anon_vma.tree_, chain); }

}  // namespace quire::vm
