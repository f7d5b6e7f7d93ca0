#include "report/metrics_text.h"

#include <algorithm>

#include "trace/utf8.h"

namespace quire::report {

void MetricsText::begin_sample(const Labels& labels) {
  const bool counter = family_.type == MetricFamily::Type::kCounter;
  if (std::exchange(head_is_due_, false)) {
    text_ += fmt::format("# TYPE {} {}\n", family_.name, counter ? "counter" : "gauge");
    if (!family_.unit.empty()) text_ += fmt::format("# UNIT {} {}\n", family_.name, family_.unit);
    text_ += fmt::format("# HELP {} {}\n", family_.name, family_.help);
  }
  std::string inside;
  for (const auto& [name, value] : labels)
    inside += fmt::format("{}{}=\"{}\"", inside.empty() ? "" : ",", name, label_value(value));
  text_ += family_.name + (counter ? "_total" : "");
  if (!inside.empty()) text_ += "{" + inside + "}";
}

// Bytes that are no UTF-8 would make the whole text unreadable.
std::string label_value(std::string_view text) {
  std::string value;
  while (!text.empty()) {
    const trace::Utf8Char next = trace::first_utf8(text);
    if (next.length == 0) {
      value += "\xef\xbf\xbd";  // U+FFFD
    } else if (text[0] == '\\' || text[0] == '"') {
      value += {'\\', text[0]};
    } else if (text[0] == '\n') {
      value += "\\n";
    } else {
      value += text.substr(0, next.length);
    }
    text.remove_prefix(std::max<std::size_t>(next.length, 1));
  }
  return value;
}

}  // namespace quire::report
