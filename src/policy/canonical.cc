#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/size.h"
#include "policy/attributes.h"
#include "policy/parse.h"
#include "policy/policy.h"

namespace quire::policy {

namespace {

std::string size_text(unsigned order) { return base::short_size(Order(order).bytes()); }

// The sizes with one mode as ranges: "16K-64K,2M".
std::string ranges_of(const Settings& s, SizeEnabled mode) {
  std::vector<std::string> ranges;
  for (unsigned first = 0; first <= kPmdOrder; ++first) {
    if (!kAnonOrders.contains(Order(first)) || s.at(Order(first)) != mode) continue;
    unsigned last = first;
    while (last < kPmdOrder && s.at(Order(last + 1)) == mode) ++last;
    ranges.push_back(first == last ? size_text(first)
                                   : fmt::format("{}-{}", size_text(first), size_text(last)));
    first = last;
  }
  return fmt::format("{}", fmt::join(ranges, ","));
}

// Sizes not named are never, so `never` needs no group; but an empty
// thp_anon= is refused, so nothing at all is said by naming one size.
std::string thp_anon(const Settings& s) {
  std::vector<std::string> groups;
  for (const SizeEnabled mode : {SizeEnabled::always, SizeEnabled::inherit, SizeEnabled::madvise}) {
    const std::string ranges = ranges_of(s, mode);
    if (!ranges.empty()) groups.push_back(fmt::format("{}:{}", ranges, word(mode)));
  }
  if (groups.empty()) groups.push_back("2M:never");
  return fmt::format("thp_anon={}", fmt::join(groups, ";"));
}

bool has_boot_word(const Attribute& a) { return a.path == "enabled" || a.order != kOrder0; }

// "defrag=never" out of the text a reader of the file sees.
std::string assignment(const Attribute& a, const std::string& text) {
  const std::size_t open = text.find('[');
  const std::size_t begin = open == std::string::npos ? 0 : open + 1;
  const std::size_t end = text.find(open == std::string::npos ? '\n' : ']');
  return fmt::format("{}={}", a.path, text.substr(begin, end - begin));
}

}  // namespace

std::string canonical(const Settings& settings) {
  const Settings base = settings_of(*settings.policy);
  std::vector<std::string> said;
  if (settings.policy != &kLinux618) said.emplace_back(settings.policy->name);
  if (settings.enabled != base.enabled)
    said.push_back(fmt::format("transparent_hugepage={}", word(settings.enabled)));
  if (settings.size != base.size) said.push_back(thp_anon(settings));
  const auto say = [&](const Attribute& a) {
    const std::string text = a.show(settings, a.order);
    if (text != a.show(base, a.order)) said.push_back(assignment(a, text));
  };
  for (const Attribute& a : attributes())
    if (!has_boot_word(a)) say(a);
  for (const Attribute& a : extra_attributes()) say(a);
  return said.empty() ? "linux-6.18" : fmt::format("{}", fmt::join(said, " "));
}

}  // namespace quire::policy
