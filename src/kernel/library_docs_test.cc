// docs/reference/library.md against include/quire/kernel.h.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "vm/not_huge.h"

namespace quire {
namespace {

std::string read(const char* path) {
  std::ifstream in(std::string(QUIRE_SOURCE_DIR) + "/" + path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The header without comments and without what is private.
std::string public_part() {
  std::string text = std::regex_replace(read("include/quire/kernel.h"), std::regex("//[^\n]*"), "");
  return std::regex_replace(text, std::regex(" private:[^}]*\\};"), "};");
}

std::set<std::string> found(const std::string& text, const char* pattern) {
  std::set<std::string> names;
  const std::regex regex(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) names.insert((*it)[1]);
  return names;
}

void expect_explained(const std::set<std::string>& names) {
  const std::string page = read("docs/reference/library.md");
  for (const std::string& name : names)
    EXPECT_NE(page.find("`" + name + "`"), std::string::npos) << name << " is not explained";
}

// Every public function has its row.
TEST(LibraryPage, ExplainsEveryFunction) {
  const auto names = found(public_part(), "[\\w>&*] ([a-z][a-z_]+)\\(");
  EXPECT_GT(names.size(), 25U);
  for (const char* known : {"mmap", "create", "layout", "set_allocation_failure"})
    EXPECT_TRUE(names.contains(known)) << known;
  expect_explained(names);
}

// And every reason why memory is not huge, on the page about them.
TEST(NotHugePage, ExplainsEveryReason) {
  const std::string page = read("docs/reference/not-huge.md");
  for (const vm::NotHuge why : vm::all_reasons()) {
    if (why == vm::NotHuge::kNothing) continue;
    EXPECT_NE(page.find(fmt::format("`{}`", vm::name_of(why))), std::string::npos) << vm::name_of(why);
  }
}

// So has every field of a page's description.
TEST(LibraryPage, ExplainsEveryField) {
  const std::string text = public_part();
  const std::size_t begin = text.find("State state", text.find("struct PageInfo"));
  const auto names = found(text.substr(begin, text.find("};", begin) - begin), " ([a-z_]+)(?: = [^;]*)?;");
  EXPECT_GT(names.size(), 6U);
  EXPECT_TRUE(names.contains("mapcount"));
  expect_explained(names);
}

}  // namespace
}  // namespace quire
