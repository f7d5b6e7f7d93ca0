#include "vm/anon_vma.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "vm/testing_tree.h"

namespace quire::vm {
namespace {

using testing::page;
using testing::pages;
using testing::RecordingPort;
using AnonVmas = testing::TreeTest;

// Forks one mapping again and again: each child is the parent of the next.
struct Family {
  explicit Family(AnonVmaRegistry& of, RecordingPort& to) : registry(of), port(to) {}
  Vma& fork(const Vma& parent) {
    trees.push_back(std::make_unique<MappingTree>(registry, port, nullptr));
    return trees.back()->fork_vma(parent);
  }
  AnonVmaRegistry& registry;
  RecordingPort& port;
  std::vector<std::unique_ptr<MappingTree>> trees;
};

std::size_t chains(const Vma& vma) { return vma.anon_vma_chain.size(); }

// A child has its parent's anon_vmas and one of its own, of the same root.
TEST_F(AnonVmas, ForkAddsOneOfItsOwn) {
  Vma& parent = map(pages(0, 4));
  fault(0);
  Family family(registry, port);
  Vma& child = family.fork(parent);
  EXPECT_EQ(chains(child), 2U);
  EXPECT_EQ(&child.anon_vma->parent(), parent.anon_vma);
  EXPECT_EQ(&child.anon_vma->root(), parent.anon_vma);
  EXPECT_EQ(parent.anon_vma->num_children(), 2U);  // itself, as a root, and the child's
}

// A page of the parent is looked for in parent and child; a page of the child only there.
TEST_F(AnonVmas, WalkGoesFromParentToChildOnly) {
  Vma& parent = map(pages(0, 4));
  fault(0);
  Family family(registry, port);
  Vma& child = family.fork(parent);
  const auto seen = [](const AnonVma& anon_vma) {
    std::vector<Vma*> vmas;
    anon_vma.for_each_vma(page(1).page_number(), page(1).page_number(), [&](Vma& v) { vmas.push_back(&v); });
    return vmas;
  };
  EXPECT_EQ(seen(*parent.anon_vma), (std::vector<Vma*>{&parent, &child}));
  EXPECT_EQ(seen(*child.anon_vma), (std::vector<Vma*>{&child}));
}

// When the middle of a line of forks has gone, its anon_vma serves the next
// child: the chains of endless forks do not grow.
TEST_F(AnonVmas, IdleAncestorIsUsedAgain) {
  Vma& first = map(pages(0, 4));
  fault(0);
  Family family(registry, port);
  Vma& second = family.fork(first);
  AnonVma* idle = second.anon_vma;
  Vma& third = family.fork(second);
  family.trees.front().reset();  // the second process exits; its anon_vma has the third's below it
  EXPECT_EQ(idle->num_active_vmas(), 0U);
  EXPECT_EQ(idle->num_children(), 1U);
  Vma& fourth = family.fork(third);
  EXPECT_EQ(fourth.anon_vma, idle);
  EXPECT_EQ(chains(fourth), 3U);
}

// An ancestor with two children is not used again: their pages must stay apart.
TEST_F(AnonVmas, AncestorOfTwoIsNotUsedAgain) {
  Vma& first = map(pages(0, 4));
  fault(0);
  Family family(registry, port);
  Vma& second = family.fork(first);
  AnonVma* ancestor = second.anon_vma;
  Vma& third = family.fork(second);
  family.fork(second);
  family.trees.front().reset();
  EXPECT_EQ(ancestor->num_children(), 2U);
  EXPECT_NE(family.fork(third).anon_vma, ancestor);
}

// The root stays as long as a descendant lives, though nothing maps it any more.
TEST_F(AnonVmas, RootOutlivesItsMappings) {
  Family family(registry, port);
  auto first = std::make_unique<MappingTree>(registry, port, nullptr);
  Vma& parent = first->map({pages(0, 4), testing::kRw, FileRef::none(), 0});
  first->anon_vma_prepare(parent);
  const AnonVmaId root = parent.anon_vma->id();
  Vma& child = family.fork(parent);
  first.reset();
  ASSERT_NE(registry.find(root), nullptr);
  EXPECT_EQ(&child.anon_vma->root(), registry.find(root));
  family.trees.clear();
  EXPECT_EQ(registry.find(root), nullptr);
  EXPECT_EQ(registry.live(), 0U);
}

// Numbers are small, never 0, and used again only when free.
TEST_F(AnonVmas, IdsAreDenseAndReused) {
  map(pages(0, 1));
  map(pages(10, 11));
  fault(0);
  fault(10);
  EXPECT_EQ(tree.find(page(0))->anon_vma->id(), AnonVmaId(1));
  EXPECT_EQ(tree.find(page(10))->anon_vma->id(), AnonVmaId(2));
  remove(pages(0, 1));
  EXPECT_EQ(registry.find(AnonVmaId(1)), nullptr);
  map(pages(20, 21));
  fault(20);
  EXPECT_EQ(tree.find(page(20))->anon_vma->id(), AnonVmaId(1));
}

// The next neighbour is asked for its anon_vma before the previous one.
TEST_F(AnonVmas, NextNeighbourIsPreferred) {
  map(pages(0, 2), testing::kRo);
  map(pages(2, 4), testing::kRw);
  map(pages(4, 6), testing::kRo);
  fault(0);
  fault(4);
  ASSERT_NE(tree.find(page(0))->anon_vma, tree.find(page(4))->anon_vma);
  fault(2);
  EXPECT_EQ(tree.find(page(2))->anon_vma, tree.find(page(4))->anon_vma);
}

// Neighbours that differ in more than protection do not share.
TEST_F(AnonVmas, OtherFlagsDoNotShare) {
  map(pages(0, 2), testing::kRw);
  map(pages(2, 4), testing::kRw | VmFlag::kHugePage);
  fault(0);
  fault(2);
  EXPECT_NE(tree.find(page(0))->anon_vma, tree.find(page(2))->anon_vma);
}

// With hundreds of pieces in one anon_vma, a walk finds exactly the mappings
// a plain search finds, in order, while pieces come and go.
TEST_F(AnonVmas, WalkAgreesWithPlainSearch) {
  constexpr std::uint64_t kPages = 600;
  map(pages(0, kPages));
  fault(0);
  AnonVma* anon_vma = tree.find(page(0))->anon_vma;
  base::Rng rng(1);
  for (int i = 0; i < 400; ++i) {
    const std::uint64_t first = rng.below(kPages - 20), count = 1 + rng.below(20);
    if (rng.chance(5)) {
      remove(pages(first, first + 1));
    } else {
      testing::mprotect(tree, pages(first, first + count),
                        rng.chance(50) ? PROT_READ : PROT_READ | PROT_WRITE);
    }
    const std::uint64_t low = page(first).page_number(), high = low + count;
    std::vector<const Vma*> expected, walked;
    for (const Vma& vma : tree)
      if (vma.pgoff <= high && vma.last_page_index() >= low) expected.push_back(&vma);
    anon_vma->for_each_vma(low, high, [&](Vma& vma) { walked.push_back(&vma); });
    ASSERT_EQ(walked, expected) << "step " << i;
  }
  EXPECT_GT(tree.count(), 50U);
}

}  // namespace
}  // namespace quire::vm
