// live/counter_reader.h - numbers that the kernel shows, kept open and read
// again and again: files of one number each, and lines of /proc/vmstat.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "live/unique_fd.h"

namespace quire::live {

class CounterReader {
 public:
  explicit CounterReader(const std::filesystem::path& vmstat = "/proc/vmstat");

  // Both are false, and nothing is added, when this kernel does not have it.
  bool add_file(const std::filesystem::path& file);
  bool add_event(std::string_view name);

  // Every line of vmstat that there is, in its order.
  [[nodiscard]] std::vector<std::string> event_names();
  // The files, then the events, each in the order they were added. What cannot
  // be read any more is 0.
  [[nodiscard]] std::vector<std::int64_t> read();

 private:
  [[nodiscard]] std::string_view vmstat_text();
  void read_events(std::vector<std::int64_t>& values);

  UniqueFd vmstat_;
  std::string text_;
  std::vector<UniqueFd> files_;
  std::vector<std::string> events_;  // "thp_split_pmd "
};

}  // namespace quire::live
