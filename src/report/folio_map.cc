#include "report/folio_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/size.h"
#include "trace/describe.h"

namespace quire::report {
namespace {

using Json = nlohmann::ordered_json;
using live::ByOrder;
using live::FolioCounts;
using live::MappingFolios;

// One figure: its name for people, its place in JSON, and what it is a part of.
struct Line {
  std::string label;
  std::string key;  // JSON pointer
  PageCount pages;
  PageCount whole;  // none: no percentage
};
using Lines = std::vector<Line>;

struct KindName {
  std::string_view name;  // "anon"
  const FolioCounts::OfKind& counts;
};

void append_orders(Lines& lines, const KindName& kind, std::string_view how, const ByOrder& counts) {
  for (unsigned n = 1; n <= kPmdOrder; ++n) {
    const std::string size = base::sysfs_size(Order(n));
    lines.push_back({fmt::format("{}-thp-pte-{}-{}", kind.name, how, size),
                     fmt::format("/{}/pte_{}_bytes/{}", kind.name, how, size), counts[n],
                     kind.counts.total()});
  }
}

PageCount all_of(const ByOrder& counts) {
  PageCount all;
  for (const PageCount& count : counts) all += count;
  return all;
}

// The names are those of thpmaps where it has the figure.
void append_kind(Lines& lines, const KindName& kind) {
  const auto& [name, counts] = kind;
  const PageCount whole = counts.total();
  const auto add = [&](std::string label, std::string_view key, PageCount pages) {
    lines.push_back({std::move(label), fmt::format("/{}/{}", name, key), pages, whole});
  };
  add(fmt::format("{}-page-{}", name, base::sysfs_size(kOrder0)), "single_bytes", counts.single);
  add(fmt::format("{}-thp-pmd-aligned-{}", name, base::sysfs_size(kOrderPmd)), "pmd_bytes", counts.pmd);
  append_orders(lines, kind, "aligned", counts.aligned);
  append_orders(lines, kind, "unaligned", counts.unaligned);
  add(fmt::format("{}-thp-pte-partial", name), "pte_partial_total_bytes", all_of(counts.partial));
  append_orders(lines, kind, "partial", counts.partial);
}

void append_blocks(Lines& lines, const KindName& kind, OrderSet blocks) {
  for (unsigned n = 1; n <= kPmdOrder; ++n) {
    if (!blocks.contains(Order(n))) continue;
    const std::string size = base::sysfs_size(Order(n));
    const auto add = [&](std::string_view how, PageCount pages) {
      lines.push_back({fmt::format("{}-cont-{}-aligned-{}", kind.name, how, size),
                       fmt::format("/{}/cont_{}_bytes/{}", kind.name, how, size), pages,
                       kind.counts.total()});
    };
    add("pmd", kind.counts.pmd);
    add("pte", kind.counts.blocks[n]);
  }
}

Lines lines_of(const FolioCounts& counts, OrderSet blocks) {
  Lines lines;
  for (const KindName& kind : {KindName{"anon", counts.anon}, KindName{"file", counts.file}}) {
    lines.push_back({fmt::format("{}-total", kind.name), fmt::format("/{}/total_bytes", kind.name),
                     kind.counts.total(), PageCount()});
    append_kind(lines, kind);
    append_blocks(lines, kind, blocks);
  }
  lines.push_back({"zero-page", "/zero_page_bytes", counts.zero, PageCount()});
  lines.push_back({"hugetlb", "/hugetlb_bytes", counts.hugetlb, PageCount()});
  lines.push_back({"device-memory", "/device_memory_bytes", counts.special, PageCount()});
  return lines;
}

using Smaps = std::vector<std::pair<std::string, ByteCount>>;

std::string line_text(std::string_view label, ByteCount bytes, ByteCount whole) {
  std::string text = fmt::format("{:<36}{:>10} kB", fmt::format("{}:", label), bytes.raw() >> 10);
  if (whole.raw() != 0) {
    const double part = static_cast<double>(bytes.raw()) / static_cast<double>(whole.raw());
    text += fmt::format(" ({:3.0f}%)", 100 * part);
  }
  return text + "\n";
}

std::string figures_text(const FolioCounts& counts, const Smaps& smaps, const FolioMapShape& shape) {
  std::string text;
  const auto show = [&](std::string_view label, ByteCount bytes, ByteCount whole) {
    if (bytes.raw() != 0 || shape.empty == FolioMapShape::Empty::kShow)
      text += line_text(label, bytes, whole);
  };
  for (const auto& [name, bytes] : smaps) show(name, bytes, ByteCount());
  for (const Line& line : lines_of(counts, shape.blocks))
    show(line.label, line.pages.bytes(), line.whole.bytes());
  return text;
}

void put_figures(Json& json, const FolioCounts& counts, const Smaps& smaps, const FolioMapShape& shape) {
  for (const Line& line : lines_of(counts, shape.blocks))
    json[Json::json_pointer(line.key)] = line.pages.bytes().raw();
  if (smaps.empty()) return;
  Json& object = json["smaps_bytes"] = Json::object();
  for (const auto& [name, bytes] : smaps) object[trace::escape_name(name)] = bytes.raw();
}

Json mapping_json(const MappingFolios& folios, const FolioMapShape& shape) {
  const live::Mapping& mapping = folios.mapping;
  Json json{{"start", mapping.range.begin.raw()},
            {"end", mapping.range.end.raw()},
            {"permissions", mapping.permissions},
            {"offset_bytes", mapping.offset},
            {"device", fmt::format("{:02x}:{:02x}", mapping.major, mapping.minor)},
            {"inode", mapping.inode},
            {"name", trace::escape_name(mapping.name)}};
  put_figures(json, folios.counts, mapping.smaps, shape);
  return json;
}

}  // namespace

std::string folio_map_heading() {
  return fmt::format("{:>10}  {:>16} {:>16} {} {:>8} {:>5} {:>8} {}\n", "PID", "START", "END", "PROT",
                     "OFFSET", "DEV", "INODE", "OBJECT");
}

std::string mapping_text(pid_t pid, const MappingFolios& folios, const FolioMapShape& shape) {
  const live::Mapping& mapping = folios.mapping;
  std::string line =
      fmt::format("{:010}: {:016x}-{:016x} {} {:08x} {:02x}:{:02x} {:08} {}", pid, mapping.range.begin.raw(),
                  mapping.range.end.raw(), mapping.permissions, mapping.offset, mapping.major, mapping.minor,
                  mapping.inode, trace::escape_name(mapping.name));
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n" + figures_text(folios.counts, mapping.smaps, shape);
}

void Rollup::add(const MappingFolios& mapping) {
  counts += mapping.counts;
  for (const auto& [name, bytes] : mapping.mapping.smaps) {
    const auto same = std::ranges::find(smaps, name, &Smaps::value_type::first);
    if (same == smaps.end()) {
      smaps.emplace_back(name, bytes);
    } else {
      same->second += bytes;
    }
  }
}

std::string rollup_text(const Rollup& rollup, const FolioMapShape& shape) {
  return figures_text(rollup.counts, rollup.smaps, shape);
}

Json rollup_json(const Rollup& rollup, const FolioMapShape& shape) {
  Json json = Json::object();
  put_figures(json, rollup.counts, rollup.smaps, shape);
  return json;
}

Json process_json(const live::ProcessFolios& process, const FolioMapShape& shape) {
  Json json{{"pid", process.pid}, {"name", trace::escape_name(process.name)}, {"mappings", Json::array()}};
  for (const MappingFolios& mapping : process.mappings)
    json["mappings"].push_back(mapping_json(mapping, shape));
  return json;
}

}  // namespace quire::report
