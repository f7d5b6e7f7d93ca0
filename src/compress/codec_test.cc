#include "compress/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/testing_bytes.h"

namespace quire::compress {
namespace {

using testing::Bytes;
using testing::bytes_of;
using testing::Kind;
using testing::kKinds;

Codec codec(Algorithm algorithm, std::optional<int> level = std::nullopt, ByteCount largest = 64_KiB) {
  auto made = Codec::create({.algorithm = algorithm, .level = level, .largest_input = largest});
  EXPECT_TRUE(made.has_value());
  return *std::move(made);
}

Bytes compressed(Codec& with, const Bytes& in) {
  Bytes out(with.bound(ByteCount(in.size())).raw());
  const auto size = with.compress(in, out);
  EXPECT_TRUE(size.has_value());
  out.resize(size->raw());
  return out;
}

class CodecTest : public ::testing::TestWithParam<Algorithm> {};
std::string word_of(const ::testing::TestParamInfo<Algorithm>& of) {
  std::string word(name(of.param));
  std::erase(word, '-');
  return word;
}
INSTANTIATE_TEST_SUITE_P(All, CodecTest, ::testing::ValuesIn(kAlgorithms), word_of);

// What was compressed comes back, whatever it was and however long.
TEST_P(CodecTest, GivesBackWhatItGot) {
  Codec c = codec(GetParam());
  for (const Kind kind : kKinds)
    for (const std::size_t size : {1U, 7U, 100U, 4095U, 4096U, 4097U, 16384U, 65535U, 65536U}) {
      const Bytes in = bytes_of(kind, size, size);
      Bytes out(size, std::byte{0xaa});
      ASSERT_TRUE(c.decompress(compressed(c, in), out).has_value());
      EXPECT_EQ(in, out);
    }
}

// Too little room is not corruption, and nothing is written behind it.
TEST_P(CodecTest, SaysWhenTheResultDoesNotFit) {
  Codec c = codec(GetParam());
  const Bytes in = bytes_of(Kind::kText, 4096, 1);
  const std::size_t needs = compressed(c, in).size();
  for (const std::size_t room : {std::size_t{0}, std::size_t{1}, needs / 2, needs - 1}) {
    Bytes out(room + 64, std::byte{0x5a});
    const auto size = c.compress(in, std::span(out).first(room));
    ASSERT_FALSE(size.has_value()) << room;
    EXPECT_EQ(size.error(), CodecError::kDoesNotFit);
    EXPECT_THAT(std::span(out).subspan(room), ::testing::Each(std::byte{0x5a}));
  }
}

// Bytes that do not compress never fit into as many bytes as they are, and
// always into the bound.
TEST_P(CodecTest, RandomBytesNeedMoreThanTheyAre) {
  Codec c = codec(GetParam());
  const Bytes in = bytes_of(Kind::kRandom, 4096, 7);
  Bytes out(4096);
  EXPECT_EQ(c.compress(in, out).error(), CodecError::kDoesNotFit);
  EXPECT_GT(compressed(c, in).size(), 4096U);
}

TEST_P(CodecTest, RefusesWhatIsLargerThanItWasMadeFor) {
  Codec c = codec(GetParam(), std::nullopt, 4_KiB);
  const Bytes in(4097);
  Bytes out(8192);
  EXPECT_EQ(c.compress(in, out).error(), CodecError::kTooLarge);
}

// Cut off, with bytes added, or asked to be of another size: corrupt.
TEST_P(CodecTest, TellsObjectsOfTheWrongLength) {
  Codec c = codec(GetParam());
  const Bytes in = bytes_of(Kind::kText, 4096, 3);
  const Bytes good = compressed(c, in);
  Bytes out(4096);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(c.decompress(std::span(good).first(size), out).error(), CodecError::kCorrupt) << size;
  Bytes longer = good;
  longer.push_back(std::byte{1});
  EXPECT_EQ(c.decompress(longer, out).error(), CodecError::kCorrupt);
  for (const std::size_t size : {0U, 1U, 4095U, 4097U, 65536U}) {
    Bytes other(size);
    EXPECT_EQ(c.decompress(good, other).error(), CodecError::kCorrupt) << size;
  }
}

// Any byte of an object changed, or all of them noise: an answer, and nothing
// written behind `out`. (Without a checksum the answer may be other bytes.)
TEST_P(CodecTest, SurvivesDamagedObjects) {
  Codec c = codec(GetParam());
  base::Rng rng(11);
  const Bytes good = compressed(c, bytes_of(Kind::kPointers, 4096, 5));
  unsigned corrupt = 0;
  for (int round = 0; round < 2000; ++round) {
    Bytes bad = round % 2 == 0 ? good : bytes_of(Kind::kRandom, 1 + rng.below(4000), rng.next());
    bad[rng.below(bad.size())] ^= static_cast<std::byte>(1 + rng.below(255));
    Bytes out(4096 + 64, std::byte{0x5a});
    corrupt += c.decompress(bad, std::span(out).first(4096)).has_value() ? 0U : 1U;
    ASSERT_THAT(std::span(out).subspan(4096), ::testing::Each(std::byte{0x5a}));
  }
  EXPECT_GT(corrupt, 1000U);
  Bytes out(4096);
  EXPECT_TRUE(c.decompress(good, out).has_value()) << "damage left something behind";
}

// One codec used for buffers of all sizes in any order gives the bytes a new one gives.
TEST_P(CodecTest, KeepsNothingBetweenCalls) {
  Codec used = codec(GetParam());
  base::Rng rng(3);
  for (int round = 0; round < 200; ++round) {
    const Bytes in = bytes_of(kKinds[rng.below(4)], 1 + rng.below(65536), rng.next());
    Codec fresh = codec(GetParam());
    ASSERT_EQ(compressed(used, in), compressed(fresh, in));
  }
}

TEST_P(CodecTest, NamesReadBack) { EXPECT_EQ(algorithm_named(name(GetParam())), GetParam()); }

TEST(CodecNames, OthersAreUnknown) {
  EXPECT_EQ(algorithm_named("842"), std::nullopt);
  EXPECT_EQ(algorithm_named(""), std::nullopt);
}

// What the kernel takes when algorithm_params says nothing.
TEST(CodecLevels, AreTheKernelsByDefault) {
  EXPECT_EQ(codec(Algorithm::kLz4).level(), 1);
  EXPECT_EQ(codec(Algorithm::kZstd).level(), 3);
  EXPECT_EQ(codec(Algorithm::kLzo).level(), 0);
}

TEST(CodecLevels, ChangeTheResult) {
  const Bytes in = bytes_of(Kind::kText, 65536, 9);
  Codec fast = codec(Algorithm::kZstd, 1), best = codec(Algorithm::kZstd, 19);
  EXPECT_LT(compressed(best, in).size(), compressed(fast, in).size());
  Codec lz4 = codec(Algorithm::kLz4), faster = codec(Algorithm::kLz4, 30);
  EXPECT_LT(compressed(lz4, in).size(), compressed(faster, in).size());
}

// Every level of zstd has the memory it needs, for every size.
TEST(CodecLevels, AllOfThemWork) {
  for (int level = -5; level <= 22; ++level) {
    if (level == 0) continue;
    Codec c = codec(Algorithm::kZstd, level);
    for (const std::size_t size : {1U, 300U, 4096U, 16384U, 16385U, 65536U}) {
      const Bytes in = bytes_of(Kind::kPointers, size, 1);
      Bytes out(size);
      ASSERT_TRUE(c.decompress(compressed(c, in), out).has_value()) << level << " " << size;
      EXPECT_EQ(in, out);
    }
  }
}

TEST(CodecLevels, OnesThatAreNotAreRefused) {
  for (const auto& [algorithm, level] : {std::pair{Algorithm::kLz4, 0},
                                         {Algorithm::kZstd, 23},
                                         {Algorithm::kLzo, 1},
                                         {Algorithm::kLzoRle, 3}}) {
    const auto made = Codec::create({.algorithm = algorithm, .level = level});
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().kind, Diagnostic::Kind::kUsage);
    EXPECT_THAT(made.error().line(), ::testing::HasSubstr(std::string(name(algorithm))));
  }
}

TEST(CodecSizes, OnesThatAreNotAreRefused) {
  EXPECT_FALSE(Codec::create({.largest_input = ByteCount(0)}).has_value());
  EXPECT_FALSE(Codec::create({.largest_input = 2_GiB}).has_value());
}

}  // namespace
}  // namespace quire::compress
