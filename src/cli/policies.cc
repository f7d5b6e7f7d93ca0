#include "cli/policies.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <thread>

#include "base/size.h"
#include "cli/tell.h"
#include "policy/parse.h"

namespace quire::cli {
namespace {

constexpr ByteCount kLeastRam = 16_MiB;
constexpr ByteCount kMostRam = ByteCount(16ULL << 40);  // what 32 bits of frame numbers can name

}  // namespace

Result<std::vector<lab::Policy>, Diagnostic> policies_of(const std::string& verb,
                                                         const std::vector<std::string>& words) {
  std::vector<std::string> texts = words;
  if (texts.empty()) {
    texts.assign(std::begin(kDefaultPolicies), std::end(kDefaultPolicies));
    tell(verb, fmt::format("no --policy given: using {}", fmt::join(texts, ", ")));
  }
  std::vector<lab::Policy> policies;
  policies.reserve(texts.size());
  for (const std::string& text : texts) policies.push_back({text, QUIRE_TRY(policy::parse_policy(text))});
  return policies;
}

Result<ByteCount, Diagnostic> ram_of(const std::string& verb, const std::string& word) {
  const auto size = base::parse_size(word);
  if (size && *size >= kLeastRam && *size <= kMostRam) return *size;
  return fail(Diagnostic{.kind = Diagnostic::Kind::kUsage,
                         .where = verb + ": --ram",
                         .what = fmt::format("\"{}\" is no size of memory from {} to {}", word,
                                             base::short_size(kLeastRam), base::short_size(kMostRam)),
                         .hint = "for example 24G"});
}

Result<std::optional<lab::Machine>, Diagnostic> machine_of(const std::string& verb,
                                                           const std::string& machine,
                                                           const std::string& ram) {
  if (machine.empty()) return std::nullopt;
  if (!ram.empty()) {
    return fail(Diagnostic{Diagnostic::Kind::kUsage, verb + ": --machine", "has its own memory",
                           "leave out --ram, and write ram=SIZE in the machine"});
  }
  return QUIRE_TRY(lab::parse_machine(machine, verb + ": --machine"));
}

Result<std::shared_ptr<const cost::Profile>, Diagnostic> profile_of(const std::string& file) {
  // Lives as long as the program: nobody has to own it.
  if (file.empty())
    return std::shared_ptr<const cost::Profile>(std::shared_ptr<void>(), &cost::reference_profile());
  return std::make_shared<const cost::Profile>(QUIRE_TRY(cost::read_profile(file)));
}

unsigned default_jobs() { return std::max(1U, std::thread::hardware_concurrency()); }

}  // namespace quire::cli
