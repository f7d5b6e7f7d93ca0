#include "cli/settings_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace quire::cli {
namespace {

const std::vector<live::SettingChange> kChanges{{"enabled", "always", "madvise"},
                                                {"hugepages-64kB/enabled", "never", "always"},
                                                {"khugepaged/pages_to_scan", "8", "4096"}};
constexpr const char* kPolicy = "transparent_hugepage=madvise thp_anon=64K:always";

// One line a file, in columns: old, new, and the word that says so.
TEST(SettingsReport, EachChangeHasItsReason) {
  EXPECT_EQ(changes_text(kChanges, kPolicy),
            "  enabled                   always -> madvise  (transparent_hugepage=madvise)\n"
            "  hugepages-64kB/enabled    never -> always    (thp_anon=64K:always)\n"
            "  khugepaged/pages_to_scan  8 -> 4096          (no word names it: as Linux 6.18 boots)\n");
  const auto json = changes_json(kChanges, kPolicy);
  EXPECT_EQ(json[1].dump(),
            R"({"file":"hugepages-64kB/enabled","old":"never","new":"always","why":"thp_anon=64K:always"})");
}

// What somebody else wrote is named with all three values, and cannot reach a
// terminal as it is.
TEST(SettingsReport, TellsWhatWasKept) {
  const live::RestoreReport report{.restored = {{"enabled", "madvise", "madvise", "always"}},
                                   .changed_since = {"defrag"},
                                   .kept = {{"defrag", "ne\x1bver", "defer", "madvise"}}};
  EXPECT_EQ(restored_text(report),
            "  enabled  madvise -> always  (the value before)\n"
            "  defrag   ne\\x1bver kept     (changed by somebody else: Quire wrote defer, before it was "
            "madvise)\n");
  const auto json = restored_json(report);
  EXPECT_EQ(json["restored"].dump(), R"([{"file":"enabled","from":"madvise","to":"always"}])");
  EXPECT_EQ(json["changed_by_others"][0]["before"], "madvise");
  EXPECT_EQ(json["changed_by_others"][0]["written"], "defer");
}

}  // namespace
}  // namespace quire::cli
