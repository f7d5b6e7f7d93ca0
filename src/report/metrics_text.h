// report/metrics_text.h - OpenMetrics text, version 1.0.0, put together.
//
// Types are counter and gauge only: the textfile collector of node_exporter
// knows no others.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quire::report {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

struct MetricFamily {
  enum class Type : std::uint8_t { kCounter, kGauge } type;
  std::string name;  // without _total
  std::string_view unit;
  std::string help;
};

// Families one after the other: all samples of one stand together.
class MetricsText {
 public:
  void begin(MetricFamily family) {
    family_ = std::move(family);
    head_is_due_ = true;
  }
  // A family without samples is left out.
  template <typename Number>
  void add(const Labels& labels, Number value) {
    begin_sample(labels);
    text_ += fmt::format(" {}\n", value);
  }
  [[nodiscard]] std::string finish() && { return std::move(text_) + "# EOF\n"; }

 private:
  void begin_sample(const Labels& labels);

  MetricFamily family_{};
  bool head_is_due_ = false;
  std::string text_;
};

// A label's value, as it stands between quotes.
[[nodiscard]] std::string label_value(std::string_view text);

}  // namespace quire::report
