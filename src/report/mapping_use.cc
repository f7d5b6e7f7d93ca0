#include "report/mapping_use.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/size.h"
#include "trace/describe.h"

namespace quire::report {
namespace {

using lab::MappingUse;
using lab::MemoryUse;
using vm::NotHuge;

constexpr std::size_t kMostRows = 8;
constexpr std::size_t kWidth = 78;
constexpr std::string_view kElse = "   else: ";
constexpr std::size_t kNameWidth = 26;

std::string size_text(ByteCount bytes) { return bytes.raw() == 0 ? "-" : base::human_size(bytes); }

std::string heading(const MemoryUse& use, std::string_view policy) {
  ByteCount resident;
  for (const MappingUse& m : use.mappings) resident += m.resident;
  return fmt::format("{}: {} at the peak, by mapping\n {:<{}} {:>9} {:>9} {:>9} {:>9} {:>9}\n", policy,
                     base::human_size(resident), "", kNameWidth, "resident",
                     "in " + base::short_size(use.largest.bytes()), "untouched", "stranded", "zeroes");
}

std::string name_text(const MappingUse& use) {
  std::string name = fmt::format("{} {}", trace::escape_name(use.process), trace::escape_name(use.name));
  return name.size() <= kNameWidth ? name : name.substr(0, kNameWidth - 3) + "...";
}

// "240.0 KiB block already populated; 8.0 KiB unaligned end", the most first, as many
// as a line holds.
std::string reasons_text(const MappingUse& use) {
  std::vector<NotHuge> reasons;
  for (const NotHuge why : vm::all_reasons())
    if (use.why(why).raw() != 0) reasons.push_back(why);
  std::ranges::stable_sort(reasons, std::ranges::greater{}, [&](NotHuge why) { return use.why(why); });
  std::string text;
  for (const NotHuge why : reasons) {
    const std::string part = fmt::format("{}{} {}", text.empty() ? "" : "; ",
                                         base::human_size(use.why(why)), vm::words_of(why));
    if (kElse.size() + text.size() + part.size() > kWidth) break;
    text += part;
  }
  return text;
}

std::string row(const MappingUse& use) {
  std::string text = fmt::format(" {:<{}} {:>9} {:>9} {:>9} {:>9} {:>9}\n", name_text(use), kNameWidth,
                                 size_text(use.resident), size_text(use.huge), size_text(use.never_touched),
                                 size_text(use.stranded), size_text(use.zero_filled));
  if (const std::string reasons = reasons_text(use); !reasons.empty())
    text += fmt::format("{}{}\n", kElse, reasons);
  return text;
}

}  // namespace

std::string mapping_use_text(const MemoryUse& use, std::string_view policy) {
  std::string text = heading(use, policy);
  const std::size_t rows = std::min(use.mappings.size(), kMostRows);
  for (std::size_t i = 0; i < rows; ++i) text += row(use.mappings[i]);
  if (rows == use.mappings.size()) return text;
  ByteCount rest;
  for (std::size_t i = rows; i < use.mappings.size(); ++i) rest += use.mappings[i].resident;
  return text + fmt::format(" {} more, together {}\n", use.mappings.size() - rows, base::human_size(rest));
}

nlohmann::ordered_json mapping_use_json(const MemoryUse& use) {
  auto list = nlohmann::ordered_json::array();
  for (const MappingUse& m : use.mappings) {
    auto reasons = nlohmann::ordered_json::object();
    for (const NotHuge why : vm::all_reasons())
      if (m.why(why).raw() != 0) reasons[std::string(vm::name_of(why))] = m.why(why).raw();
    list.push_back({{"process", trace::escape_name(m.process)},
                    {"address_space", m.space},
                    {"name", trace::escape_name(m.name)},
                    {"start", m.range.begin.raw()},
                    {"bytes", m.range.size().raw()},
                    {"resident_bytes", m.resident.raw()},
                    {"huge_bytes", m.huge.raw()},
                    {"never_touched_bytes", m.never_touched.raw()},
                    {"stranded_bytes", m.stranded.raw()},
                    {"zero_filled_bytes", m.zero_filled.raw()},
                    {"not_huge", std::move(reasons)}});
  }
  return list;
}

}  // namespace quire::report
