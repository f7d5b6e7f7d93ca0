#include "live/journal.h"

#include <gtest/gtest.h>

namespace quire::live {
namespace {

Journal sample() {
  Journal journal{42, "boot", "/sys/thp", {}};
  note(journal.files, "enabled", "madvise", "always");
  note(journal.files, "hugepages-64kB/enabled", "never", "inherit");
  return journal;
}

// What is written is what is read.
TEST(Journal, RoundTrip) {
  const auto read = parse_journal(to_json(sample()), "journal");
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(*read, sample());
}

// Devices are read again; a journal without any has no field for them.
TEST(Journal, DevicesRoundTrip) {
  EXPECT_EQ(to_json(sample()).find("zram"), std::string::npos);
  Journal journal = sample();
  journal.devices = {{1, "17"}, {3, "19"}};
  const auto read = parse_journal(to_json(journal), "journal");
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(*read, journal);
}

// A second change of a file keeps the first old value and knows both of ours.
TEST(Journal, SecondChangeKeepsTheOldValue) {
  Journal journal = sample();
  note(journal.files, "enabled", "always", "never");
  EXPECT_EQ(journal.files[0].old_value, "madvise");
  EXPECT_EQ(journal.files[0].ours, (std::vector<std::string>{"always", "never"}));
}

// Somebody else's change between two of ours becomes the value to go back to.
TEST(Journal, ForeignChangeBetweenTwoOfOursBecomesTheOldValue) {
  Journal journal{1, "boot", "/r", {}};
  note(journal.files, "khugepaged/pages_to_scan", "4096", "8");
  note(journal.files, "khugepaged/pages_to_scan", "512", "8");
  EXPECT_EQ(journal.files[0].old_value, "512");
}

// The journal says what root writes where: no way out of the root by it.
TEST(Journal, RefusesPathsThatLeaveTheRoot) {
  for (const char* path : {"../enabled", "/etc/passwd", "a/../../b", ""}) {
    Journal journal{1, "boot", "/r", {{path, "a", {"b"}}}};
    const auto read = parse_journal(to_json(journal), "journal");
    ASSERT_FALSE(read) << path;
    EXPECT_EQ(read.error().kind, Diagnostic::Kind::kDamagedInput);
  }
}

// Every cut of a journal is refused, and so are wrong types and versions.
TEST(Journal, RefusesDamage) {
  const std::string text = to_json(sample());
  for (std::size_t length = 0; length + 2 < text.size(); ++length) {
    EXPECT_FALSE(parse_journal(text.substr(0, length), "journal")) << length;
  }
  EXPECT_FALSE(parse_journal(R"({"schema_version":2,"pid":1,"boot_id":"b","root":"r","files":[]})", "j"));
  EXPECT_FALSE(parse_journal(R"({"schema_version":1,"pid":"x","boot_id":"b","root":"r","files":[]})", "j"));
  EXPECT_FALSE(parse_journal(R"({"schema_version":1,"pid":1,"boot_id":"b","root":"r","files":[3]})", "j"));
}

}  // namespace
}  // namespace quire::live
