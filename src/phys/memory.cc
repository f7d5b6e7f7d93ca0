#include "phys/memory.h"

#include <algorithm>
#include <cstring>

#include "arch/native.h"
#include "base/size.h"

namespace quire::phys {
namespace {

// How many frames move between a zone and a per-cpu list at once, and the
// most a list keeps: the kernel's values for a machine of this size.
constexpr std::size_t kBatch = 63;
constexpr std::size_t kHigh = 6 * kBatch;

// Without contents only tables lie in the RAM, few and far between.
HostPages pages_for_ram(Contents contents) {
  return contents == Contents::kKept ? HostPages::kHuge : HostPages::kSmall;
}

// A few MiB more than needed do not count beside contents or in a machine of
// 16 GiB; in a small one without contents they would be most of its cost.
HostPages pages_for_descriptors(Contents contents, ByteCount descriptors) {
  return contents == Contents::kKept || descriptors >= 64_MiB ? HostPages::kHuge : HostPages::kSmall;
}

ReservedMemory take(HostMemory* host, ByteCount size, HostPages pages) {
  return host == nullptr ? ReservedMemory(size, pages) : host->take(size, pages);
}

}  // namespace

Result<PhysMemory, Diagnostic> PhysMemory::create(const MemoryOptions& options) {
  const std::uint64_t block = Order(kMaxOrder).bytes().raw();
  const std::uint64_t bytes = std::max(options.ram.raw() / block, std::uint64_t{1}) * block;
  const std::uint64_t frames = bytes >> kPageShift;
  if (frames >= Pfn::invalid().raw()) {
    return fail(Diagnostic{Diagnostic::Kind::kUsage, "RAM size",
                           "a machine can have at most 16 TiB, asked for " + base::human_size(options.ram),
                           ""});
  }
  PhysMemory m;
  const ByteCount descriptors(frames * sizeof(Frame));
  m.host_ = options.host;
  m.ram_ = take(m.host_.get(), ByteCount(bytes), pages_for_ram(options.contents));
  m.descriptors_ = take(m.host_.get(), descriptors, pages_for_descriptors(options.contents, descriptors));
  if (m.ram_.data() == nullptr || m.descriptors_.data() == nullptr) {
    return fail(
        Diagnostic{Diagnostic::Kind::kFailure, "RAM size",
                   "the host refuses to reserve " + base::human_size(options.ram) + " of address space",
                   "make the machine smaller or raise the limit (ulimit -v)"});
  }
  if (options.tags == MemoryTags::kMte) {
    m.tags_ = TagMemory::create(PageCount(frames));
    if (!m.tags_)
      return fail(Diagnostic{Diagnostic::Kind::kFailure, "memory tags", "the host refuses to reserve them",
                             "make the machine smaller or raise the limit (ulimit -v)"});
  }
  m.frames_ = reinterpret_cast<Frame*>(m.descriptors_.data());  // zero bytes: kUntouched
  m.contents_ = options.contents;
  m.total_ = PageCount(frames);
  std::uint64_t begin = 0;
  for (const arch::ZoneSpan& span : arch::Native::kZones) {
    const std::uint64_t end = std::min(bytes, span.end_bytes);
    if (begin < end)
      m.zones_.emplace_back(span.name, Pfn(begin >> kPageShift), Pfn(end >> kPageShift), m.frames_);
    begin = end;
  }
  return m;
}

// Descriptors go back as they came: zero.
PhysMemory::~PhysMemory() {
  if (host_ == nullptr || frames_ == nullptr) return;
  for (const Zone& zone : zones_)
    std::fill(&frame(zone.begin()), &frame(zone.begin()) + (zone.touched_end() - zone.begin()).raw(),
              Frame{});
  host_->give_back(std::move(ram_));
  host_->give_back(std::move(descriptors_));
}

std::optional<Pfn> PhysMemory::allocate_from_zones(Order order, Mark mark) {
  for (auto zone = zones_.rbegin(); zone != zones_.rend(); ++zone) {
    if (!zone->above(mark, order)) continue;
    if (auto first = zone->allocate(order)) return first;
  }
  return std::nullopt;
}

void PhysMemory::refill(PerCpuList& list, Mark mark) {
  // Filled back to front, so that frames leave the list in ascending order.
  list.frames.resize(kBatch);
  std::size_t room = kBatch;
  while (room > 0) {
    const auto pfn = allocate_from_zones(kOrder0, mark);
    if (!pfn) break;
    frame(*pfn).set_kind(FrameKind::kPerCpu);
    list.frames[--room] = *pfn;
  }
  list.frames.erase(list.frames.begin(), list.frames.begin() + static_cast<std::ptrdiff_t>(room));
}

std::optional<Pfn> PhysMemory::allocate_order0(MigrateType type, Mark mark) {
  // The kernel tests the zone before it looks at the list.
  if (mark != Mark::kNone && !any_zone_above(mark, kOrder0)) return std::nullopt;
  PerCpuList* list = &order0_[static_cast<std::size_t>(type)];
  if (list->frames.empty()) refill(*list, mark);
  // The zones are empty: what the other list holds is all there is.
  if (list->frames.empty()) list = &order0_[1 - static_cast<std::size_t>(type)];
  if (list->frames.empty()) return std::nullopt;
  const Pfn pfn = list->frames.back();
  list->frames.pop_back();
  Frame& f = frame(pfn);
  f = Frame{};
  f.set_kind(FrameKind::kOwned);
  return pfn;
}

std::optional<Pfn> PhysMemory::take_block(Order order, MigrateType type, Mark mark) {
  if (order == kOrder0) return allocate_order0(type, mark);
  if (const auto first = allocate_from_zones(order, mark)) return first;
  drain_all();  // what the per-cpu lists held back may complete a block
  return allocate_from_zones(order, mark);
}

std::optional<Pfn> PhysMemory::allocate(Order order, MigrateType type, Effort effort) {
  if (injector_ && injector_(order)) return std::nullopt;
  if (order == pool_.order())
    if (const auto first = take_from_pool()) return first;
  if (reclaim_ == nullptr) return take_block(order, type, Mark::kNone);
  return allocate_watched(order, type, effort);
}

void PhysMemory::free_to_zone(Pfn first, Order order) {
  for (Zone& zone : zones_) {
    if (!zone.contains(first)) continue;
    zone.free(first, order);
    return;
  }
  QUIRE_CHECK_MSG(false, "frame {} lies in no zone", first.raw());
}

void PhysMemory::drain_all() {
  for (PerCpuList& list : order0_) {
    for (const Pfn pfn : list.frames) free_to_zone(pfn, kOrder0);
    list.frames.clear();
  }
}

void PhysMemory::free(Pfn first, Order order) {
  Frame& f = frame(first);
  QUIRE_CHECK_MSG(!f.is_free(), "frame {} freed twice", first.raw());
  if (tags_) [[unlikely]]
    tags_->forget(first, order.pages());
  if (order == pool_.order() && put_into_pool(first)) return;
  if (order != kOrder0) return free_to_zone(first, order);
  const MigrateType type = f.kind() == FrameKind::kTable ? MigrateType::kUnmovable : MigrateType::kMovable;
  std::vector<Pfn>& list = order0_[static_cast<std::size_t>(type)].frames;
  f = Frame{};
  f.set_kind(FrameKind::kPerCpu);
  list.push_back(first);
  if (list.size() < kHigh) return;
  // The coldest ones, at the bottom, go back to where they can merge.
  const auto cold = list.begin() + kBatch;
  std::for_each(list.begin(), cold, [this](Pfn pfn) { free_to_zone(pfn, kOrder0); });
  list.erase(list.begin(), cold);
}

void PhysMemory::zero(Pfn first, Order order) {
  if (contents_ == Contents::kKept) std::memset(bytes(first), 0, order.bytes().raw());
}

void PhysMemory::copy(Pfn from, Pfn to) {
  if (contents_ == Contents::kKept) std::memcpy(bytes(to), bytes(from), kPageSize);
  if (tags_) [[unlikely]]
    tags_->copy(from, to);
}

PageCount PhysMemory::free_pages() const {
  PageCount n = pool_.pages();
  for (const PerCpuList& list : order0_) n += PageCount(list.frames.size());
  for (const Zone& zone : zones_) n += zone.free_pages();
  return n;
}

// How many frames need no look of their own: the zone looks into its free
// blocks, and whoever knows the folios into folios.
std::uint64_t PhysMemory::frames_at_once(const Frame& f) {
  const FrameKind kind = f.kind();
  const bool block = kind == FrameKind::kFreeHead || kind == FrameKind::kAnon || kind == FrameKind::kFile;
  return block ? f.order().pages().raw() : 1;
}

// What was never handed out is not looked at.
void PhysMemory::check_invariants(base::InvariantReport& out) const {
  std::uint64_t free = 0;
  for (const Zone& zone : zones_) {
    free += zone.untouched().raw();
    std::uint64_t pages = 1;
    for (Pfn pfn = zone.begin(); pfn < zone.touched_end(); pfn = pfn + PageCount(pages)) {
      const Frame& f = frame(pfn);
      pages = frames_at_once(f);
      if (!f.is_free()) continue;
      free += pages;
      if (f.refcount != 0 || f.mapcount != 0)
        out.broken("I-FRAME-1", "free frame {} has references", pfn.raw());
      if (tags_ && tags_->any_tagged(pfn, PageCount(pages)))
        out.broken("I-MTE-1", "free frame {}, or one behind it, has tags", pfn.raw());
    }
  }
  if (free != free_pages().raw()) {
    out.broken("I-MEM-1", "{} descriptors say free, the allocator counts {}", free, free_pages().raw());
  }
  for (const PerCpuList& list : order0_) {
    for (const Pfn pfn : list.frames) {
      if (frame(pfn).kind() != FrameKind::kPerCpu)
        out.broken("I-MEM-2", "per-cpu frame {} has an owner", pfn.raw());
    }
  }
  if (pool_.blocks().size() > pool_.target())
    out.broken("I-MEM-3", "the pool holds {} blocks, {} at most", pool_.blocks().size(), pool_.target());
  for (const Pfn first : pool_.blocks())
    if (!first.aligned(pool_.order()) || frame(first).kind() != FrameKind::kPerCpu)
      out.broken("I-MEM-3", "block {} of the pool has an owner or is no block", first.raw());
  for (const Zone& zone : zones_) zone.check_invariants(out);
}

}  // namespace quire::phys
