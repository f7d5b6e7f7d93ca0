#include "lab/run_streams.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace quire::lab {
namespace {

// Where standard input stood when this process first asked.
off_t input_start() {
  static const off_t start = ::lseek(STDIN_FILENO, 0, SEEK_CUR);
  return start;
}

// Puts /dev/null in the place of `stream`; what was there before.
Result<live::UniqueFd, Diagnostic> silence(int stream, int flags) {
  live::UniqueFd before(::fcntl(stream, F_DUPFD_CLOEXEC, 3));
  const live::UniqueFd null(::open("/dev/null", flags | O_CLOEXEC));
  if (null.valid() && ::dup2(null.get(), stream) >= 0) return before;
  return fail(Diagnostic{
      .where = "/dev/null", .what = fmt::format("cannot be opened: {}", std::strerror(errno)), .hint = ""});
}

void put_back(int stream, const live::UniqueFd& before) {
  if (before.valid()) ::dup2(before.get(), stream);
}

}  // namespace

Result<RunStreams, Diagnostic> RunStreams::enter() {
  RunStreams streams;
  if (input_start() < 0) streams.input_ = QUIRE_TRY(silence(STDIN_FILENO, O_RDONLY));
  std::fflush(stdout);
  streams.output_ = QUIRE_TRY(silence(STDOUT_FILENO, O_WRONLY));
  return streams;
}

RunStreams::~RunStreams() {
  put_back(STDIN_FILENO, input_);
  put_back(STDOUT_FILENO, output_);
}

void rewind_input() {
  if (input_start() >= 0) ::lseek(STDIN_FILENO, input_start(), SEEK_SET);
}

}  // namespace quire::lab
