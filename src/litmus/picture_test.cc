#include "litmus/picture.h"

#include <gtest/gtest.h>

namespace quire::litmus {
namespace {

// Runs are counted, spaces mean nothing.
TEST(Picture, Expands) {
  EXPECT_EQ(expand_picture("a*3 .z0 B*2~"), "aaa.z0BB~");
  EXPECT_EQ(expand_picture(""), "");
}

TEST(Picture, RefusesWhatIsNoSign) {
  for (const char* const text : {"a*", "a*0", "*3", "a?b", "a*99999999", "1", "a*-1"})
    EXPECT_FALSE(expand_picture(text)) << text;
}

// Only runs worth it are counted; what is shrunk expands to the same.
TEST(Picture, Shrinks) {
  EXPECT_EQ(shrink_picture("aaabbbb..Z"), "aaa b*4 ..Z");
  for (const char* const signs : {"", "a", "aaaa", "!!~", "....aaaa0000", "abcabcabc", "zzzzZ~~~~~."})
    EXPECT_EQ(expand_picture(shrink_picture(signs)), signs);
}

// Letters count folios as they are met, and begin again behind y.
TEST(Picture, LettersInOrder) {
  Letters letters;
  for (std::uint64_t folio = 0; folio < 25; ++folio)
    EXPECT_EQ(letters.letter(100 - folio), static_cast<char>('a' + folio));
  EXPECT_EQ(letters.letter(1000), 'a');
  EXPECT_EQ(letters.letter(99), 'b');
}

// Which letters the author chose does not matter, which pages share one does.
TEST(Picture, Relabels) {
  Letters letters;
  EXPECT_EQ(relabel("ccbB.0a", letters), "aabB.0c");
  EXPECT_EQ(relabel("ab", letters), "cb") << "the letters of a step go on";
}

}  // namespace
}  // namespace quire::litmus
