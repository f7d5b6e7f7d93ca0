#include "oracle/elsewhere.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "litmus/parse.h"
#include "live/launch.h"
#include "policy/near_miss.h"

namespace quire::litmus {
namespace {

namespace fs = std::filesystem;

struct Output {
  std::string text, errors;
  int status = 0;
};

std::string read_all(int fd) {
  std::string text;
  std::array<char, 65536> part{};
  for (;;) {
    const ssize_t n = ::read(fd, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(part.data(), static_cast<std::size_t>(n));
  }
}

// Its errors go to a file without a name: they are short, and nobody reads
// them while it runs.
Result<Output, Diagnostic> run(const std::string& program, const std::string& file) {
  std::array<int, 2> ends{};
  const live::UniqueFd errors(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (::pipe2(ends.data(), O_CLOEXEC) != 0 || !errors.valid())
    return fail(Diagnostic{Diagnostic::Kind::kFailure, program, "no pipe to it can be made", ""});
  const live::UniqueFd from(ends[0]);
  live::UniqueFd to(ends[1]);
  Output output;
  {
    live::LaunchSpec spec;
    spec.command = {program, file};
    spec.aslr = live::Aslr::kHost;
    spec.prepare_child = [&] {
      return ::dup2(to.get(), STDOUT_FILENO) < 0 || ::dup2(errors.get(), STDERR_FILENO) < 0 ? errno : 0;
    };
    live::Launch launch = QUIRE_TRY(live::Launch::start(spec));
    const pid_t pid = launch.pid();
    (void)launch.go();
    to.reset();
    output.text = read_all(from.get());
    while (::waitpid(pid, &output.status, 0) < 0 && errno == EINTR) {
    }
  }
  ::lseek(errors.get(), 0, SEEK_SET);
  output.errors = read_all(errors.get());
  return output;
}

// "quire: mine.litmus:3:5: no size ...", as it came from there.
Diagnostic refusal(const std::string& program, const Output& output) {
  std::string_view line = output.errors;
  line = line.substr(0, line.find('\n'));
  if (line.starts_with("quire: ")) line.remove_prefix(7);
  const bool orderly = WIFEXITED(output.status) && !line.empty();
  if (!orderly) return {Diagnostic::Kind::kFailure, program, "ended without a verdict", ""};
  return {static_cast<Diagnostic::Kind>(WEXITSTATUS(output.status)), "", std::string(line), ""};
}

Verdict verdict_of(const nlohmann::ordered_json& json, const std::string& file) {
  Verdict verdict;
  verdict.file = file;
  for (const auto& finding : json.at("findings"))
    verdict.findings.push_back(
        {{finding.at("line").get<unsigned>(), 1}, finding.at("what").get<std::string>(), Evidence::kCertain});
  for (const auto& reason : json.at("unable")) verdict.unable.push_back(reason.get<std::string>());
  verdict.kernel_is_stored = json.at("kernel_is_stored").get<bool>();
  verdict.conclude();
  return verdict;
}

}  // namespace

Result<std::string, Diagnostic> engine_program(const std::string& arch) {
  std::error_code none;
  const fs::path folder = fs::read_symlink("/proc/self/exe", none).parent_path();
  const std::string name = "quire-" + arch;
  for (const fs::path& program : {folder / name, folder / kEnginesFromPrograms / name}) {
    if (::access(program.c_str(), X_OK) == 0) return program.lexically_normal().string();
  }
  return fail(Diagnostic{Diagnostic::Kind::kFailure, (folder / name).string(),
                         fmt::format("the engine of {} is not there", arch), "it is built beside quire"});
}

Result<Verdict, Diagnostic> ask_elsewhere(const std::string& arch, const std::string& file) {
  const std::string program = QUIRE_TRY(engine_program(arch));
  Output output = QUIRE_TRY(run(program, file));
  const auto json = nlohmann::ordered_json::parse(output.text, nullptr, false);
  if (output.status != 0 || !json.is_object()) return fail(refusal(program, output));
  Verdict verdict = verdict_of(json, file);
  verdict.told = std::move(output.text);
  return verdict;
}

}  // namespace quire::litmus
