// trace/writer.h - writes a recording, chunk by chunk.
#pragma once

#include <memory>
#include <string>

#include "quire/result.h"
#include "trace/contents.h"
#include "trace/event.h"
#include "trace/header.h"

namespace quire::trace {

// Appends events to a new recording.
//
// States      : Open -> Finished, or Open -> Failed (a write went wrong; every later call repeats the error)
// Owns        : the file. Dropped without finish() it leaves a file that is
//               readable up to its last whole chunk and has no summary.
// Invariants  : I-WRITER-1 the file ends with a whole chunk after every call
//               (unless the process dies inside a write)
//               I-WRITER-2 each chunk decodes without any other event chunk
// Complexity  : append O(1); one compression and one write for about 256 KiB of encoded events
class Writer {
 public:
  // Makes the file, mode 0600, with its header; `header.format_version` is that
  // of the file, and only version 2 takes kAccessed events. An existing recording moves to
  // NAME.old; any other existing file, unless empty, is refused and untouched.
  [[nodiscard]] static Result<Writer, Diagnostic> create(const std::string& path, const Header& header);

  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;
  ~Writer();

  [[nodiscard]] Result<void, Diagnostic> append(const Event& event);

  // Puts down how well memory compressed, behind the events appended so far.
  [[nodiscard]] Result<void, Diagnostic> append_contents(const ContentsSample& sample);

  // Puts the events appended so far on disk as one chunk.
  [[nodiscard]] Result<void, Diagnostic> flush_chunk();

  // Flushes, writes the summary and closes the file. `summary.events` is
  // replaced by the number of events appended.
  [[nodiscard]] Result<void, Diagnostic> finish(const Summary& summary);

 private:
  struct Impl;
  explicit Writer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Marks a finished recording with the gate's verdict. May be called again: the
// last verdict wins.
[[nodiscard]] Result<void, Diagnostic> write_gate(const std::string& path, const Gate& gate);

}  // namespace quire::trace
