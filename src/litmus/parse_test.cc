// What the parser accepts, and where and how it refuses.
#include "litmus/parse.h"

#include <gtest/gtest.h>

#include "litmus/print.h"

namespace quire::litmus {
namespace {

Experiment parsed(const std::string& text) {
  auto experiment = parse(text, "x.litmus");
  EXPECT_TRUE(experiment) << experiment.error().line();
  return experiment ? *std::move(experiment) : Experiment{};
}

std::string refusal(const std::string& text) {
  const auto experiment = parse(text, "x.litmus");
  return experiment ? "accepted" : experiment.error().where + ": " + experiment.error().what;
}

// The head, a step of a child, and what is expected after each step.
TEST(Parse, AWholeFile) {
  const Experiment e = parsed(
      "# heading\n"
      "about A child's write.\n"
      "rule 2.4 T5a\n"
      "ram 512M\n"
      "set 16K,64K madvise\n"
      "\n"
      "map A 1M align 2M+4K prot rw\n"
      "write A+4K..+64K every 16K = 7  # four of them\n"
      "fork c\n"
      "c: write A+5 = 9 -> SIGSEGV\n"
      "  c: expect A order 64K, not folio p:A+0\n"
      "  picture A+4K aaaa .*3\n");
  EXPECT_EQ(e.about, "A child's write.");
  EXPECT_EQ(e.rules, (std::vector<std::string>{"2.4", "T5a"}));
  EXPECT_EQ(e.ram, 512_MiB);
  ASSERT_EQ(e.settings.size(), 1U);
  EXPECT_EQ(e.settings[0].sizes, OrderSet(0x14));
  ASSERT_EQ(e.steps.size(), 4U);
  EXPECT_EQ(std::get<Map>(e.steps[0].action).location.behind, 4_KiB);
  const auto& write = std::get<Access>(e.steps[1].action);
  EXPECT_EQ(write.every, 16_KiB);
  EXPECT_EQ(write.value, 7);
  EXPECT_EQ(e.steps[3].process, "c");
  EXPECT_EQ(e.steps[3].ends, "SIGSEGV");
  ASSERT_EQ(e.steps[3].expectations.size(), 2U);
  EXPECT_EQ(std::get<ExpectPages>(e.steps[3].expectations[0].claim).properties.size(), 2U);
  EXPECT_EQ(std::get<ExpectPicture>(e.steps[3].expectations[1].claim).signs, "aaaa...");
}

// A name alone is all of it, with an offset one page, with two dots a length.
TEST(Parse, Ranges) {
  const Experiment e = parsed("map A 1M\nread A\nread A+0\nread A+8K..+12K\nread A+8K..end\nread 0x1000\n");
  const auto range = [&](std::size_t step) { return std::get<Access>(e.steps[step].action).range; };
  EXPECT_EQ(range(1).extent, Range::Extent::kWhole);
  EXPECT_EQ(range(2).extent, Range::Extent::kPage);
  EXPECT_EQ(range(3).length, 12_KiB);
  EXPECT_EQ(range(4).extent, Range::Extent::kToEnd);
  EXPECT_EQ(range(5).begin.offset, ByteCount(0x1000));
}

// Every verb, every kind of expectation.
TEST(Parse, EveryVerb) {
  parsed(
      "map A 2M populate\nspace B 4M at 0x300000000\nmap C 64K at A+64K growsdown\nmap D 64K shared\nread A "
      "= 0\n"
      "write A\nadvise GUARD_INSTALL A\nprotect A none\nmove A to B+4K size 1M dontunmap\nresize A to "
      "1M\nlock A\n"
      "unlock A\nset enabled never\nset khugepaged/max_ptes_none 511\nprctl thp_disable except_advised\n"
      "uffd register A\nuffd copy A+4K = 5\npin A\nunpin A\nkhugepaged 2\nsplit A to 4K\nunmap A -> EINVAL\n"
      "  expect A absent, present, zero, hugezero, anon, swapped, guard, exclusive, shared, pmd, pte, "
      "mapcount 3\n"
      "  expect A order 2M, same folio, own folios, folio B, not folio B+4K\n"
      "  expect counter 64K/split -1\n  expect counter thp_split_pmd +0\n  expect no other counters\n"
      "  expect faults 3\nexec\nexit\n");
}

// Devices in the order of their lines, and steps that speak of them by number.
TEST(Parse, Swap) {
  const Experiment e = parsed(
      "swap zram lz4 64M\nswap zram zstd 128M unit 64K priority 7\nlimit 8M\nmap A 1M\n"
      "write A = noise 3\n  expect A swapped, swapcache, slot 17, slots together\n"
      "  expect major faults 3\n  expect counter swpin_zero +4\n"
      "read A = text 4\nwrite A = zeroes\nswapoff\nswapon 1 -> EBUSY\n");
  ASSERT_EQ(e.swaps.size(), 2U);
  EXPECT_EQ(e.swaps[0], (SwapDevice{.size = 64_MiB}));
  EXPECT_EQ(e.swaps[1], (SwapDevice{"zstd", 128_MiB, 64_KiB, 7}));
  EXPECT_EQ(e.limit, 8_MiB);
  EXPECT_EQ(std::get<Access>(e.steps[1].action).fill, (Fill{Fill::Kind::kNoise, 3}));
  EXPECT_EQ(std::get<Access>(e.steps[2].action).fill, (Fill{Fill::Kind::kText, 4}));
  EXPECT_EQ(std::get<Access>(e.steps[3].action).fill, (Fill{Fill::Kind::kZeroes, 0}));
  EXPECT_EQ(std::get<Swapoff>(e.steps[4].action).device, 0U);
  EXPECT_EQ(std::get<Swapon>(e.steps[5].action).device, 1U);
}

struct Refused {
  const char* text;
  const char* says;
};

// The place is exact, and the message says what was expected there.
TEST(Parse, Refusals) {
  const Refused cases[] = {
      {"map", "x.litmus:1:4: found the end of the line, expected a name for the mapping"},
      {"\nmap A 5\n", "x.litmus:2:7: the size is not one of whole pages, expected 4K to 1G"},
      {"map A 2G", "x.litmus:1:7: the size is not one of whole pages, expected 4K to 1G"},
      {"map A 1M huge", "x.litmus:1:10: found \"huge\", expected prot, shared, populate, growsdown or `->`"},
      {"map A 1M align 3M", "x.litmus:1:16: found \"3M\", expected an alignment in pages (2M, 2M+4K)"},
      {"map A 1M\nread B", "x.litmus:2:6: nothing is called B, expected one of: A"},
      {"read A", "x.litmus:1:6: nothing is called A yet, expected a map or space before"},
      {"map A 1M\nmap A 1M", "x.litmus:2:1: A stands for addresses already, expected a new name"},
      {"map A 1M\nc: read A", "x.litmus:2:1: no process c lives here, expected one of: p"},
      {"fork c\nfork c", "x.litmus:2:1: process c lives already, expected a new name"},
      {"fork c\nc: exit\nc: exit", "x.litmus:3:1: no process c lives here, expected one of: p"},
      {"map A 1M\nwrite A = 256", "x.litmus:2:11: found \"256\", expected a byte, 0 to 255"},
      {"map A 1M\nwrite A every 0", "x.litmus:2:15: a distance of nothing, expected 1 or more"},
      {"map A 1M\nwrite A -> EWHAT",
       "x.litmus:2:12: found \"EWHAT\", expected an error number or signal (EINVAL, SIGSEGV)"},
      {"map A 1M\nmove A B", "x.litmus:2:8: found \"B\", expected `to` and a place"},
      {"set 4K always", "x.litmus:1:5: no size of anonymous memory, expected 16K to 2M"},
      {"set 64K maybe",
       "x.litmus:1:9: hugepages-64kB/enabled does not take this, expected always, inherit, madvise or never"},
      {"swap disk lz4 64M", "x.litmus:1:6: found \"disk\", expected a kind of device: zram"},
      {"swap zram lz5 64M", "x.litmus:1:11: found \"lz5\", expected one of lzo, lzo-rle, lz4, zstd"},
      {"swap zram lz4 1K", "x.litmus:1:15: no size of a swap device, expected whole pages, 64K to 64G"},
      {"swap zram lz4 64M unit 8K", "x.litmus:1:24: no unit of compression, expected 4K, 16K or 64K"},
      {"swap zram lz4 64M fast", "x.litmus:1:19: found \"fast\", expected unit or priority"},
      {"limit 4K", "x.litmus:1:7: no limit of memory, expected whole pages, 1M to 64G"},
      {"map A 1M\nlimit 8M",
       "x.litmus:2:1: there is no limit to change, expected a limit line before the first step"},
      {"limit 8M\nmap A 1M\np: limit 9M",
       "x.litmus:3:4: found \"limit\", expected a verb of a process: settings and the limit belong to the "
       "machine"},
      {"limit 8M\nmap A 1M\nfork c\nc: write A -> SIGKILL\nc: read A",
       "x.litmus:5:1: no process c lives here, expected one of: p"},
      {"limit 8M\nmap A 1M\nfork c\nwrite A\nc: expect killed\nc: read A",
       "x.litmus:6:1: no process c lives here, expected one of: p"},
      {"swapoff", "x.litmus:1:1: no swap device 0, expected one of the 0 swap lines"},
      {"map A 1M\nwrite A = noise",
       "x.litmus:2:16: found the end of the line, expected a number that tells contents apart"},
      {"expect A absent", "x.litmus:1:1: found \"expect\", expected a step before it"},
      {"map A 1M\nexpect A order 3K",
       "x.litmus:2:16: found \"3K\", expected the size of a folio (4K, 64K, 2M)"},
      {"map A 1M\nexpect counter split +1",
       "x.litmus:2:16: found \"split\", expected a counter (64K/anon_fault_alloc, thp_split_pmd)"},
      {"map A 1M\nexpect counter thp_split_pmd 1",
       "x.litmus:2:30: found \"1\", expected how far it moved, with a sign (+16, -1)"},
      {"map A 1M\npicture A a*0",
       "x.litmus:2:11: this is no picture, expected one sign a page: . z Z 0 ~ ! a-y A-Y, and a*16 for runs"},
      {"map A 1M\nrule 2.1",
       "x.litmus:2:1: found \"rule\", expected a step: such a line stands before the first"},
      {"p: set 64K always",
       "x.litmus:1:4: found \"set\", expected a verb of a process: settings and the limit belong to the "
       "machine"},
      {"map A 1M extra\x01", "x.litmus:1:1: the line has control characters, expected text"},
  };
  for (const Refused& c : cases) EXPECT_EQ(refusal(c.text), c.says) << c.text;
}

// A slip of the pen gets a hint.
TEST(Parse, Hints) {
  EXPECT_EQ(parse("mapp A 1M", "x").error().hint, "did you mean map?");
  EXPECT_EQ(parse("map Arena 1M\nread Arina", "x").error().hint, "did you mean Arena?");
  EXPECT_EQ(parse("set defrak madvise", "x").error().hint, "did you mean defrag?");
}

// What is to go wrong, and pins that are dropped at once.
TEST(Parse, FailsAndPins) {
  const Experiment e = parsed("fails contents\nmap A 64K\npin A read\npin A+0\n");
  EXPECT_EQ(e.fails, Subject::kContents);
  EXPECT_TRUE(std::get<Pin>(e.steps[1].action).to_read);
  EXPECT_FALSE(std::get<Pin>(e.steps[2].action).to_read);
  EXPECT_EQ(refusal("fails badly\nmap A 64K\n"),
            "x.litmus:1:7: found \"badly\", expected what goes wrong: pages, contents, counters, endings");
}
}  // namespace
}  // namespace quire::litmus
