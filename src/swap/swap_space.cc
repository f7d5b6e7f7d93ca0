#include "swap/swap_space.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "swap/available_devices.h"
#include "swap/device.h"
#include "swap/page_io.h"
#include "swap/saved_tags.h"
#include "swap/slot_allocator.h"
#include "swap/slot_report.h"
#include "swap/swap_cache.h"

namespace quire::swap {

namespace {

constexpr std::int16_t kNoPriorityYet = -1;

}  // namespace

struct SwapSpace::State final : SlotPort {
  State(phys::PhysMemory& with, stats::Counters& counters) : io(with, counters) {
    if (with.tags() != nullptr) tags = std::make_unique<SavedTags>(with);
  }

  [[nodiscard]] Device& device(std::uint8_t number) const {
    QUIRE_CHECK(number < devices.size() && devices[number]);
    return *devices[number];
  }
  [[nodiscard]] SlotTable& table(SwapEntry entry) const {
    SlotTable* table = device(entry.device()).slots.table(entry.slot());
    QUIRE_CHECK(table != nullptr);
    return *table;
  }

  // SlotPort
  [[nodiscard]] bool swap_full() const override { return free_pages * 2 < total_pages; }
  [[nodiscard]] std::int64_t drop_cached(std::uint8_t number, std::uint64_t slot) override;
  void slots_taken(std::uint8_t number, PageCount count) override;

  [[nodiscard]] std::optional<SwapEntry> allocate(Order order);
  [[nodiscard]] std::optional<SwapEntry> allocate_fast(Order order);
  [[nodiscard]] std::optional<SwapEntry> allocate_slow(Order order);
  template <typename From>
  [[nodiscard]] std::optional<SwapEntry> allocate_from(Device& d, Order order, From from);

  void free_if_unused(SwapEntry first, PageCount count);
  void free_slots(Device& d, std::uint64_t first, PageCount count);
  [[nodiscard]] Pfn head_of(SwapEntry entry) const;
  [[nodiscard]] bool referred_to(SwapEntry first, PageCount count) const;
  void set_frames(SwapEntry first, Order order, Pfn head);

  [[nodiscard]] bool in_use(SwapEntry entry) const;
  void check_slots(const Device& d, base::InvariantReport& out) const;
  void check_cache(base::InvariantReport& out) const;

  void change_lower_priorities(std::int16_t than);
  [[nodiscard]] bool discard_pending();
  void do_work();

