// Any bytes, read as an experiment, give an experiment that prints and reads
// back as itself, or a Diagnostic that says where.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "litmus/names.h"
#include "litmus/parse.h"
#include "litmus/print.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quire::litmus;
  const auto experiment = parse({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!experiment) {
    QUIRE_CHECK(experiment.error().where.starts_with("fuzz:"));
    QUIRE_CHECK(experiment.error().what.find("expected") != std::string::npos);
    return 0;
  }
  const std::string text = print(*experiment);
  const auto again = parse(text, "again");
  QUIRE_CHECK_MSG(again.has_value(), "{}\n{}", again.error().line(), text);
  QUIRE_CHECK(*again == *experiment);
  QUIRE_CHECK_EQ(print(*again), text);
  const Names names(*experiment);
  for (const Names::Block& block : names.blocks()) QUIRE_CHECK(!block.range.empty());
  return 0;
}
