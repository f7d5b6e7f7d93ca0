#include "record/probe.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "record/bpf_source.h"
#include "record/perf_source.h"
#include "record/unprivileged_source.h"

namespace quire::record {
namespace {

using Made = Result<std::unique_ptr<Source>, Diagnostic>;

// A user may lock 8 MiB on most systems, and half a mebibyte more for each
// processor: smaller rings are tried when this is refused.
constexpr ByteCount kUnprivilegedRing = 4_MiB;

Made make(trace::Tier tier, const RecordOptions& options) {
  switch (tier) {
    case trace::Tier::kBpf:
      return make_bpf_source(options.ring_bytes);
    case trace::Tier::kPerf:
      return make_perf_source(ByteCount(options.ring_bytes.raw() / 4));
    case trace::Tier::kUnprivileged:
      return make_unprivileged_source(kUnprivilegedRing);
    case trace::Tier::kImported:
      break;  // nothing a source can do
  }
  std::unreachable();
}

}  // namespace

Result<ProbedSource, Diagnostic> probe(const RecordOptions& options) {
  ProbedSource probed;
  std::optional<Diagnostic> last;
  for (const trace::Tier tier : {trace::Tier::kBpf, trace::Tier::kPerf, trace::Tier::kUnprivileged}) {
    if (options.force_tier && *options.force_tier != tier) continue;
    Made made = make(tier, options);
    if (made) {
      probed.source = std::move(*made);
      return probed;
    }
    probed.refused.push_back(
        fmt::format("not recorded by {}: {}", trace::tier_name(tier), made.error().line()));
    last = std::move(made.error());
  }
  return fail(*std::move(last));
}

}  // namespace quire::record
