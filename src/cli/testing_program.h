// cli/testing_program.h - for tests only: the built program in a process of its own.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace quire::cli::testing {

struct Finished {
  int status = -1;  // as a shell would say: 128 + N for a signal
  std::string out;
  std::string err;
};

// Who runs it: as we are, or somebody without any right.
enum class User { kSame, kNobody };

inline std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// In the child: nothing that can fail is left unanswered.
[[noreturn]] inline void become(const std::string& program, const std::vector<std::string>& words, User user,
                                const std::string& out, const std::string& err) {
  constexpr unsigned kNobody = 65534;
  constexpr unsigned kPatienceSeconds = 120;
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int streams[] = {::open("/dev/null", O_RDONLY),
                         ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600),
                         ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600)};
  for (int i = 0; i < 3; ++i) {
    if (::dup2(streams[i], i) < 0) ::_exit(99);
    ::close(streams[i]);
  }
  if (user == User::kNobody && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) ::_exit(98);
  ::alarm(kPatienceSeconds);
  ::execv(program.c_str(), argv.data());
  ::_exit(97);
}

// Runs `program` with these words, both outputs caught, input empty. `folder`
// keeps the outputs.
inline Finished run_program(const std::string& program, const std::vector<std::string>& words, User user,
                            const std::string& folder) {
  const std::string out = folder + "/stdout";
  const std::string err = folder + "/stderr";
  const pid_t pid = ::fork();
  if (pid == 0) become(program, words, user, out, err);
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid) return {};
  return {.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
          .out = text_of(out),
          .err = text_of(err)};
}

inline std::ptrdiff_t lines(const std::string& text) { return std::ranges::count(text, '\n'); }

}  // namespace quire::cli::testing
