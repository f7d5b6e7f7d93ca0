// When mappings merge, and how.
//
// Pictures: capital letters are mappings that are there, * is the range that
// is made or changed, and the line below is what comes out.

#include "base/check.h"
#include "vm/mapping_tree.h"

namespace quire::vm {

struct MappingTree::Attributes {
  VmFlags flags;
  FileRef file;
  std::uint32_t userfaultfd_ctx = 0;
  std::uint32_t anon_name = 0;

  [[nodiscard]] static Attributes of(const Vma& vma) {
    return {vma.flags, vma.file, vma.userfaultfd_ctx, vma.anon_name};
  }
  void give(Vma& vma) const {
    vma.flags = flags;
    vma.userfaultfd_ctx = userfaultfd_ctx;
    vma.anon_name = anon_name;
  }
  // Alike but for what no merge minds.
  [[nodiscard]] bool may_merge_with(Attributes other) const {
    other.flags = other.flags.without(kVmSticky) | (flags & kVmSticky);
    return *this == other;
  }
  bool operator==(const Attributes&) const = default;
};

// A range that is to get `attributes`, between `prev` and `next`. It is either
// new (middle is null) or a part of the mapping `middle`.
struct MappingTree::MergeRequest {
  VirtRange range;
  std::uint64_t pgoff = 0;
  Attributes attributes;
  AnonVma* anon_vma = nullptr;  // that the pages of the range belong to
  Vma* prev = nullptr;
  Vma* middle = nullptr;
  Vma* next = nullptr;
  const Vma* copied_from = nullptr;  // new range of mremap: where its pages come from

  [[nodiscard]] bool merges_with_prev() const {
    return prev != nullptr && prev->end() == range.begin && fits(*prev) &&
           prev->pgoff + prev->pages().raw() == pgoff;
  }
  [[nodiscard]] bool merges_with_next() const {
    return next != nullptr && next->begin() == range.end && fits(*next) &&
           next->pgoff == pgoff + pages_between(range.begin, range.end).raw();
  }
  // Both fit the range; whether they fit each other is another question.
  [[nodiscard]] bool joins_prev_and_next() const {
    return prev->anon_vma == nullptr || next->anon_vma == nullptr || prev->anon_vma == next->anon_vma;
  }

