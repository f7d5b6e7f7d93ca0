#include "live/doctor/facts.h"

#include <algorithm>
#include <charconv>

#include "live/host.h"

namespace quire::live::doctor {

std::string HostFacts::word(std::string_view path) const {
  const auto found = thp.find(std::string(path));
  return found == thp.end() ? "" : found->second;
}

std::optional<std::uint64_t> HostFacts::number(std::string_view path) const {
  const std::string text = word(path);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

namespace {

constexpr std::string_view kFolder = "hugepages-";
constexpr std::string_view kFile = "/enabled";

std::uint64_t kib_of(const std::string& name) {
  std::uint64_t kib = 0;
  std::from_chars(name.data(), name.data() + name.size(), kib);
  return kib;
}

}  // namespace

std::vector<HostFacts::Size> HostFacts::sizes() const {
  const std::string global = word("enabled");
  std::vector<Size> sizes;
  for (const auto& [path, value] : thp) {
    if (!path.starts_with(kFolder) || !path.ends_with(kFile)) continue;
    const std::string name = path.substr(kFolder.size(), path.size() - kFolder.size() - kFile.size());
    if (name.find('/') != std::string::npos) continue;
    sizes.push_back({name, value, value == "inherit" ? global : value});
  }
  if (sizes.empty() && !global.empty()) sizes.push_back({"2048kB", "inherit", global});
  std::ranges::sort(sizes, {}, [](const Size& size) { return kib_of(size.name); });
  return sizes;
}

std::string HostFacts::rule_of_2m() const {
  for (const Size& size : sizes())
    if (size.name == "2048kB") return size.rule;
  return "";
}

bool HostFacts::any_size_on() const {
  return std::ranges::any_of(sizes(), [](const Size& size) { return size.rule != "never"; });
}

}  // namespace quire::live::doctor
