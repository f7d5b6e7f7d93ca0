#include "phys/memory.h"

#include <algorithm>
#include <cstring>

#include "base/size.h"

namespace quire::phys {
namespace {

// How many frames move between a zone and a per-cpu list at once, and the
// most a list keeps: the kernel's values for a machine of this size.
constexpr std::size_t kBatch = 63;
constexpr std::size_t kHigh = 6 * kBatch;

struct ZoneSpan {
  std::string_view name;
  std::uint64_t end_bytes;
};
constexpr std::array<ZoneSpan, 3> kZones{{{"DMA", 16ULL << 20}, {"DMA32", 4ULL << 30}, {"Normal", ~0ULL}}};

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
  m.ram_ = ReservedMemory(ByteCount(bytes));
  m.descriptors_ = ReservedMemory(ByteCount(frames * sizeof(Frame)));
  if (m.ram_.data() == nullptr || m.descriptors_.data() == nullptr) {
    return fail(
        Diagnostic{Diagnostic::Kind::kFailure, "RAM size",
                   "the host refuses to reserve " + base::human_size(options.ram) + " of address space",
                   "make the machine smaller or raise the limit (ulimit -v)"});
  }
  m.frames_ = reinterpret_cast<Frame*>(m.descriptors_.data());  // zero bytes: kUntouched
  m.contents_ = options.contents;
  m.total_ = PageCount(frames);
  std::uint64_t begin = 0;
  for (const ZoneSpan& span : kZones) {
    const std::uint64_t end = std::min(bytes, span.end_bytes);
    if (begin < end)
      m.zones_.emplace_back(span.name, Pfn(begin >> kPageShift), Pfn(end >> kPageShift), m.frames_);
    begin = end;
  }
  return m;
}

std::optional<Pfn> PhysMemory::allocate_from_zones(Order order) {
  for (auto zone = zones_.rbegin(); zone != zones_.rend(); ++zone) {
    if (auto first = zone->allocate(order)) return first;
  }
  return std::nullopt;
}

std::optional<Pfn> PhysMemory::refill(PerCpuList& list) {
  // Filled back to front, so that frames leave the list in ascending order.
  list.frames.resize(kBatch);
  std::size_t room = kBatch;
  while (room > 0) {
    const auto pfn = allocate_from_zones(kOrder0);
    if (!pfn) break;
    frame(*pfn).set_kind(FrameKind::kPerCpu);
    list.frames[--room] = *pfn;
  }
  list.frames.erase(list.frames.begin(), list.frames.begin() + static_cast<std::ptrdiff_t>(room));
  if (list.frames.empty()) return std::nullopt;
  return list.frames.back();
}

std::optional<Pfn> PhysMemory::allocate(Order order) {
  if (injector_ && injector_(order)) return std::nullopt;
  if (order != kOrder0) {
    auto first = allocate_from_zones(order);
    if (first || order0_.frames.empty()) return first;
    drain(order0_);  // what the per-cpu list held back may complete a block
    return allocate_from_zones(order);
  }
  if (order0_.frames.empty() && !refill(order0_)) return std::nullopt;
  const Pfn pfn = order0_.frames.back();
  order0_.frames.pop_back();
  Frame& f = frame(pfn);
  f = Frame{};
  f.set_kind(FrameKind::kOwned);
  return pfn;
}

void PhysMemory::free_to_zone(Pfn first, Order order) {
  for (Zone& zone : zones_) {
    if (!zone.contains(first)) continue;
    zone.free(first, order);
    return;
  }
  QUIRE_CHECK_MSG(false, "frame {} lies in no zone", first.raw());
}

void PhysMemory::drain(PerCpuList& list) {
  for (const Pfn pfn : list.frames) free_to_zone(pfn, kOrder0);
  list.frames.clear();
}

void PhysMemory::free(Pfn first, Order order) {
  QUIRE_CHECK_MSG(!frame(first).is_free(), "frame {} freed twice", first.raw());
  if (order != kOrder0) return free_to_zone(first, order);
  Frame& f = frame(first);
  f = Frame{};
  f.set_kind(FrameKind::kPerCpu);
  order0_.frames.push_back(first);
  if (order0_.frames.size() < kHigh) return;
  // The coldest ones, at the bottom, go back to where they can merge.
  const auto cold = order0_.frames.begin() + kBatch;
  std::for_each(order0_.frames.begin(), cold, [this](Pfn pfn) { free_to_zone(pfn, kOrder0); });
  order0_.frames.erase(order0_.frames.begin(), cold);
}

void PhysMemory::zero(Pfn first, Order order) {
  if (contents_ == Contents::kKept) std::memset(bytes(first), 0, order.bytes().raw());
}

void PhysMemory::copy(Pfn from, Pfn to) {
  if (contents_ == Contents::kKept) std::memcpy(bytes(to), bytes(from), kPageSize);
}

PageCount PhysMemory::free_pages() const {
  PageCount n(order0_.frames.size());
  for (const Zone& zone : zones_) n += zone.free_pages();
  return n;
}

void PhysMemory::check_invariants(base::InvariantReport& out) const {
  std::uint64_t free = 0;
  for (std::uint64_t i = 0; i < total_.raw(); ++i) {
    const Frame& f = frames_[i];
    if (!f.is_free()) continue;
    ++free;
    if (f.refcount != 0 || f.mapcount != 0) out.broken("I-FRAME-1", "free frame {} has references", i);
  }
  if (free != free_pages().raw()) {
    out.broken("I-MEM-1", "{} descriptors say free, the allocator counts {}", free, free_pages().raw());
  }
  for (const Pfn pfn : order0_.frames) {
    if (frame(pfn).kind() != FrameKind::kPerCpu)
      out.broken("I-MEM-2", "per-cpu frame {} has an owner", pfn.raw());
  }
  for (const Zone& zone : zones_) zone.check_invariants(out);
}

}  // namespace quire::phys
