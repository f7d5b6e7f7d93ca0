// Any bytes, read as a RUN, give a page that holds no markup but its own, or a
// Diagnostic that says where.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "report/html/page.h"

namespace {

std::size_t times(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quire::report;
  auto run = parse_run({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!run) {
    QUIRE_CHECK(run.error().where == "fuzz");
    QUIRE_CHECK(!run.error().what.empty());
    return 0;
  }
  std::vector<Run> runs;
  runs.push_back(std::move(*run));
  const Model model = make_model(std::move(runs));
  const std::string page = html_page(model);
  QUIRE_CHECK_EQ(times(page, "</script"), 3U);
  QUIRE_CHECK_EQ(times(page, "<style"), 1U);
  QUIRE_CHECK_EQ(times(page, "<img"), 0U);
  QUIRE_CHECK(plain_page(model).find('\x1b') == std::string::npos);
  return 0;
}
