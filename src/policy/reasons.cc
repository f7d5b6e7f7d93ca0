#include "policy/reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "policy/attributes.h"
#include "policy/parse.h"
#include "policy/policy.h"

namespace quire::policy {

namespace {

constexpr std::string_view kThpAnon = "thp_anon=";
constexpr std::string_view kGlobal = "transparent_hugepage=";

bool is_size(std::string_view path) { return path.starts_with("hugepages-"); }

std::vector<std::string> words_of(std::string_view policy) {
  std::istringstream text{std::string(policy)};
  std::vector<std::string> found;
  for (std::string word; text >> word;) found.push_back(word);
  return found;
}

bool is_file_word(std::string_view word, std::string_view path) {
  if (word.starts_with(kSysfsPrefix)) word.remove_prefix(kSysfsPrefix.size());
  return word.starts_with(path) && word.substr(path.size()).starts_with('=');
}

// Whether the word lists the size: what it does not list stays as it was, so
// one of two different beginnings shows it.
bool lists(std::string_view word, Order size) {
  const auto group = word.substr(kThpAnon.size());
  const auto on = parse_policy(fmt::format("{}16K-2M:always;{}", kThpAnon, group));
  const auto off = parse_policy(fmt::format("{}16K-2M:never;{}", kThpAnon, group));
  if (!on || !off) return false;
  return on->at(size) != SizeEnabled::always || off->at(size) != SizeEnabled::never;
}

Order size_of(std::string_view path) {
  const Attribute* attribute = find_attribute(path);
  return attribute != nullptr ? attribute->order : kOrder0;
}

const std::string* last_of(const std::vector<std::string>& words, const auto& says) {
  const auto found = std::find_if(words.rbegin(), words.rend(), says);
  return found == words.rend() ? nullptr : &*found;
}

// The boot words that say it, later before earlier.
Reason boot_reason(const std::vector<std::string>& words, std::string_view path) {
  if (path == "enabled") {
    const auto* word = last_of(words, [](const std::string& w) { return w.starts_with(kGlobal); });
    return word != nullptr ? Reason{Reason::Kind::kBoot, *word} : Reason{};
  }
  if (!is_size(path)) return {};
  const Order size = size_of(path);
  const auto* naming =
      last_of(words, [size](const std::string& w) { return w.starts_with(kThpAnon) && lists(w, size); });
  if (naming != nullptr) return {Reason::Kind::kBoot, *naming};
  const auto* other = last_of(words, [](const std::string& w) { return w.starts_with(kThpAnon); });
  return other != nullptr ? Reason{Reason::Kind::kNotListed, *other} : Reason{};
}

// The first word, where it says all settings.
Reason first_reason(const std::string& word, std::string_view path) {
  if (find_policy(word) != nullptr) return {Reason::Kind::kFirst, word};
  const bool never = word == "never" || word == "4K";
  if (path == "enabled") return never ? Reason{Reason::Kind::kFirst, word} : Reason{};
  if (!is_size(path)) return {};
  const auto alone = parse_policy(word);
  const bool listed = never || (alone && alone->at(size_of(path)) != SizeEnabled::never);
  return {listed ? Reason::Kind::kFirst : Reason::Kind::kNotListed, word};
}

}  // namespace

Reason reason_of(std::string_view policy, std::string_view path) {
  const std::vector<std::string> words = words_of(policy);
  if (const auto* file = last_of(words, [path](const std::string& w) { return is_file_word(w, path); }))
    return {Reason::Kind::kFile, *file};
  if (Reason boot = boot_reason(words, path); boot.kind != Reason::Kind::kDefault) return boot;
  if (words.empty() || words.front().find('=') != std::string::npos) return {};
  return first_reason(words.front(), path);
}

std::string to_text(const Reason& reason) {
  if (reason.kind == Reason::Kind::kDefault) return "no word names it: as Linux 6.18 boots";
  if (reason.kind == Reason::Kind::kNotListed) return reason.word + " does not list this size: never";
  return reason.word;
}

}  // namespace quire::policy
