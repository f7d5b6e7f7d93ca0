#include "phys/zone.h"

#include <algorithm>

#include "base/check.h"

namespace quire::phys {
namespace {
constexpr Order kLargest{kMaxOrder};
}

Zone::Zone(std::string_view name, Pfn begin, Pfn end, Frame* frames)
    : name_(name), begin_(begin), end_(end), untouched_(begin), frames_(frames), free_(end - begin) {
  QUIRE_CHECK(begin.aligned(kLargest) && end.aligned(kLargest));
}

void Zone::push(Pfn first, Order order) {
  FreeList& list = lists_[order.raw()];
  Frame& f = frame(first);
  f.set_kind(FrameKind::kFreeHead);
  f.set_order(order);
  f.set_links(Pfn::invalid(), list.head);
  if (list.head.valid()) frame(list.head).set_links(first, frame(list.head).next_free());
  list.head = first;
  ++list.blocks;
}

void Zone::unlink(Pfn first, Order order) {
  FreeList& list = lists_[order.raw()];
  const Pfn prev = frame(first).prev_free();
  const Pfn next = frame(first).next_free();
  if (prev.valid()) {
    frame(prev).set_links(frame(prev).prev_free(), next);
  } else {
    list.head = next;
  }
  if (next.valid()) frame(next).set_links(prev, frame(next).next_free());
  --list.blocks;
  frame(first).set_kind(FrameKind::kFreeBody);
}

std::optional<Pfn> Zone::take_untouched() {
  if (untouched_ == end_) return std::nullopt;
  const Pfn first = untouched_;
  untouched_ = untouched_ + kLargest.pages();
  return first;
}

void Zone::hand_out(Pfn first, Order order) {
  Frame fresh;
  fresh.set_order(order);
  fresh.set_kind(FrameKind::kTail);
  Frame* const block = &frame(first);
  std::fill_n(block, order.pages().raw(), fresh);
  block->set_kind(FrameKind::kOwned);
}

std::optional<Pfn> Zone::allocate(Order order) {
  unsigned have = order.raw();
  while (have <= kMaxOrder && lists_[have].blocks == 0) ++have;
  std::optional<Pfn> first;
  if (have <= kMaxOrder) {
    first = lists_[have].head;
    unlink(*first, Order(have));
  } else {
    have = kMaxOrder;
    first = take_untouched();
    if (!first) return std::nullopt;
  }
  // Keep the lower half, give the upper one back, until the block fits.
  while (have > order.raw()) {
    --have;
    push(*first + Order(have).pages(), Order(have));
  }
  free_ -= order.pages();
  hand_out(*first, order);
  return first;
}

void Zone::free(Pfn first, Order order) {
  QUIRE_DCHECK(contains(first) && first.aligned(order));
  for (std::uint64_t i = 0; i < order.pages().raw(); ++i) {
    Frame& f = frame(first + PageCount(i));
    QUIRE_DCHECK(!f.is_free() || f.kind() == FrameKind::kPerCpu);
    f = Frame{};
    f.set_kind(FrameKind::kFreeBody);
  }
  free_ += order.pages();
  unsigned o = order.raw();
  while (o < kMaxOrder) {
    const Pfn buddy(first.raw() ^ (1ULL << o));
    const Frame& b = frame(buddy);
    if (b.kind() != FrameKind::kFreeHead || b.order() != Order(o)) break;
    unlink(buddy, Order(o));
    first = std::min(first, buddy);
    ++o;
  }
  push(first, Order(o));
}

std::uint64_t Zone::free_blocks(Order order) const {
  std::uint64_t n = lists_[order.raw()].blocks;
  if (order == kLargest) n += (end_ - untouched_).raw() >> kMaxOrder;
  return n;
}

bool Zone::above(Mark mark, Order order) const {
  if (mark == Mark::kNone) return true;
  const PageCount of_mark = mark == Mark::kMin ? marks_.min : mark == Mark::kLow ? marks_.low : marks_.high;
  const std::uint64_t must_stay = (of_mark + marks_.reserve).raw();
  if (free_.raw() + 1 <= must_stay + order.pages().raw()) return false;
  if (order == kOrder0 || untouched_ != end_) return true;
  for (unsigned o = order.raw(); o <= kMaxOrder; ++o)
    if (lists_[o].blocks != 0) return true;
  return false;
}

void Zone::check_invariants(base::InvariantReport& out) const {
  std::uint64_t sum = (end_ - untouched_).raw();
  for (unsigned o = 0; o <= kMaxOrder; ++o) {
    std::uint64_t blocks = 0;
    for (Pfn p = lists_[o].head; p.valid(); p = frame(p).next_free(), ++blocks) {
      const Frame& f = frame(p);
      if (!contains(p) || !p.aligned(Order(o)) || f.kind() != FrameKind::kFreeHead || f.order() != Order(o)) {
        out.broken("I-ZONE-2", "{}: block {} in the list of order {}", name_, p.raw(), o);
        break;
      }
      const Pfn buddy(p.raw() ^ (1ULL << o));
      if (o < kMaxOrder && frame(buddy).kind() == FrameKind::kFreeHead && frame(buddy).order() == Order(o)) {
        out.broken("I-ZONE-3", "{}: blocks {} and {} of order {} are not merged", name_, p.raw(), buddy.raw(),
                   o);
      }
      const Frame* const block = &f;
      for (std::uint64_t i = 1; i < (1ULL << o); ++i) {
        const Frame& body = block[i];
        if (body.kind() == FrameKind::kFreeBody || body.kind() == FrameKind::kUntouched) {
          if (body.refcount != 0 || body.mapcount != 0)
            out.broken("I-FRAME-1", "free frame {} has references", p.raw() + i);
          continue;
        }
        out.broken("I-ZONE-4", "{}: frame {} inside free block {} is of kind {}", name_, p.raw() + i, p.raw(),
                   frame(p + PageCount(i)).kind_bits + 0);
        break;
      }
    }
    if (blocks != lists_[o].blocks)
      out.broken("I-ZONE-1", "{}: order {} counts {} blocks, has {}", name_, o, lists_[o].blocks, blocks);
    sum += blocks << o;
  }
  if (sum != free_.raw())
    out.broken("I-ZONE-1", "{}: {} frames free, lists hold {}", name_, free_.raw(), sum);
}

}  // namespace quire::phys
