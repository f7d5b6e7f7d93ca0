// trace/reader.h - reads a recording, trusting nothing in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quire/result.h"
#include "quire/types.h"
#include "trace/contents.h"
#include "trace/event.h"
#include "trace/header.h"

namespace quire::trace {

// Gives the events of a recording in order.
//
// A file without its end (the recorder was killed) is read up to its last
// whole chunk and is `truncated()`. A chunk that does not agree with its
// checksum is damage: next() gives all events before it, then a Diagnostic
// that names the offset. Memory is bounded by the largest chunk, never by
// what a file claims.
class Reader {
 public:
  [[nodiscard]] static Result<Reader, Diagnostic> open(const std::string& path);
  // The same on a copy of bytes in memory: tests and fuzzing.
  [[nodiscard]] static Result<Reader, Diagnostic> from_bytes(std::span<const std::byte> bytes);

  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  [[nodiscard]] const Header& header() const;
  // Known right after open when the recording was finished.
  [[nodiscard]] const std::optional<Summary>& summary() const;
  // How well memory compressed, in the order of the file; known right after open.
  [[nodiscard]] const std::vector<ContentsSample>& contents() const;
  // The recording was not finished: it has no summary.
  [[nodiscard]] bool truncated() const;
  // Sentences every verb should pass on, e.g. "no summary: the recording was
  // cut off after 12 chunks".
  [[nodiscard]] std::vector<std::string> notes() const;

  // The next event, every member set; false at the end. After a Diagnostic,
  // further calls repeat it.
  [[nodiscard]] Result<bool, Diagnostic> next(Event& event);
  // Back to the first event.
  [[nodiscard]] Result<void, Diagnostic> rewind();

  [[nodiscard]] ByteCount file_size() const;
  // XXH3 (64 bits) of the whole file as it was opened. Reads it through once.
  [[nodiscard]] std::uint64_t content_hash() const;

 private:
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quire::trace
