#include "lab/scopes.h"

#include <algorithm>
#include <array>
#include <optional>

#include "policy/policy.h"

namespace quire::lab {
namespace {

using Say = OwnAdvice::Say;
using Heap = OwnAdvice::Heap;

// In the order of the enumeration.
constexpr std::array<std::string_view, 5> kScopeNames{"mapping", "runtime", "service", "advised", "host"};
static_assert(kScopeNames.size() == static_cast<std::size_t>(Scope::kHost) + 1);

constexpr ByteCount kBlock = kOrderPmd.bytes();

// Runtimes that can be told to ask. Which one a program has is seen from the libraries it maps; the first
// that fits counts.
struct Runtime {
  std::string_view library;  // how the file's name begins
  std::string_view name;
  std::string_view line;
  std::string_view undo;
  std::string_view needs;
  OwnAdvice own;
};

constexpr OwnAdvice kMappingsOnly{.say = Say::kHugepage, .mappings_from = kBlock};
constexpr OwnAdvice kAsGlibcDoes{.say = Say::kHugepage, .heap = Heap::kAsGlibc, .mappings_from = kBlock};

constexpr std::array kRuntimes{
    Runtime{"libjvm.so", "java UseTransparentHugePages", "java -XX:+UseTransparentHugePages ...",
            "leave the option out", "", kMappingsOnly},
    Runtime{"libjemalloc.so", "jemalloc thp:always", "export MALLOC_CONF=thp:always", "unset MALLOC_CONF",
            "jemalloc 5.1 or later", kMappingsOnly},
    Runtime{"libc.so.6", "glibc.malloc.hugetlb=1", "export GLIBC_TUNABLES=glibc.malloc.hugetlb=1",
            "unset GLIBC_TUNABLES", "glibc 2.35 or later, and `madvise` in the host's `enabled`",
            kAsGlibcDoes},
};
// With one of these a program does not allocate by glibc.
constexpr std::array<std::string_view, 3> kOtherAllocators{"libtcmalloc", "libmimalloc", "libjemalloc.so"};

bool maps(const Runtimes& runtimes, std::string_view prefix) {
  return std::ranges::any_of(runtimes.files, [&](const std::string& f) { return f.starts_with(prefix); });
}

const Runtime* runtime_of(const Runtimes& runtimes) {
  for (const Runtime& r : kRuntimes) {
    if (!maps(runtimes, r.library)) continue;
    const bool replaced = r.own.heap == Heap::kAsGlibc &&
                          std::ranges::any_of(kOtherAllocators, [&](auto a) { return maps(runtimes, a); });
    if (!replaced) return &r;
  }
  return nullptr;
}

ProgramChange change_of(const Runtime& runtime) {
  return {.scope = Scope::kRuntime,
          .name = std::string(runtime.name),
          .own = runtime.own,
          .lines = {std::string(runtime.line)},
          .undo = {std::string(runtime.undo)},
          .needs = std::string(runtime.needs)};
}

ProgramChange on_mappings(Say say, Heap heap, std::optional<ByteCount> from) {
  const std::string advice = say == Say::kHugepage ? "MADV_HUGEPAGE" : "MADV_NOHUGEPAGE";
  ProgramChange change{.scope = Scope::kMapping,
                       .name = advice + (!from               ? " heap"
                                         : heap == Heap::kNo ? " maps"
                                                             : " all"),
                       .own = {.say = say, .heap = heap, .mappings_from = from},
                       .lines = {},
                       .undo = {"leave the call out"},
                       .needs = "the program's source"};
  if (from)
    change.lines.push_back("madvise(p, length, " + advice + ");  /* each mapping of 2 MiB or more */");
  if (heap != Heap::kNo)
    change.lines.push_back("madvise(old_break, grown, " + advice + ");  /* as the heap grows */");
  return change;
}

ProgramChange on_service(std::string_view word, policy::ProcessThp process) {
  const std::string dropin = "/etc/systemd/system/NAME.service.d/memory-thp.conf";
  const std::string restart = "systemctl daemon-reload && systemctl restart NAME.service";
  return {
      .scope = Scope::kService,
      .name = "MemoryTHP=" + std::string(word),
      .own = {.process = process},
      .lines = {"install -D /dev/stdin " + dropin + " <<< $'[Service]\\nMemoryTHP=" + std::string(word) + "'",
                restart},
      .undo = {"rm " + dropin, restart},
      .needs = "systemd 260 or later; else prctl(PR_SET_THP_DISABLE, 1, ...) before exec"};
}

OrderSet given_to(const policy::Settings& settings, const policy::VmaHints& hints) {
  return policy::allowed_anon_orders(settings, policy::masks_of(settings), policy::ProcessThp::kDefault,
                                     hints, policy::Caller::pagefault);
}

}  // namespace

std::string_view name_of(Scope scope) { return kScopeNames[static_cast<std::size_t>(scope)]; }

std::optional<Scope> parse_scope(std::string_view name) {
  const auto* const found = std::ranges::find(kScopeNames, name);
  if (found == kScopeNames.end()) return std::nullopt;
  return static_cast<Scope>(found - kScopeNames.begin());
}

ProgramChange way_to_ask(const Runtimes& runtimes) {
  const Runtime* const runtime = runtime_of(runtimes);
  return runtime != nullptr ? change_of(*runtime) : on_mappings(Say::kHugepage, Heap::kYes, kBlock);
}

std::vector<ProgramChange> changes_without_host(const policy::Settings& now, const Runtimes& runtimes,
                                                policy::KernelVersion kernel) {
  std::vector<ProgramChange> changes;
  const OrderSet anybody = given_to(now, {});
  const OrderSet advised = given_to(now, {.hugepage = true});
  const auto on_each = [&](Say say) {
    changes.push_back(on_mappings(say, Heap::kYes, std::nullopt));
    changes.push_back(on_mappings(say, Heap::kNo, kBlock));
    changes.push_back(on_mappings(say, Heap::kYes, kBlock));
  };
  if (advised != anybody) {
    on_each(Say::kHugepage);
    const Runtime* const runtime = runtime_of(runtimes);
    const bool asks = runtime != nullptr &&
                      (runtime->own.heap != Heap::kAsGlibc || now.enabled == policy::GlobalEnabled::madvise);
    if (asks) changes.push_back(change_of(*runtime));
  }
  if (anybody.empty()) return changes;
  on_each(Say::kNohugepage);
  changes.push_back(on_service("disable", policy::ProcessThp::kDisabled));
  if (kernel >= policy::kHasExceptAdvised)
    changes.push_back(on_service("madvise", policy::ProcessThp::kDisabledExceptAdvised));
  return changes;
}

}  // namespace quire::lab
