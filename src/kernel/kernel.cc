#include "kernel/kernel.h"

#include <algorithm>

#include "base/check.h"
#include "policy/policy.h"
#include "vm/fault.h"
#include "vm/fork.h"
#include "vm/swap_cache.h"
#include "vm/swap_off.h"

namespace quire::kernel {

Kernel::Kernel(phys::PhysMemory memory, const policy::Settings& settings)
    : system_(std::move(memory)),
      splitter_(system_),
      sysfs_(system_.settings, system_.counters,
             {.full_scans = [this] { return system_.khugepaged.full_scans(); },
              .pages_collapsed = [this] { return system_.khugepaged.pages_collapsed(); }}) {
  system_.split = &splitter_;
  system_.set_settings(settings);
  system_.prepare_policy();
  sysfs_.show_policy_files();
  sysfs_.on_change([this] { system_.set_settings(system_.settings); });
}

Kernel::~Kernel() = default;

Result<std::unique_ptr<Kernel>, Diagnostic> Kernel::create(const phys::MemoryOptions& machine,
                                                           const policy::Settings& settings) {
  phys::PhysMemory memory = QUIRE_TRY(phys::PhysMemory::create(machine));
  return std::unique_ptr<Kernel>(new Kernel(std::move(memory), settings));
}

void Kernel::start_reclaim(const reclaim::Options& options) {
  QUIRE_CHECK(spaces_.empty() && !reclaimer_);
  const auto each_space = [this](const std::function<void(vm::AddressSpace&)>& fn) {
    for (const auto& mm : spaces_) fn(*mm);
  };
  reclaimer_ = std::make_unique<reclaim::Reclaimer>(system_, each_space, options);
}

vm::AddressSpace& Kernel::create_address_space() {
  spaces_.push_back(std::make_unique<vm::AddressSpace>(system_));
  return *spaces_.back();
}

Result<vm::AddressSpace*, Errno> Kernel::fork(vm::AddressSpace& parent) {
  vm::AddressSpace& child = create_address_space();
  if (const auto copied = vm::dup_mmap(child, parent); !copied) {
    destroy(child);
    return fail(copied.error());
  }
  return &child;
}

void Kernel::destroy(vm::AddressSpace& mm) {
  const auto found =
      std::find_if(spaces_.begin(), spaces_.end(), [&](const auto& p) { return p.get() == &mm; });
  QUIRE_CHECK(found != spaces_.end());
  spaces_.erase(found);
}

Result<std::uint64_t, Errno> Kernel::exec(vm::AddressSpace& mm, const ExecImage& image) {
  for (const ExecImage::Segment& s : image.segments) {
    if (mm.mappings().overlaps(s.range)) return fail(Errno::kInval);
    mm.mappings().map({.range = s.range, .flags = s.flags, .file = s.file, .pgoff = s.pgoff},
                      vm::MergeWith::kNone);
  }
  mm.start_brk = image.start_brk;
  mm.brk = image.brk;
  std::uint64_t faults = 0;
  for (VirtAddr at = image.arg_start.align_down(); at < image.stack_top; at += PageCount(1)) {
    vm::Vma* const stack = mm.mappings().find(at);
    if (stack == nullptr) return fail(Errno::kFault);
    // The strings are written while the stack is not yet where it will be:
    // no size but 4 KiB is considered for them.
    const vm::VmFlags flags = stack->flags;
    stack->flags |= vm::VmFlag::kStackIncompleteSetup;
    const FaultResult result = vm::handle_mm_fault(mm, *stack, at, AccessKind::kWrite);
    stack->flags = flags;
    if (!is_served(result)) return fail(Errno::kNoMem);
    vm::mark_accessed(mm, at, AccessKind::kWrite);
    ++faults;
  }
  return faults;
}

Result<std::uint8_t, Errno> Kernel::swapon(std::unique_ptr<swap::Backend> device,
                                           const swap::SwaponOptions& options) {
  swap::SwaponOptions with = options;
  if (system_.settings.policy->swap_slots == policy::SwapSlots::kAny)
    with.slots = swap::SlotPolicy::kIndirection;
  const swap::Backend* const behind = device.get();
  if (system_.zswap) device = system_.zswap->in_front_of(std::move(device));
  const std::uint8_t number = QUIRE_TRY(system_.swap.swapon(std::move(device), with));
  if (system_.zswap) behind_zswap_[behind] = number;
  return number;
}

Result<void, Diagnostic> Kernel::start_zswap(swap::ZswapOptions options) {
  QUIRE_CHECK(!system_.zswap && !system_.swap.any());
  options.ram = system_.memory.total();
  options.parameters.enabled = true;
  system_.zswap = QUIRE_TRY(swap::Zswap::create(system_.pool_pages, options));
  if (options.load == swap::ZswapLoad::kSinglePages) system_.swap.note_zswap();
  system_.zswap->on_writeback([this] {
    system_.counters.add(stats::VmEvent::zswpwb);
    system_.counters.add(stats::VmEvent::pswpout);
  });
  // Where slots of the device are not those that folios have, an entry whose page is in memory
  // is written back too: its bytes are in both places then, as after a read.
  if (system_.settings.policy->swap_slots != policy::SwapSlots::kAny)
    system_.zswap->set_cached_probe(
        [this](const swap::Backend& device, std::uint64_t slot) { return is_cached(device, slot); });
  return {};
}

bool Kernel::is_cached(const swap::Backend& device, std::uint64_t slot) const {
  return system_.swap.cached(SwapEntry(behind_zswap_.at(&device), slot)).valid();
}

// No entry names the device any more: slots that only a folio in memory keeps are given up
// (the last loop of try_to_unuse).
void Kernel::empty_cache(std::uint8_t device) {
  for (const phys::Zone& zone : system_.memory.zones()) {
    for (Pfn head = zone.begin(); head < zone.touched_end(); head = head + PageCount(1)) {
      if (system_.memory.frame(head).swapcache == 0) continue;
      if (system_.swap.entry_of(head)->device() != device) continue;
      system_.folios.get(head);
      vm::free_swap(system_, head);
      system_.folios.put(head);
    }
  }
}

// What is read in may push out again what was read in before it, to its old slots: hence several
// rounds. Linux goes on until a signal comes.
Result<void, Errno> Kernel::empty(std::uint8_t device) {
  constexpr int kRounds = 16;
  for (int round = 0; round < kRounds; ++round) {
    Result<void, Errno> result;
    for (const auto& mm : spaces_) {
      if (const auto done = vm::unuse_mm(*mm, device); !done && result) result = done;
      if (!result && result.error() == Errno::kNoMem) break;
    }
    QUIRE_TRY(result);
    empty_cache(device);
    if (system_.swap.swapoff(device)) return {};
  }
  return fail(Errno::kNoMem);
}

Result<void, Errno> Kernel::swapoff(std::uint8_t device) {
  system_.swap.stop_allocating(device);
  const auto result = empty(device);
  if (!result) {
    system_.swap.resume_allocating(device);
  } else {
    std::erase_if(behind_zswap_, [device](const auto& known) { return known.second == device; });
  }
  return result;
}

PageCount Kernel::table_pages() const {
  PageCount n;
  for (const auto& mm : spaces_) n += mm->tables().table_pages();
  return n;
}

// What the entries show is what the reverse map counts.
void Kernel::check_table_check(base::InvariantReport& out) const {
  if (!system_.tables.check) return;
  const pagetable::TableCheck& check = *system_.tables.check;
  for (Pfn page(0); page < check.end(); page = page + PageCount(1)) {
    const phys::Frame& f = system_.memory.frame(page);
    // Nothing shows it and nothing is counted; what maps a folio whole is counted on its head.
    if (check.maps(page) == 0 && f.mapcount == 0 && f.kind() != phys::FrameKind::kAnon) continue;
    const phys::FrameKind kind = system_.memory.frame(system_.folios.head_of(page)).kind();
    if (kind == phys::FrameKind::kReserved) continue;
    const bool counted = kind == phys::FrameKind::kAnon || kind == phys::FrameKind::kFile;
    const std::uint32_t maps = counted ? system_.folios.page_mapcount(page) : 0;
    if (maps != check.maps(page))
      out.broken("I-KERNEL-2", "frame {}: {} entries show it, its folio counts {}", page.raw(),
                 check.maps(page), maps);
  }
}

void Kernel::check_invariants(base::InvariantReport& out) {
  system_.memory.check_invariants(out);
  system_.folios.check_invariants(out);
  system_.anon_vmas.check_invariants(out);
  system_.swap.check_invariants(out);
  if (system_.zswap) system_.zswap->check_invariants(out);
  system_.khugepaged.check_invariants(out);
  if (reclaimer_) reclaimer_->check_invariants(out);
  for (const auto& mm : spaces_) mm->check_invariants(out);
  check_table_check(out);
  const std::uint64_t zero = 1 + (system_.huge_zero.head.valid() ? kOrderPmd.pages().raw() : 0) +
                             (system_.zero_folio.valid() ? policy::k64K.pages().raw() : 0);
  const std::uint64_t owned = system_.folios.usage().pages + table_pages().raw() + zero +
                              system_.swap.frames_used().raw() +
                              (system_.zswap ? system_.zswap->frames_used().raw() : 0);
  const std::uint64_t handed_out = (system_.memory.total() - system_.memory.free_pages()).raw();
  if (owned != handed_out) {
    out.broken("I-KERNEL-1", "{} frames handed out, {} have an owner", handed_out, owned);
  }
}

}  // namespace quire::kernel
