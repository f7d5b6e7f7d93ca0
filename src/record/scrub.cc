#include "record/scrub.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace quire::record {
namespace {

// FNV-1a, 64 bits, begun with the salt.
std::uint64_t hash(std::uint64_t salt, std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325ULL ^ salt;
  for (const char c : text) {
    h ^= static_cast<unsigned char>(c);
    h *= 0x100000001b3ULL;
  }
  return h;
}

void blank_value(std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos) return;
  std::fill(assignment.begin() + static_cast<std::ptrdiff_t>(equals) + 1, assignment.end(), 'x');
}

}  // namespace

Scrubber Scrubber::with_random_salt() {
  std::random_device random;
  return Scrubber((std::uint64_t{random()} << 32) | random());
}

std::string Scrubber::file_name(std::string_view name) const {
  if (!active_ || name.empty()) return std::string(name);
  return fmt::format("{:016x}", hash(salt_, name));
}

void Scrubber::header(trace::Header& header) const {
  if (!active_) return;
  for (std::string& assignment : header.envp) blank_value(assignment);
  std::fill(header.cwd.begin(), header.cwd.end(), 'x');
  header.scrubbed = true;
}

}  // namespace quire::record
