#include "record/tracefs.h"

#include <gtest/gtest.h>

namespace quire::record {
namespace {

constexpr const char* kText =
    "name: page_fault_user\n"
    "ID: 190\n"
    "format:\n"
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
    "\n"
    "\tfield:unsigned long address;\toffset:8;\tsize:8;\tsigned:0;\n"
    "\tfield:unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;\n"
    "\tfield:struct mm_struct * mm;\toffset:64;\tsize:8;\tsigned:0;\n"
    "\n"
    "print fmt: \"address=%ps\", (void *)REC->address\n";

// Names, places and sizes of fields, whatever C declares them.
TEST(TracepointFormat, IsReadFromTheKernelsText) {
  const auto format = parse_format(kText);
  ASSERT_TRUE(format.has_value());
  EXPECT_EQ(format->id, 190U);
  EXPECT_EQ(format->field("address").offset, 8U);
  EXPECT_EQ(format->field("args").offset, 16U);
  EXPECT_EQ(format->field("args").size, 48U);
  EXPECT_EQ(format->field("mm").offset, 64U);
  EXPECT_EQ(format->field("nowhere").size, 0U);
}

// A text without a number is no tracepoint; a line that makes no sense is not
// a field.
TEST(TracepointFormat, RefusesNonsense) {
  EXPECT_FALSE(parse_format("").has_value());
  EXPECT_FALSE(parse_format("ID: many\n").has_value());
  const auto format =
      parse_format("ID: 1\n\tfield:int a;\toffset:x;\tsize:4;\n\tfield:int b;\toffset:99999;\tsize:4;\n");
  ASSERT_TRUE(format.has_value());
  EXPECT_TRUE(format->fields.empty());
}

}  // namespace
}  // namespace quire::record
