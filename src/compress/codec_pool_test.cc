#include "compress/codec_pool.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compress/testing_bytes.h"

namespace quire::compress {
namespace {

using testing::Bytes;
using testing::bytes_of;
using testing::kKinds;

// Buffers of all kinds and sizes with room for their compressed form; every
// seventh has too little.
struct Batch {
  explicit Batch(std::size_t count) {
    base::Rng rng(count);
    for (std::size_t n = 0; n < count; ++n) {
      in.push_back(bytes_of(kKinds[rng.below(4)], 1 + rng.below(16384), rng.next()));
      out.emplace_back(n % 7 == 6 ? 1 : in.back().size() * 2 + 600);
    }
  }
  std::vector<CodecJob> jobs() {
    std::vector<CodecJob> all;
    for (std::size_t n = 0; n < in.size(); ++n) all.push_back({in[n], out[n]});
    return all;
  }
  std::vector<Bytes> in, out;
};

class CodecPoolTest : public ::testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Threads, CodecPoolTest, ::testing::Values(1U, 2U, 3U, 8U));

// I-CODECPOOL-1: results stand in the order of the jobs, and they and the
// bytes are those of one codec, batch after batch.
TEST_P(CodecPoolTest, DoesWhatOneCodecDoes) {
  for (const Algorithm algorithm : {Algorithm::kLzo, Algorithm::kLz4, Algorithm::kZstd}) {
    CodecPool pool = *CodecPool::create({.algorithm = algorithm}, GetParam());
    Codec alone = *Codec::create({.algorithm = algorithm});
    for (const std::size_t count : {0U, 1U, 2U, 5U, 100U}) {
      Batch batch(count), expected(count);
      const std::vector<CodecJob> jobs = batch.jobs();
      const auto results = pool.compress(jobs);
      ASSERT_EQ(results.size(), count);
      for (std::size_t n = 0; n < count; ++n) {
        ASSERT_EQ(results[n], alone.compress(expected.in[n], expected.out[n])) << n;
        if (!results[n]) continue;
        const auto size = static_cast<std::ptrdiff_t>(results[n]->raw());
        ASSERT_TRUE(std::equal(batch.out[n].begin(), batch.out[n].begin() + size, expected.out[n].begin()))
            << n;
      }
    }
  }
}

// What was begun is done once each, what is settled is done, and what nobody began before the end
// never is.
TEST_P(CodecPoolTest, DoesWhatWasBegunAtMostOnce) {
  CodecPool pool = *CodecPool::create({.algorithm = Algorithm::kLz4}, GetParam());
  for (const std::size_t count : {1U, 2U, 100U}) {
    std::vector<int> done(count);
    pool.begin(count, [&](Codec&, std::size_t n) { ++done[n]; });
    pool.settle(count / 2);
    EXPECT_EQ(done[count / 2], 1);
    pool.settle(0);
    EXPECT_EQ(done[0], 1);
    pool.end();
    const std::vector<int> at_the_end = done;
    EXPECT_LE(std::ranges::max(at_the_end), 1);
    pool.end();
    EXPECT_EQ(done, at_the_end);
  }
}

// A batch that comes in between is done as well, and a pool may go while work is begun.
TEST_P(CodecPoolTest, DoesABatchWhileWorkIsBegun) {
  Batch begun(50), between(20), expected(20);
  CodecPool pool = *CodecPool::create({.algorithm = Algorithm::kZstd}, GetParam());  // goes first
  const std::vector<CodecJob> first = begun.jobs();
  pool.begin(50, [&](Codec& codec, std::size_t n) { (void)codec.compress(first[n].in, first[n].out); });
  const auto results = pool.compress(between.jobs());
  Codec alone = *Codec::create({.algorithm = Algorithm::kZstd});
  for (std::size_t n = 0; n < results.size(); ++n)
    EXPECT_EQ(results[n], alone.compress(expected.in[n], expected.out[n])) << n;
}

// A corrupt object is told for itself; its neighbours come back whole.
TEST_P(CodecPoolTest, TellsTheOneThatIsCorrupt) {
  CodecPool pool = *CodecPool::create({.algorithm = Algorithm::kZstd}, GetParam());
  Batch batch(50);
  const std::vector<CodecJob> jobs = batch.jobs();
  const auto sizes = pool.compress(jobs);
  std::vector<Bytes> again(50);
  std::vector<CodecJob> back;
  for (std::size_t n = 0; n < 50; ++n) {
    again[n].resize(batch.in[n].size());
    back.push_back({std::span(batch.out[n]).first(sizes[n] ? sizes[n]->raw() : 1), again[n]});
  }
  const auto results = pool.decompress(back);
  for (std::size_t n = 0; n < 50; ++n) {
    ASSERT_EQ(results[n].has_value(), n % 7 != 6) << n;
    if (!results[n]) {
      EXPECT_EQ(results[n].error(), CodecError::kCorrupt);
      continue;
    }
    ASSERT_EQ(again[n], batch.in[n]) << n;
  }
}

TEST(CodecPool, RefusesNoThreadsAndTooMany) {
  for (const unsigned threads : {0U, CodecPool::kMostThreads + 1}) {
    const auto made = CodecPool::create({.algorithm = Algorithm::kLz4}, threads);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().where, "threads");
  }
  EXPECT_FALSE(CodecPool::create({.algorithm = Algorithm::kLz4, .level = 0}, 2).has_value());
}

}  // namespace
}  // namespace quire::compress
