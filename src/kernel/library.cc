// The public face of the library over kernel::Kernel.
#include <cstring>
#include <map>

#include "base/check.h"
#include "kernel/kernel.h"
#include "kernel/library_state.h"
#include "kernel/library_tags.h"
#include "kernel/swap_devices.h"
#include "policy/parse.h"
#include "quire/kernel.h"
#include "split/shrinker.h"
#include "split/split_words.h"
#include "vm/fault.h"
#include "vm/madvise.h"
#include "vm/policy_hints.h"
#include "vm/syscalls.h"
#include "vm/tags.h"

namespace quire {

namespace {

constexpr VirtAddr kStackTop = vm::kTaskSize;
constexpr VirtAddr kHeapStart{0x555555559000};

std::optional<stats::VmEvent> event_named(std::string_view wanted) {
  for (std::size_t e = 0; e < stats::kVmEvents; ++e) {
    if (stats::name(static_cast<stats::VmEvent>(e)) == wanted) return static_cast<stats::VmEvent>(e);
  }
  return std::nullopt;
}

// The stack every program starts with: 132 KiB, growing down.
Result<std::uint64_t, Errno> lay_out(kernel::Kernel& kernel, vm::AddressSpace& mm, ByteCount argument_bytes) {
  mm.layout = vm::compute_layout(mm.limits.stack);
  const VirtAddr arg_start = kStackTop - argument_bytes;
  const vm::VmFlags flags = vm::flags_for(vm::Prot::kRead | vm::Prot::kWrite, 0) | vm::VmFlag::kGrowsDown |
                            vm::VmFlag::kAccount | vm::own_memory_flags(mm);
  kernel::ExecImage image;
  image.segments.push_back({{(arg_start - 132_KiB).align_down(), kStackTop}, flags, vm::FileRef::none(), 0});
  image.start_brk = image.brk = kHeapStart;
  image.arg_start = arg_start;
  image.stack_top = kStackTop;
  return kernel.exec(mm, image);
}

}  // namespace

Process::Process(Kernel& kernel, std::uint32_t pid, std::unique_ptr<State> state)
    : kernel_(kernel), pid_(pid), state_(std::move(state)) {}

Process::~Process() = default;

Result<VirtAddr, Errno> Process::mmap(const MmapArgs& args) {
  if (args.offset.raw() % kPageSize != 0) return fail(Errno::kInval);
  vm::MmapRequest r{.addr = args.addr,
                    .length = args.length,
                    .prot = args.prot,
                    .flags = args.flags,
                    .file = vm::FileRef::none(),
                    .pgoff = args.offset.raw() >> kPageShift};
  if (args.file != 0) r.file = {vm::FileId(args.file), vm::FileKind::kRegular};
  Kernel::State& k = *kernel_.state_;
  if (args.file == 0 && (args.flags & vm::MapFlags::kShared) != 0) r.file = k.new_shared();
  const auto done = vm::mmap(*state_->mm, r);
  k.drop_unmapped_shared();
  const vm::Mapped mapped = QUIRE_TRY(done);
  minor_faults_ += mapped.populated.faults;
  return mapped.addr;
}

Result<void, Errno> Process::munmap(VirtAddr addr, ByteCount length) {
  QUIRE_TRY(vm::munmap(*state_->mm, addr, length));
  kernel_.state_->drop_unmapped_shared();
  return {};
}

Result<void, Errno> Process::mprotect(VirtAddr addr, ByteCount length, int prot) {
  return vm::mprotect(*state_->mm, addr, length, prot);
}

Result<VirtAddr, Errno> Process::mremap(VirtAddr addr, ByteCount old_length, ByteCount new_length, int flags,
                                        VirtAddr new_addr) {
  vm::MremapRequest r;
  r.addr = addr;
  r.old_length = old_length;
  r.new_length = new_length;
  r.flags = flags;
  r.new_addr = new_addr;
  const auto done = vm::mremap(*state_->mm, r);
  kernel_.state_->drop_unmapped_shared();
  const vm::Mapped moved = QUIRE_TRY(done);
  minor_faults_ += moved.populated.faults;
  return moved.addr;
}

Result<void, Errno> Process::madvise(VirtAddr addr, ByteCount length, int advice) {
  const vm::Populated done =
      QUIRE_TRY(vm::madvise(*state_->mm, addr, length, static_cast<vm::Advice>(advice)));
  minor_faults_ += done.faults;
  return {};
}

VirtAddr Process::brk(VirtAddr to) {
  const vm::Mapped result = vm::brk(*state_->mm, to);
  minor_faults_ += result.populated.faults;
  return result.addr;
}

Result<void, Errno> Process::mlock(VirtAddr addr, ByteCount length) {
  minor_faults_ += QUIRE_TRY(vm::mlock(*state_->mm, addr, length, vm::LockOnFault::kNo)).faults;
  return {};
}

Result<void, Errno> Process::munlock(VirtAddr addr, ByteCount length) {
  return vm::munlock(*state_->mm, addr, length);
}

Result<void, Errno> Process::set_thp_disable(int disable, int flags) {
  if (disable == 0 && flags == 0) {
    state_->mm->thp = policy::ProcessThp::kDefault;
  } else if (disable == 1 && flags == 0) {
    state_->mm->thp = policy::ProcessThp::kDisabled;
  } else if (disable == 1 && flags == 2) {
    state_->mm->thp = policy::ProcessThp::kDisabledExceptAdvised;
  } else {
    return fail(Errno::kInval);
  }
  return {};
}

FaultResult Process::unshare(VirtAddr addr) {
  const FaultResult result = vm::unshare(*state_->mm, addr);
  count(result);
  return result;
}

void Process::count(FaultResult result) {
  if (result == FaultResult::kMinor) ++minor_faults_;
  if (result == FaultResult::kMajor) ++major_faults_;
}

FaultResult Process::touch(VirtAddr addr, AccessKind kind) {
  const FaultResult result = vm::access(*state_->mm, addr, kind);
  count(result);
  return result;
}

// Performs the access; an error where a program would not get past it.
Result<void, Errno> Process::reach(VirtAddr addr, AccessKind kind) {
  switch (touch(addr, kind)) {
    case FaultResult::kHit:
    case FaultResult::kMinor:
    case FaultResult::kMajor:
      return {};
    case FaultResult::kOom:
      return fail(Errno::kNoMem);
    default:
      return fail(Errno::kFault);
  }
}

Result<void, Errno> Process::copy_bytes(VirtAddr addr, std::size_t n, AccessKind kind, std::byte* to,
                                        const std::byte* from) {
  phys::PhysMemory& memory = state_->mm->memory();
  std::size_t done = 0;
  while (done < n) {
    const VirtAddr at = addr + ByteCount(done);
    QUIRE_TRY(reach(at, kind));
    const std::size_t part = std::min<std::size_t>(n - done, kPageSize - at.page_offset());
    std::byte* const page = memory.bytes(vm::mapped_frame(*state_->mm, at)) + at.page_offset();
    if (memory.contents() == phys::Contents::kNone) {
      if (to != nullptr) std::memset(to + done, 0, part);
    } else if (from != nullptr) {
      std::memcpy(page, from + done, part);
    } else {
      std::memcpy(to + done, page, part);
    }
    done += part;
  }
  return {};
}

Result<void, Errno> Process::name_mapping(VirtAddr addr, ByteCount length, std::string_view name) {
  return vm::name_mappings(*state_->mm, {addr, addr + PageCount::covering(length)}, name);
}

void Process::set_name(std::string_view name) { vm::name_process(*state_->mm, name); }

Result<void, Errno> Process::madvise_sizes(VirtAddr addr, ByteCount length, std::optional<OrderSet> orders) {
  return vm::set_sizes(*state_->mm, {addr, addr + PageCount::covering(length)}, orders);
}

Result<void, Errno> Process::store(VirtAddr addr, std::span<const std::byte> bytes) {
  return copy_bytes(addr, bytes.size(), AccessKind::kWrite, nullptr, bytes.data());
}

Result<void, Errno> Process::load(VirtAddr addr, std::span<std::byte> bytes) {
  return copy_bytes(addr, bytes.size(), AccessKind::kRead, bytes.data(), nullptr);
}

Result<Process*, Errno> Process::fork() {
  Kernel::State& k = *kernel_.state_;
  auto state = std::make_unique<State>();
  state->mm = QUIRE_TRY(k.kernel->fork(*state_->mm));
  const std::uint32_t pid = k.next_pid++;
  k.pid_of_mm[state->mm->id().raw()] = pid;
  auto* const child = new Process(kernel_, pid, std::move(state));
  k.processes.emplace(pid, child);
  return child;
}

Result<void, Errno> Process::exec(ByteCount argument_bytes) {
  kernel::Kernel& k = *kernel_.state_->kernel;
  vm::AddressSpace& fresh = k.create_address_space();
  fresh.thp = state_->mm->thp;
  fresh.limits = state_->mm->limits;
  fresh.group = state_->mm->group;
  fresh.oom_score_adj = state_->mm->oom_score_adj;
  kernel_.state_->pid_of_mm[fresh.id().raw()] = pid_;
  const auto faults = lay_out(k, fresh, argument_bytes);
  if (!faults) {
    k.destroy(fresh);
    return fail(faults.error());
  }
  drop_pins();
  k.destroy(*state_->mm);
  state_->mm = &fresh;
  kernel_.state_->drop_unmapped_shared();
  minor_faults_ += *faults;
  return {};
}

void Process::exit() {
  Kernel::State& k = *kernel_.state_;
  drop_pins();
  k.kernel->destroy(*state_->mm);
  k.drop_unmapped_shared();
  k.processes.erase(pid_);
  delete this;
}

PageCount Process::resident() const { return state_->mm->rss().total(); }

std::optional<std::string_view> Process::why_not_huge(VirtAddr addr) const {
  vm::System& system = state_->mm->system();
  const Pfn page = vm::mapped_frame(*state_->mm, addr);
  if (system.reasons == nullptr || !page.valid() || !system.folios.is_anon(system.folios.head_of(page)))
    return std::nullopt;
  return vm::name_of(system.reasons->why(page));
}
PageCount Process::table_pages() const { return state_->mm->tables().table_pages(); }

std::shared_ptr<phys::HostMemory> make_host_memory() {
  return std::make_shared<phys::HostMemory>(phys::HostFill::kAtOnce);
}

Kernel::Kernel(std::unique_ptr<State> state) : state_(std::move(state)) {}

Kernel::~Kernel() {
  while (!state_->processes.empty()) state_->processes.begin()->second->exit();
}

Result<std::unique_ptr<Kernel>, Diagnostic> Kernel::create(const MachineOptions& machine,
                                                           std::string_view policy) {
  const policy::Settings settings = QUIRE_TRY(policy::parse_policy(policy));
  auto state = std::make_unique<State>();
  const auto contents = machine.contents == Contents::kKept ? phys::Contents::kKept : phys::Contents::kNone;
  const phys::MemoryTags tags = QUIRE_TRY(kernel::tags_of(machine));
  state->kernel = QUIRE_TRY(kernel::Kernel::create(
      {.ram = machine.ram, .contents = contents, .tags = tags, .host = machine.host}, settings));
  if (machine.table_checks == TableChecks::kOn) state->kernel->system().check_tables();
  if (machine.reasons == Reasons::kRemembered) state->kernel->system().remember_reasons();
  if (machine.reclaim == Reclaim::kWhenShort) state->kernel->start_reclaim();
  if (machine.zswap) {
    const auto zswap = QUIRE_TRY(kernel::zswap_options(state->kernel->system(), *machine.zswap));
    QUIRE_TRY(state->kernel->start_zswap(zswap));
  }
  return std::unique_ptr<Kernel>(new Kernel(std::move(state)));
}

Process& Kernel::spawn() {
  auto process = std::make_unique<Process::State>();
  process->mm = &state_->kernel->create_address_space();
  const auto faults = lay_out(*state_->kernel, *process->mm, ByteCount(1));
  QUIRE_CHECK_MSG(faults.has_value(), "a machine too small for the stack of one program");
  const std::uint32_t pid = state_->next_pid++;
  state_->pid_of_mm[process->mm->id().raw()] = pid;
  auto* const p = new Process(*this, pid, std::move(process));
  p->minor_faults_ = *faults;
  state_->processes.emplace(pid, p);
  return *p;
}

Process* Kernel::find(std::uint32_t pid) const {
  const auto found = state_->processes.find(pid);
  return found == state_->processes.end() ? nullptr : found->second;
}

Result<std::string, Errno> Kernel::sysfs_read(std::string_view path) const {
  return state_->kernel->sysfs().read(path);
}

Result<void, Errno> Kernel::sysfs_write(std::string_view path, std::string_view text) {
  return state_->kernel->sysfs().write(path, text);
}

std::optional<std::uint64_t> Kernel::vmstat(std::string_view name) const {
  const auto event = event_named(name);
  if (!event) return std::nullopt;
  return state_->kernel->system().counters.get(*event);
}

std::vector<Counter> Kernel::counters() const {
  const stats::Counters& now = state_->kernel->system().counters;
  std::vector<Counter> all;
  all.reserve(stats::kVmEvents + kPmdOrder * stats::kMthpStats);
  for (std::size_t e = 0; e < stats::kVmEvents; ++e) {
    const auto event = static_cast<stats::VmEvent>(e);
    all.push_back({stats::name(event), std::nullopt, static_cast<std::int64_t>(now.get(event))});
  }
  for (Order order(1); order <= kOrderPmd; order = Order(order.raw() + 1)) {
    for (std::size_t i = 0; i < stats::kMthpStats; ++i) {
      const auto stat = static_cast<stats::MthpStat>(i);
      if (sysfs::is_counted_for(stat, order)) all.push_back({stats::name(stat), order, now.get(stat, order)});
    }
  }
  return all;
}

std::vector<KhugepagedScan> Kernel::khugepaged(unsigned passes) {
  std::vector<vm::BlockScan> log;
  for (unsigned i = 0; i < passes; ++i) state_->kernel->system().khugepaged.do_scan(log);
  std::map<const vm::AddressSpace*, std::uint32_t> pids;
  for (const auto& [pid, process] : state_->processes) pids[process->state_->mm] = pid;
  std::vector<KhugepagedScan> scans;
  scans.reserve(log.size());
  for (const vm::BlockScan& one : log) scans.push_back({pids[one.mm], one.block, vm::name(one.result)});
  return scans;
}

std::uint64_t Kernel::shrink_deferred_splits(std::uint64_t nr_to_scan) {
  return split::deferred_split_scan(state_->kernel->system(), nr_to_scan);
}

Result<void, Errno> Kernel::debugfs_write(std::string_view path, std::string_view text) {
  constexpr std::string_view kRoot = "/sys/kernel/debug/";
  if (path.starts_with(kRoot)) path.remove_prefix(kRoot.size());
  if (path != "split_huge_pages") return fail(Errno::kNoEnt);
  const split::SplitWords words = QUIRE_TRY(split::parse_split_words(text));
  if (words.form == split::SplitWords::Form::kAll) {
    split::split_all(state_->kernel->system());
    return {};
  }
  const Process* const process = words.pid < 0 ? nullptr : find(static_cast<std::uint32_t>(words.pid));
  if (process == nullptr) return fail(Errno::kSrch);
  split::split_mapped(*process->state_->mm, words);
  return {};
}

PageCount Kernel::free_pages() const { return state_->kernel->system().memory.free_pages(); }
std::uint64_t Kernel::state_hash() const { return state_->kernel->state_hash(); }

std::vector<std::string> Kernel::check_invariants() const {
  base::InvariantReport report;
  state_->kernel->check_invariants(report);
  return report.lines();
}

void Kernel::set_allocation_failure(bool (*fails)(void* context, Order order), void* context) {
  if (fails == nullptr) return state_->kernel->system().memory.set_failure_injector({});
  state_->kernel->system().memory.set_failure_injector(
      [fails, context](Order o) { return fails(context, o); });
}

}  // namespace quire