 private:
  [[nodiscard]] bool fits(const Vma& target) const {
    return attributes.may_merge_with(Attributes::of(target)) && anon_vma_fits(target);
  }
  // A mapping that a fork has given several chains keeps them to itself: to
  // spread them over merged neighbours would make every walk longer.
  [[nodiscard]] bool anon_vma_fits(const Vma& target) const {
    if (target.anon_vma == nullptr && anon_vma != nullptr)
      return !is_fork_child(middle) && !is_fork_child(copied_from);
    if (target.anon_vma != nullptr && anon_vma == nullptr) return !is_fork_child(&target);
    return target.anon_vma == anon_vma;
  }
  [[nodiscard]] static bool is_fork_child(const Vma* vma) {
    if (vma == nullptr || vma->anon_vma == nullptr) return false;
    return std::next(vma->anon_vma_chain.begin()) != vma->anon_vma_chain.end();
  }
};

// `absorbed` goes; `kept` must already have every anon_vma the pages need.
void MappingTree::absorb(Vma& kept, Vma& absorbed) {
  port_.merges(kept, absorbed);
  kept.flags |= absorbed.flags & kVmSticky;
  erase(absorbed);
}

//   AAA***        AAA***BBB       ***BBB
//   AAAAAA        AAAAAAAAA       BBBBBB
Vma* MappingTree::merge_new_range(const MergeRequest& request) {
  if (request.attributes.flags.has_any(kVmSpecial)) return nullptr;
  const bool left = request.merges_with_prev();
  const bool right = request.merges_with_next() && (!left || request.joins_prev_and_next());
  if (!left && !right) return nullptr;
  // A next that may not vanish is left standing.
  const bool remove_next = left && right && !request.next->file.has_close();
  Vma& target = left ? *request.prev : *request.next;
  const VirtRange range{left ? target.begin() : request.range.begin,
                        right && (!left || remove_next) ? request.next->end() : request.range.end};
  if (remove_next) registry_.dup(target, *request.next);
  if (request.copied_from != nullptr) registry_.dup(target, *request.copied_from);
  adjust_trans_huge(target, range.begin, range.end, nullptr);
  if (remove_next) absorb(target, *request.next);
  target.flags |= request.attributes.flags & kVmSticky;
  set_range(target, range, left ? target.pgoff : request.pgoff);
  return &target;
}

//   AAA****** prev and the whole or the first part of middle
//   AAAAAAAAA or AAAAAABBB
Vma& MappingTree::merge_left(Vma& prev, Vma& middle, VirtAddr end) {
  const bool whole = end == middle.end();
  registry_.dup(prev, middle);
  prev.flags |= middle.flags & kVmSticky;
  adjust_trans_huge(prev, prev.begin(), end, whole ? nullptr : &middle);
  if (whole) {
    absorb(prev, middle);
  } else {
    set_range(middle, {end, middle.end()}, middle.page_index(end));
  }
  set_range(prev, {prev.begin(), end}, prev.pgoff);
  return prev;
}

//   ******BBB the whole or the last part of middle, and next
//   BBBBBBBBB or AAABBBBBB
Vma& MappingTree::merge_right(Vma& middle, Vma& next, VirtAddr begin) {
  const std::uint64_t pgoff = next.pgoff - pages_between(begin, next.begin()).raw();
  registry_.dup(next, middle);
  next.flags |= middle.flags & kVmSticky;
  if (begin == middle.begin()) {
    adjust_trans_huge(next, begin, next.end(), nullptr);
    absorb(next, middle);
  } else {
    adjust_trans_huge(middle, middle.begin(), begin, nullptr);
    set_range(middle, {middle.begin(), begin}, middle.pgoff);
  }
  set_range(next, {begin, next.end()}, pgoff);
  return next;
}

//   AAA***BBB
//   AAAAAAAAA
Vma& MappingTree::merge_both(Vma& prev, Vma& middle, Vma& next) {
  const VirtAddr end = next.end();
  registry_.dup(prev, next.anon_vma != nullptr ? next : middle);
  adjust_trans_huge(prev, prev.begin(), end, nullptr);
  absorb(prev, middle);
  absorb(prev, next);
  set_range(prev, {prev.begin(), end}, prev.pgoff);
  return prev;
}

Vma* MappingTree::merge_existing_range(const MergeRequest& request) {
  Vma& middle = *request.middle;
  const bool left_side = request.range.begin == middle.begin();
  const bool right_side = request.range.end == middle.end();
  if (request.attributes.flags.has_any(kVmSpecial)) return nullptr;
  const bool left = left_side && request.merges_with_prev();
  bool right = right_side && request.merges_with_next() && (!left || request.joins_prev_and_next());
  if (!left && !right) return nullptr;
  if (left_side && right_side && middle.file.has_close()) return nullptr;
  if (left && right && request.next->file.has_close()) right = false;
  if (left && right) return &merge_both(*request.prev, middle, *request.next);
  if (left) return &merge_left(*request.prev, middle, request.range.end);
  return &merge_right(middle, *request.next, request.range.begin);
}

Vma& MappingTree::map(const NewMapping& what, MergeWith with) {
  QUIRE_CHECK(what.range.begin.aligned() && what.range.end.aligned() && !what.range.empty());
  QUIRE_CHECK(!overlaps(what.range));
  MergeRequest request;
  request.range = what.range;
  request.pgoff = what.file.is_none() ? what.range.begin.page_number() : what.pgoff;
  request.attributes.flags = what.flags;
  request.attributes.file = what.file;
  if (with != MergeWith::kNone) request.prev = find_last_before(what.range.begin);
  if (with == MergeWith::kBoth) request.next = find_first_from(what.range.begin);
  if (Vma* merged = merge_new_range(request); merged != nullptr) return *merged;
  Vma like;
  like.flags = what.flags;
  like.file = what.file;
  Vma& vma = make(like, what.range, request.pgoff);
  insert(vma);
  return vma;
}

Result<Vma*, Errno> MappingTree::modify_attributes(Vma& vma, VirtRange range, const Attributes& to) {
  QUIRE_CHECK(vma.range.covers(range) && !range.empty());
  if (Attributes::of(vma) == to) return &vma;
  MergeRequest request;
  request.range = range;
  request.pgoff = vma.page_index(range.begin);
  request.attributes = to;
  request.anon_vma = vma.anon_vma;
  request.prev = prev(vma);
  request.middle = &vma;
  request.next = next(vma);
  if (Vma* merged = merge_existing_range(request); merged != nullptr) return merged;

  Vma* part = &vma;
  if (part->begin() < range.begin) part = QUIRE_TRY(split(*part, range.begin));
  if (range.end < part->end()) static_cast<void>(QUIRE_TRY(split(*part, range.end)));
  to.give(*part);
  return part;
}

Result<Vma*, Errno> MappingTree::modify(Vma& vma, VirtRange range, VmFlags flags) {
  Attributes to = Attributes::of(vma);
  to.flags = flags;
  return modify_attributes(vma, range, to);
}

Result<Vma*, Errno> MappingTree::modify_userfaultfd(Vma& vma, VirtRange range, VmFlags flags,
                                                    std::uint32_t ctx) {
  Attributes to = Attributes::of(vma);
  to.flags = flags;
  to.userfaultfd_ctx = ctx;
  return modify_attributes(vma, range, to);
}

Result<Vma*, Errno> MappingTree::modify_name(Vma& vma, VirtRange range, std::uint32_t anon_name) {
  Attributes to = Attributes::of(vma);
  to.anon_name = anon_name;
  return modify_attributes(vma, range, to);
}

Vma* MappingTree::extend(Vma& vma, PageCount by) {
  MergeRequest request;
  request.range = {vma.end(), vma.end() + by};
  QUIRE_CHECK(!overlaps(request.range));
  request.pgoff = vma.last_page_index() + 1;
  request.attributes = Attributes::of(vma);
  request.anon_vma = vma.anon_vma;
  request.prev = &vma;
  request.next = next(vma);
  return merge_new_range(request);
}

Result<CopiedVma, Errno> MappingTree::copy_vma(Vma& source, VirtRange range, VirtAddr to,
                                               ByteCount new_size) {
  QUIRE_CHECK(source.range.covers(range) && to.aligned());
  MergeRequest request;
  request.range = {to, to + new_size};
  if (overlaps(request.range)) return fail(Errno::kNoMem);
  // Without pages nothing ties the mapping to the index of its old place.
  const bool starts_over = source.is_anonymous() && source.anon_vma == nullptr;
  request.pgoff = starts_over ? to.page_number() : source.page_index(range.begin);
  request.attributes = Attributes::of(source);
  request.anon_vma = source.anon_vma;
  request.prev = find_last_before(to);
  request.next = find_first_from(to);
  request.copied_from = &source;
  const VirtAddr source_begin = source.begin();
  if (Vma* merged = merge_new_range(request); merged != nullptr) {
    const bool swallowed = merged->range.contains(source_begin);
    return CopiedVma{merged, swallowed ? merged : &source};
  }
  Vma& copy = make(source, request.range, request.pgoff);
  copy.anon_vma = source.anon_vma;
  registry_.clone(copy, source);
  insert(copy);
  return CopiedVma{&copy, &source};
}

}  // namespace quire::vm
