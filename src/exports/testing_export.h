// exports/testing_export.h - for tests only: what an export writes, as text.
#pragma once

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "exports/formats.h"
#include "trace/test_recording.h"

namespace quire::exports::testing {

inline std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What `write` gives to an output.
template <typename Write>
std::string exported(Write write) {
  const trace::testing::TempDir folder;
  auto out = Output::open(folder.file("out"));
  QUIRE_CHECK(out.has_value());
  write(*out);
  QUIRE_CHECK(out->finish().has_value());
  return text_of(folder.file("out"));
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

inline trace::Reader reader_of(const std::vector<trace::Event>& events) {
  auto reader =
      trace::Reader::from_bytes(trace::testing::recording_bytes(events, trace::testing::full_summary()));
  QUIRE_CHECK(reader.has_value());
  return std::move(*reader);
}

// A shipped recording: traces/NAME.quire.
inline trace::Reader shipped(const std::string& name) {
  auto reader = trace::Reader::open(QUIRE_SOURCE_DIR "/traces/" + name + ".quire");
  QUIRE_CHECK(reader.has_value());
  return std::move(*reader);
}

}  // namespace quire::exports::testing
