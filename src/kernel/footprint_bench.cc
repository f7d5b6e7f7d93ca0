// What a machine without contents costs its host: descriptors, page tables,
// and the host's own page tables for both, per simulated GiB in use.
#include <benchmark/benchmark.h>

#include <fstream>
#include <memory>
#include <string>

#include "base/check.h"
#include "kernel/kernel.h"
#include "policy/parse.h"
#include "vm/fault.h"
#include "vm/syscalls.h"

namespace {

using namespace quire;

// A line of /proc/self/status, in KiB.
double status_kib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":")) return std::stod(line.substr(key.size() + 1));
  }
  return 0;
}

double resident_mib() { return status_kib("VmRSS") / 1024; }
double host_tables_mib() { return status_kib("VmPTE") / 1024; }

// A machine of `ram`, of which `used` is written, page by page.
std::unique_ptr<kernel::Kernel> machine_in_use(ByteCount ram, ByteCount used, const char* policy) {
  auto kernel = std::move(*kernel::Kernel::create({.ram = ram, .contents = phys::Contents::kNone},
                                                  *policy::parse_policy(policy)));
  vm::AddressSpace& mm = kernel->create_address_space();
  mm.layout = vm::compute_layout(mm.limits.stack);
  vm::MmapRequest request;
  request.length = used;
  request.prot = vm::Prot::kRead | vm::Prot::kWrite;
  request.flags = vm::MapFlags::kPrivate | vm::MapFlags::kAnonymous;
  const auto mapped = vm::mmap(mm, request);
  QUIRE_CHECK(mapped.has_value());
  for (VirtAddr at = mapped->addr; at < mapped->addr + used; at += PageCount(1))
    QUIRE_CHECK(vm::access(mm, at, AccessKind::kWrite) <= FaultResult::kMinor);
  return kernel;
}

// range(0): GiB of RAM; range(1): GiB of it in use.
void footprint(benchmark::State& state, const char* policy) {
  const ByteCount ram(static_cast<std::uint64_t>(state.range(0)) << 30);
  const ByteCount used(static_cast<std::uint64_t>(state.range(1)) << 30);
  machine_in_use(64_MiB, 1_MiB, policy);  // what the first machine alone costs
  for (auto _ : state) {
    const double resident = resident_mib();
    const double tables = host_tables_mib();
    const auto kernel = machine_in_use(ram, used, policy);
    const auto gib = static_cast<double>(state.range(1));
    state.counters["MiB_per_GiB"] = (resident_mib() - resident) / gib;
    state.counters["host_tables_MiB_per_GiB"] = (host_tables_mib() - tables) / gib;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(PageCount::covering(used).raw()) * state.iterations());
}

void machines(benchmark::internal::Benchmark* b) {
  b->ArgNames({"ram_GiB", "used_GiB"})->Iterations(1)->Repetitions(1);
}

BENCHMARK_CAPTURE(footprint, 4K, "never")->Apply(machines)->Args({2, 1})->Args({16, 8});
BENCHMARK_CAPTURE(footprint, 64K, "64K")->Apply(machines)->Args({16, 8});
BENCHMARK_CAPTURE(footprint, 2M, "2M")->Apply(machines)->Args({16, 8});
// A terabyte, all of it in use but what its own tables need.
BENCHMARK_CAPTURE(footprint, 4K, "never")->Apply(machines)->Args({1024, 1016});

}  // namespace
