#include "record/scrub.h"

#include <gtest/gtest.h>

namespace quire::record {
namespace {

// Values are gone, names and every length are still there.
TEST(Scrub, BlanksValuesAndKeepsLengths) {
  trace::Header header;
  header.envp = {"HOME=/srv1", "EMPTY=", "odd", "A=b=c"};
  header.cwd = "/srv/xx";
  Scrubber(1).header(header);
  EXPECT_EQ(header.envp, (std::vector<std::string>{"HOME=xxxxx", "EMPTY=", "odd", "A=xxx"}));
  EXPECT_EQ(header.cwd, "xxxxxxx");
  EXPECT_TRUE(header.scrubbed);
}

// One file keeps one name within a recording, and has another in the next.
TEST(Scrub, HashesFileNamesWithASaltOfTheRecording) {
  const Scrubber one(1);
  EXPECT_EQ(one.file_name("secret.db"), one.file_name("secret.db"));
  EXPECT_NE(one.file_name("secret.db"), one.file_name("secret.dc"));
  EXPECT_NE(one.file_name("secret.db"), Scrubber(2).file_name("secret.db"));
  EXPECT_EQ(one.file_name("secret.db").find("secret"), std::string::npos);
  EXPECT_EQ(one.file_name(""), "");
}

// Not asked for, it changes nothing.
TEST(Scrub, LeavesAllAsItIsUnlessAsked) {
  trace::Header header;
  header.envp = {"HOME=/srv1"};
  const trace::Header before = header;
  Scrubber().header(header);
  EXPECT_EQ(header, before);
  EXPECT_EQ(Scrubber().file_name("libc.so.6"), "libc.so.6");
}

}  // namespace
}  // namespace quire::record
