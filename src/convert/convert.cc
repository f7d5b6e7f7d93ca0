#include "convert/convert.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "live/unique_fd.h"
#include "trace/reader.h"
#include "trace/writer.h"

namespace quire::convert {
namespace {

constexpr std::size_t kPeekLines = 400;

Diagnostic bad_line(const LineSource& source, std::string what) {
  return {.kind = Diagnostic::Kind::kDamagedInput,
          .where = fmt::format("{}:{}", source.name(), source.number()),
          .what = std::move(what),
          .hint = "--lenient leaves out what does not fit"};
}

Result<Format, Diagnostic> format_of(LineSource& source, std::optional<Format> asked) {
  if (asked) return *asked;
  if (const auto found = detect(source.peek(kPeekLines))) return *found;
  return fail(Diagnostic{.kind = Diagnostic::Kind::kDamagedInput,
                         .where = source.name(),
                         .what = "is in no format that is known: expected the text of perf script, strace or "
                                 "valgrind's lackey",
                         .hint = "--from says which, --lenient leaves out what does not fit"});
}

// Keeps the events until all is known that stands before them in a recording:
// a recording itself, without a name that anybody would look for.
class Spool final : public record::EventSink {
 public:
  static Result<Spool, Diagnostic> create(const std::string& beside) {
    std::string path = beside + ".part-XXXXXX";
    const live::UniqueFd fd(::mkstemp(path.data()));
    if (!fd.valid())
      return fail(Diagnostic{
          .where = path, .what = fmt::format("cannot be made: {}", std::strerror(errno)), .hint = ""});
    auto writer = trace::Writer::create(path, {});
    if (!writer) {
      ::unlink(path.c_str());
      return fail(writer.error());
    }
    return Spool(std::move(path), std::move(*writer));
  }
  Spool(Spool&& other) noexcept
      : path_(std::exchange(other.path_, {})),
        writer_(std::move(other.writer_)),
        error_(std::move(other.error_)) {}
  ~Spool() override {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void take(const trace::Event& event) override {
    if (error_) return;
    if (auto done = writer_.append(event); !done) error_ = std::move(done.error());
  }
  [[nodiscard]] Result<trace::Reader, Diagnostic> finish() {
    if (error_) return fail(*error_);
    QUIRE_TRY(writer_.finish({}));
    return trace::Reader::open(path_);
  }

 private:
  Spool(std::string path, trace::Writer writer) : path_(std::move(path)), writer_(std::move(writer)) {}
  std::string path_;
  trace::Writer writer_;
  std::optional<Diagnostic> error_;
};

Result<void, Diagnostic> write_out(trace::Reader& from, const std::string& path, const Findings& findings) {
  trace::Writer writer = QUIRE_TRY(trace::Writer::create(path, findings.header));
  trace::Event event;
  std::uint64_t execs = 0;
  while (QUIRE_TRY(from.next(event))) {
    if (event.kind == trace::Kind::kExec) {
      const auto brk = findings.brk_of_exec.find(execs++);
      if (brk != findings.brk_of_exec.end()) event.args[1] = event.args[2] = brk->second;
    }
    QUIRE_TRY(writer.append(event));
  }
  return writer.finish(findings.summary);
}

const char* name_of(Format format) {
  return format == Format::kPerfScript ? "perf script" : format == Format::kStrace ? "strace" : "lackey";
}

}  // namespace

Result<Tally, Diagnostic> read_lines(LineSource& source, Importer& importer, Lines lines) {
  Tally tally;
  while (const auto text = source.next()) {
    ++tally.lines;
    const auto done = importer.line(*text);
    if (done) continue;
    Diagnostic bad = bad_line(source, done.error());
    if (lines == Lines::kAllMustFit) return fail(std::move(bad));
    if (tally.skipped++ == 0) tally.first_skipped = fmt::format("{}: {}", bad.where, bad.what);
  }
  if (source.error()) return fail(*source.error());
  return tally;
}

Result<Converted, Diagnostic> convert(const ConvertOptions& options) {
  LineSource source = QUIRE_TRY(LineSource::open(options.input));
  Converted done;
  done.format = QUIRE_TRY(format_of(source, options.format));
  Spool spool = QUIRE_TRY(Spool::create(options.output));
  const auto importer = make_importer(done.format, spool, options.scrubber);
  done.tally = QUIRE_TRY(read_lines(source, *importer, options.lines));
  auto found = importer->finish();
  if (!found) {
    found.error().where = source.name();
    return fail(found.error());
  }
  found->header.tier = trace::Tier::kImported;
  found->header.imported_from = name_of(done.format);
  found->header.tool_version = options.tool_version;
  found->summary.lost_events += done.tally.skipped;
  if (done.tally.skipped != 0)
    found->header.lacks.push_back(
        fmt::format("{} lines of {} that could not be read", done.tally.skipped, done.tally.lines));
  options.scrubber.header(found->header);
  trace::Reader events = QUIRE_TRY(spool.finish());
  QUIRE_TRY(write_out(events, options.output, *found));
  done.header = std::move(found->header);
  done.summary = found->summary;
  return done;
}

}  // namespace quire::convert