  PageIo io;
  std::unique_ptr<SavedTags> tags;  // null: the machine has none
  SwapCache cache;
  std::vector<std::unique_ptr<Device>> devices;  // by number
  AvailableDevices available;
  NextSlots next;  // of the one cpu
  std::int64_t free_pages = 0;
  std::int64_t total_pages = 0;
  std::int16_t least_priority = kNoPriorityYet;
  std::function<bool(Pfn, Order)> dropper;
  std::vector<std::uint8_t> to_reclaim;  // devices that became full
  Backend* expecting = nullptr;          // who was told what will be written
  unsigned depth = 0;                    // calls that are under way
};

namespace {

// Work that the kernel leaves to a worker is done when the outermost call ends.
template <typename State>
class Call {
 public:
  explicit Call(State& state) : state_(state) { ++state_.depth; }
  ~Call() {
    state_.do_work();
    --state_.depth;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  State& state_;
};

}  // namespace

// --- Slots for a folio ---

std::optional<SwapEntry> SwapSpace::State::allocate(Order order) {
  for (;;) {
    std::optional<SwapEntry> entry = allocate_fast(order);
    if (!entry) entry = allocate_slow(order);
    if (entry || order != kOrder0 || !discard_pending()) return entry;
  }
}

// Goes on where the last folio of this order was put, whatever the devices' priorities.
std::optional<SwapEntry> SwapSpace::State::allocate_fast(Order order) {
  const NextSlots::Place place = next.of_order[order.raw()];
  if (place.device == NextSlots::kNoDevice || place.slot == 0) return std::nullopt;
  Device& d = device(place.device);
  return allocate_from(d, order, [&] { return d.slots.allocate_at(place.slot, order); });
}

// Large folios do not go on to the next device.
std::optional<SwapEntry> SwapSpace::State::allocate_slow(Order order) {
  for (const std::uint8_t number : available.in_order()) {
    if (!available.contains(number)) continue;
    available.requeue(number);
    Device& d = device(number);
    const auto entry = allocate_from(d, order, [&] { return d.slots.allocate(order); });
    if (entry || order != kOrder0) return entry;
  }
  return std::nullopt;
}

template <typename From>
std::optional<SwapEntry> SwapSpace::State::allocate_from(Device& d, Order order, From from) {
  if (d.behind && !d.has_room(order)) return std::nullopt;
  std::optional<std::uint64_t> slot = from();
  if (!slot && d.behind && !d.stopped) {
    d.slots.grow();
    slot = d.slots.allocate(order);
  }
  if (!slot) return std::nullopt;
  if (d.behind) d.behind->map(*slot, order.pages());
  return SwapEntry(d.number, *slot);
}

void SwapSpace::State::slots_taken(std::uint8_t number, PageCount count) {
  Device& d = device(number);
  d.used += count;
  free_pages -= static_cast<std::int64_t>(count.raw());
  if (!d.full()) return;
  available.remove(number);
  if (swap_full()) to_reclaim.push_back(number);
}

// --- Slots nothing refers to ---

// Frees what is unused among slots that may cross clusters.
void SwapSpace::State::free_if_unused(SwapEntry first, PageCount count) {
  Device& d = device(first.device());
  const std::uint64_t end = first.slot() + count.raw();
  for (std::uint64_t slot = first.slot(); slot < end;) {
    const SlotTable* table = d.slots.table(slot);
    std::uint64_t run = 0;
    const std::uint64_t left = std::min(end - slot, kClusterSlots - slot % kClusterSlots);
    while (run < left && table->free(SlotAllocator::offset(slot + run))) ++run;
    if (run != 0) free_slots(d, slot, PageCount(run));
    slot += std::max<std::uint64_t>(run, 1);
  }
}

void SwapSpace::State::free_slots(Device& d, std::uint64_t first, PageCount count) {
  const auto tell = [&](std::uint64_t slot, std::uint64_t, PageCount n) { d.backend->slots_freed(slot, n); };
  if (tags) tags->forget(SwapEntry(d.number, first), count);
  if (d.behind) {
    d.behind->for_each_run(first, count, tell);
    d.behind->unmap(first, count);
  } else {
    tell(first, 0, count);
  }
  d.used -= count;
  free_pages += static_cast<std::int64_t>(count.raw());
  if (!d.stopped) available.add(d.number, d.priority);
  d.slots.free(first, count);
}

bool SwapSpace::State::referred_to(SwapEntry first, PageCount count) const {
  const SlotTable& t = table(first);
  const std::uint32_t begin = SlotAllocator::offset(first.slot());
  for (std::uint32_t at = begin; at < begin + count.raw(); ++at)
    if (t.count(at) != 0) return true;
  return false;
}

// --- Cached folios ---

void SwapSpace::State::set_frames(SwapEntry first, Order order, Pfn head) {
  SlotTable& t = table(first);
  const std::uint32_t begin = SlotAllocator::offset(first.slot());
  for (PageCount i; i < order.pages(); i += PageCount(1))
    t.set_frame(begin + static_cast<std::uint32_t>(i.raw()), head.valid() ? head + i : head);
}

// Folios are aligned in memory as in their slots.
Pfn SwapSpace::State::head_of(SwapEntry entry) const {
  const Pfn frame = table(entry).frame(SlotAllocator::offset(entry.slot()));
  for (unsigned o = 0; frame.valid() && o < kSwapOrders; ++o) {
    const std::uint64_t inside = frame.raw() % Order(o).pages().raw();
    const Pfn head(frame.raw() - inside);
    const auto found = cache.find(head);
    if (found && found->order >= Order(o) && found->first.device() == entry.device() &&
        found->first.slot() + inside == entry.slot())
      return head;
  }
  return Pfn::invalid();
}

std::int64_t SwapSpace::State::drop_cached(std::uint8_t number, std::uint64_t slot) {
  const Pfn head = head_of(SwapEntry(number, slot));
  if (!head.valid()) return 0;
  const SwapCache::Cached cached = *cache.find(head);
  const auto pages = static_cast<std::int64_t>(cached.order.pages().raw());
  if (referred_to(cached.first, cached.order.pages())) return -pages;
  return dropper && dropper(head, cached.order) ? pages : -pages;
}

// --- Invariants ---

void SwapSpace::State::check_slots(const Device& d, base::InvariantReport& out) const {
  std::uint64_t used = 0;
  std::size_t beside = 0;
  for (std::uint64_t slot = 1; slot < d.slots.size(); ++slot) {
    const SlotTable* t = d.slots.table(slot);
    if (t == nullptr) continue;
    const std::uint32_t at = SlotAllocator::offset(slot);
    used += t->free(at) ? 0U : 1U;
    beside += t->count(at) == SlotTable::kMany ? 1U : 0U;
    if (t->has_cache(at) != t->frame(at).valid() ||
        (t->has_cache(at) && !head_of(SwapEntry(d.number, slot)).valid()))
      out.broken("I-SWAP-1", "slot {} of device {} is cached for no folio", slot, d.number);
    if (t->free(at) && t->zero(at)) out.broken("I-SWAP-1", "free slot {} is noted as zeroes", slot);
  }
  if (used != d.used.raw())
    out.broken("I-SWAP-4", "device {} uses {} slots, {} counted", d.number, used, d.used.raw());
  if (beside != d.counts.kept_beside())
    out.broken("I-SWAP-7", "{} large counts, {} kept beside", beside, d.counts.kept_beside());
}

bool SwapSpace::State::in_use(SwapEntry entry) const {
  if (entry.device() >= devices.size() || !devices[entry.device()]) return false;
  const SlotTable* t = devices[entry.device()]->slots.table(entry.slot());
  return t != nullptr && !t->free(SlotAllocator::offset(entry.slot()));
}

void SwapSpace::State::check_cache(base::InvariantReport& out) const {
  std::uint64_t cached = 0;
  for (const auto& d : devices) {
    for (std::uint64_t slot = 1; d && slot < d->slots.size(); ++slot) {
      const SlotTable* t = d->slots.table(slot);
      cached += t != nullptr && t->has_cache(SlotAllocator::offset(slot)) ? 1U : 0U;
    }
  }
  if (cached != cache.pages().raw())
    out.broken("I-SWAP-2", "{} slots are cached for folios of {} pages", cached, cache.pages().raw());
}

// --- Work for later ---

bool SwapSpace::State::discard_pending() {
  bool any = false;
  for (const auto& d : devices) {
    if (!d) continue;
    while (const auto start = d->slots.discard_one()) {
      d->backend->discard(*start, PageCount(kClusterSlots));
      any = true;
    }
  }
  return any;
}

void SwapSpace::State::do_work() {
  if (depth != 1) return;
  while (!to_reclaim.empty()) {
    const std::uint8_t number = to_reclaim.back();
    to_reclaim.pop_back();
    if (devices[number]) devices[number]->slots.reclaim_full_clusters();
  }
  (void)discard_pending();
}

// Devices that swapon numbered below one that goes move up by one.
void SwapSpace::State::change_lower_priorities(std::int16_t than) {
  for (const auto& d : devices) {
    if (!d || d->stopped || d->priority >= than) continue;
    ++d->priority;
    available.set_priority(d->number, d->priority);
  }
}

// --- The facade ---

SwapSpace::SwapSpace(phys::PhysMemory& memory, stats::Counters& counters)
    : state_(std::make_unique<State>(memory, counters)) {}
SwapSpace::~SwapSpace() = default;

Result<std::uint8_t, Errno> SwapSpace::swapon(std::unique_ptr<Backend> device, const SwaponOptions& options) {
  State& s = *state_;
  const auto unused = std::ranges::find_if(s.devices, [](const auto& d) { return d == nullptr; });
  const auto number = static_cast<std::uint8_t>(unused - s.devices.begin());
  if (number >= kMostDevices) return fail(Errno::kPerm);
  if (device->size() < PageCount(2)) return fail(Errno::kInval);
  if (unused == s.devices.end()) s.devices.emplace_back();
  s.devices[number] = std::make_unique<Device>(number, std::move(device), options.slots, s, s.next);
  s.devices[number]->priority = options.priority.value_or(-1);
  s.devices[number]->stopped = true;
  resume_allocating(number);
  return number;
}

void SwapSpace::resume_allocating(std::uint8_t device) {
  Device& d = state_->device(device);
  QUIRE_CHECK(d.stopped);
  d.stopped = false;
  d.slots.resume();
  if (d.priority < 0) d.priority = --state_->least_priority;
  state_->free_pages += static_cast<std::int64_t>(d.pages.raw());
  state_->total_pages += static_cast<std::int64_t>(d.pages.raw());
  if (!d.full()) state_->available.add(device, d.priority);
}

void SwapSpace::stop_allocating(std::uint8_t device) {
  Device& d = state_->device(device);
  if (d.stopped) return;
  d.stopped = true;
  d.slots.stop();
  state_->available.remove(device);
  state_->free_pages -= static_cast<std::int64_t>(d.pages.raw());
  state_->total_pages -= static_cast<std::int64_t>(d.pages.raw());
  if (d.priority >= 0) return;
  state_->change_lower_priorities(d.priority);
  ++state_->least_priority;
}

Result<void, Errno> SwapSpace::swapoff(std::uint8_t device) {
  stop_allocating(device);
  if (state_->device(device).used != PageCount(0)) return fail(Errno::kBusy);
  for (NextSlots::Place& place : state_->next.of_order)
    if (place.device == device) place = {};
  state_->devices[device].reset();
  return {};
}

bool SwapSpace::any() const {
  return std::ranges::any_of(state_->devices, [](const auto& d) { return d && !d->stopped; });
}
Backend& SwapSpace::backend(std::uint8_t device) const { return *state_->device(device).backend; }
Traits SwapSpace::traits(std::uint8_t device) const { return state_->device(device).traits; }

PageCount SwapSpace::total() const {
  PageCount sum;
  for (const auto& d : state_->devices)
    if (d) sum += d->stopped ? d->used : d->pages;
  return sum;
}

PageCount SwapSpace::used() const {
  PageCount sum;
  for (const auto& d : state_->devices)
    if (d) sum += d->used;
  return sum;
}

PageCount SwapSpace::compactable() const {
  PageCount sum;
  for (const auto& d : state_->devices)
    if (d) sum += d->backend->compactable();
  return sum;
}

PageCount SwapSpace::compact() {
  PageCount sum;
  for (const auto& d : state_->devices)
    if (d) sum += d->backend->compact();
  return sum;
}

PageCount SwapSpace::frames_used() const {
  PageCount sum = state_->tags ? state_->tags->frames() : PageCount();
  for (const auto& d : state_->devices)
    if (d) sum += d->backend->frames_used();
  return sum;
}

std::optional<SwapEntry> SwapSpace::add_to_swap(Pfn head, Order order) {
  const Call call(*state_);
  QUIRE_CHECK_LE(order.raw(), kPmdOrder);
  const std::optional<SwapEntry> entry = state_->allocate(order);
  if (!entry) return std::nullopt;
  state_->do_work();  // before the folio is known to be cached: it is at work itself
  state_->cache.add(head, {*entry, order});
  state_->set_frames(*entry, order, head);
  return entry;
}

void SwapSpace::add_to_cache(Pfn head, Order order, SwapEntry first) {
  SlotTable& table = state_->table(first);
  const std::uint32_t begin = SlotAllocator::offset(first.slot());
  for (std::uint32_t at = begin; at < begin + order.pages().raw(); ++at) {
    QUIRE_CHECK(table.count(at) != 0 && !table.has_cache(at));
    table.set_cache(at, true);
  }
  state_->cache.add(head, {first, order});
  state_->set_frames(first, order, head);
  state_->io.give_up_in_front({state_->device(first.device()), first.slot(), head, order});
}

void SwapSpace::remove_from_cache(Pfn head) {
  const Call call(*state_);
  const SwapCache::Cached cached = state_->cache.remove(head);
  SlotTable& table = state_->table(cached.first);
  const std::uint32_t begin = SlotAllocator::offset(cached.first.slot());
  state_->set_frames(cached.first, cached.order, Pfn::invalid());
  for (std::uint32_t at = begin; at < begin + cached.order.pages().raw(); ++at) table.set_cache(at, false);
  state_->free_if_unused(cached.first, cached.order.pages());
}

Pfn SwapSpace::cached(SwapEntry entry) const {
  const SlotTable* table = state_->device(entry.device()).slots.table(entry.slot());
  return table == nullptr ? Pfn::invalid() : table->frame(SlotAllocator::offset(entry.slot()));
}

std::optional<SwapEntry> SwapSpace::entry_of(Pfn head) const {
  const auto found = state_->cache.find(head);
  if (!found) return std::nullopt;
  return found->first;
}

void SwapSpace::split_cached(Pfn head, Order from, Order to) {
  QUIRE_CHECK(state_->cache.find(head)->order == from && to < from);
  state_->cache.split(head, to);
}

void SwapSpace::dup(SwapEntry first, PageCount n) {
  Device& d = state_->device(first.device());
  for (std::uint64_t slot = first.slot(); slot < first.slot() + n.raw(); ++slot) {
    SlotTable* table = d.slots.table(slot);
    QUIRE_CHECK(table != nullptr && !table->free(SlotAllocator::offset(slot)));
    d.counts.add(*table, slot);
  }
}

void SwapSpace::put(SwapEntry first, PageCount n) {
  const Call call(*state_);
  Device& d = state_->device(first.device());
  for (std::uint64_t slot = first.slot(); slot < first.slot() + n.raw(); ++slot) {
    SlotTable* table = d.slots.table(slot);
    QUIRE_CHECK(table != nullptr);
    d.counts.drop(*table, slot);
  }
  state_->free_if_unused(first, n);
}

std::uint32_t SwapSpace::count(SwapEntry entry) const {
  const Device& d = state_->device(entry.device());
  const SlotTable* table = d.slots.table(entry.slot());
  return table == nullptr ? 0 : d.counts.of(*table, entry.slot());
}

void SwapSpace::set_cache_dropper(std::function<bool(Pfn, Order)> dropper) {
  state_->dropper = std::move(dropper);
}

bool SwapSpace::free_swap(Pfn head) {
  const auto cached = state_->cache.find(head);
  if (!cached || state_->referred_to(cached->first, cached->order.pages())) return false;
  remove_from_cache(head);
  return true;
}

Result<void, IoError> SwapSpace::write(Pfn head) {
  const auto cached = state_->cache.find(head);
  QUIRE_CHECK(cached.has_value());
  if (state_->tags && !state_->tags->save(cached->first, head, cached->order.pages()))
    return fail(IoError::kNoMemory);
  Device& d = state_->device(cached->first.device());
  return state_->io.write({d, cached->first.slot(), head, cached->order});
}

bool SwapSpace::compresses_ahead() const {
  const auto first = state_->available.first();
  return first && state_->device(*first).backend->compresses_ahead();
}

void SwapSpace::expect_writes(std::span<const FolioToWrite> folios) {
  if (state_->expecting != nullptr) state_->expecting->expect({});
  state_->expecting = nullptr;
  const auto first = state_->available.first();
  if (folios.empty() || !first) return;
  std::vector<Pages> pages;
  for (const FolioToWrite& folio : folios)
    pages.push_back({state_->io.bytes(folio.head), folio.order.pages()});
  state_->expecting = state_->device(*first).backend.get();
  state_->expecting->expect(pages);
}

void SwapSpace::settle(const FolioToWrite& folio) {
  if (state_->expecting != nullptr)
    state_->expecting->settle({state_->io.bytes(folio.head), folio.order.pages()});
}

Result<void, IoError> SwapSpace::read(SwapEntry first, Pfn head, Order order) {
  return state_->io.read({state_->device(first.device()), first.slot(), head, order});
}

void SwapSpace::restore_tags(SwapEntry first, Pfn head, Order order) const {
  if (state_->tags) state_->tags->restore(first, head, order.pages());
}

PageCount SwapSpace::tags_saved() const { return state_->tags ? state_->tags->pages() : PageCount(); }

void SwapSpace::set_tag_loss(std::function<bool(SwapEntry)> loses) {
  QUIRE_CHECK(state_->tags != nullptr);
  state_->tags->set_loss(std::move(loses));
}

bool SwapSpace::is_zero(SwapEntry entry) const {
  const SlotTable* table = state_->device(entry.device()).slots.table(entry.slot());
  return table != nullptr && table->zero(SlotAllocator::offset(entry.slot()));
}

bool SwapSpace::alike_in_zeroes(SwapEntry first, PageCount n) const {
  for (PageCount i(1); i < n; i += PageCount(1))
    if (is_zero(first + i) != is_zero(first)) return false;
  return true;
}

bool SwapSpace::kept_in_front(SwapEntry entry) const {
  const Device& d = state_->device(entry.device());
  return !is_zero(entry) && d.backend->kept_in_front(d.slot_behind(entry.slot()));
}

bool SwapSpace::damage(SwapEntry entry) {
  if (entry.device() >= state_->devices.size() || !state_->devices[entry.device()]) return false;
  const Device& d = state_->device(entry.device());
  if (count(entry) == 0 && !cached(entry).valid()) return false;
  return !is_zero(entry) && d.backend->damage(d.slot_behind(entry.slot()));
}

SlotReport SwapSpace::report(std::uint8_t device) const { return report_of(state_->device(device)); }
std::string SwapSpace::picture(std::uint8_t device) const { return picture_of(state_->device(device)); }

void SwapSpace::check_invariants(base::InvariantReport& out) const {
  std::int64_t free = 0;
  for (const auto& d : state_->devices) {
    if (!d) continue;
    d->slots.check_invariants(out);
    if (d->behind) d->behind->check_invariants(out);
    state_->check_slots(*d, out);
    free +=
        static_cast<std::int64_t>(d->stopped ? 0 : d->pages.raw()) - static_cast<std::int64_t>(d->used.raw());
    if (state_->available.contains(d->number) != (!d->stopped && !d->full()))
      out.broken("I-SWAP-9", "device {} with {} of {} pages used", d->number, d->used.raw(), d->pages.raw());
  }
  state_->check_cache(out);
  if (state_->tags) state_->tags->check_invariants([this](SwapEntry e) { return state_->in_use(e); }, out);
  if (free != state_->free_pages)
    out.broken("I-SWAP-4", "{} slots are free, {} counted", free, state_->free_pages);
}

}  // namespace quire::swap
