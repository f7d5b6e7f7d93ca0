// Any bytes, read as lackey text, give events that can be stored or a
// complaint, and nothing else.
#include "convert/testing_import.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quire::convert;
  testing::fuzz(Format::kLackey, {reinterpret_cast<const char*>(data), size});
  return 0;
}
