#include "lab/as_recorded.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace quire::lab {
namespace {

// The limits that shape an address space.
constexpr std::array<std::pair<const char*, __rlimit_resource>, 4> kLimits{{
    {"as", RLIMIT_AS},
    {"data", RLIMIT_DATA},
    {"memlock", RLIMIT_MEMLOCK},
    {"stack", RLIMIT_STACK},
}};

Diagnostic cannot(const std::string& file, std::string what) {
  return {.where = file, .what = std::move(what), .hint = "verify the command itself: quire verify -- CMD"};
}

}  // namespace

Result<AsRecorded, Diagnostic> AsRecorded::enter(const std::string& file, const trace::Header& header) {
  if (header.tier == trace::Tier::kImported) {
    return fail(Diagnostic{.kind = Diagnostic::Kind::kUsage,
                           .where = file,
                           .what = fmt::format("cannot be run again: it was imported from {}, which does not "
                                               "tell the environment",
                                               header.imported_from),
                           .hint = "verify the command itself: quire verify -- CMD"});
  }
  if (header.scrubbed) {
    return fail(Diagnostic{.kind = Diagnostic::Kind::kUsage,
                           .where = file,
                           .what = "cannot be run again: its environment was scrubbed",
                           .hint = "verify the command itself: quire verify -- CMD"});
  }
  AsRecorded self;
  self.strings_ = header.envp;
  for (std::string& entry : self.strings_) self.entries_.push_back(entry.data());
  self.entries_.push_back(nullptr);
  self.folder_ = live::UniqueFd(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  self.environment_ = environ;
  if (!header.cwd.empty() && ::chdir(header.cwd.c_str()) != 0) {
    return fail(
        cannot(file, fmt::format("its folder {} cannot be entered: {}", header.cwd, std::strerror(errno))));
  }
  QUIRE_TRY(self.set_limits(file, header));
  environ = self.entries_.data();
  return self;
}

Result<void, Diagnostic> AsRecorded::set_limits(const std::string& file, const trace::Header& header) {
  for (const auto& [name, which] : kLimits) {
    const auto recorded = header.rlimits.find(name);
    rlimit now{};
    if (recorded == header.rlimits.end() || ::getrlimit(which, &now) != 0) continue;
    rlimit wanted = now;
    wanted.rlim_cur = recorded->second.first;
    if (wanted.rlim_cur == now.rlim_cur) continue;
    if (::setrlimit(which, &wanted) != 0) {
      return fail(cannot(file, fmt::format("its limit {} of {} cannot be set: {}", name, wanted.rlim_cur,
                                           std::strerror(errno))));
    }
    limits_.emplace_back(which, now);
  }
  return {};
}

AsRecorded::AsRecorded(AsRecorded&& other) noexcept
    : strings_(std::move(other.strings_)),
      entries_(std::move(other.entries_)),
      environment_(std::exchange(other.environment_, nullptr)),
      folder_(std::move(other.folder_)),
      limits_(std::move(other.limits_)) {}

AsRecorded::~AsRecorded() {
  if (environment_ == nullptr) return;
  environ = environment_;
  // Nothing is left to be done about a failure here: it is our own process,
  // at its end.
  if (::fchdir(folder_.get()) != 0) return;
  for (const auto& [which, limit] : limits_) ::setrlimit(which, &limit);
}

}  // namespace quire::lab
