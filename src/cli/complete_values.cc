#include "cli/complete_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "live/process_list.h"
#include "policy/attributes.h"
#include "policy/parse.h"
#include "policy/policy.h"

namespace quire::cli {
namespace {

using Kind = Values::Kind;

Kind kind_of(const Taken& taken) {
  struct Row {
    std::string_view name;
    Kind kind;
  };
  static constexpr Row kKinds[] = {{"POLICY", Kind::kPolicy}, {"SIZE", Kind::kSize},  {"PID", Kind::kPid},
                                   {"FILE", Kind::kFile},     {"RUN", Kind::kFile},   {"SPACE", Kind::kFile},
                                   {"RESULTS", Kind::kFile},  {"DIR", Kind::kFolder}, {"PATH", Kind::kFolder},
                                   {"VERB", Kind::kVerb}};
  if (taken.values.kind != Kind::kByName) return taken.values.kind;
  const std::string& name = taken.value.empty() ? taken.names.front() : taken.value;
  const auto* const row = std::ranges::find(kKinds, name, &Row::name);
  return row == std::end(kKinds) ? Kind::kAny : row->kind;
}

std::vector<std::string> sizes() {
  std::vector<std::string> list;
  const std::string all = policy::accepted_sizes();
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find(' ', at), all.size());
    list.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

void add(Completion& to, const std::vector<std::string>& words, const std::string& before = "",
         const std::string& about = "") {
  for (const std::string& word : words) to.candidates.push_back({before + word, about});
}

template <typename Enum>
void add_words(Completion& to, const std::string& before) {
  for (const std::string_view word : policy::words(Enum{}))
    to.candidates.push_back({before + std::string(word), ""});
}

// The boot words, which stand behind a sign each: thp_anon=64K:always.
void add_boot_words(Completion& to, const std::string& typed) {
  constexpr std::string_view kGlobal = "transparent_hugepage=";
  constexpr std::string_view kSizes = "thp_anon=";
  to.candidates.push_back({std::string(kGlobal), "boot word: every size"});
  to.candidates.push_back({std::string(kSizes), "boot word: sizes, thp_anon=16K-64K:always;2M:madvise"});
  if (typed.starts_with(kGlobal)) add_words<policy::GlobalEnabled>(to, std::string(kGlobal));
  if (!typed.starts_with(kSizes)) return;
  const std::string before = typed.substr(0, typed.find_last_of("=:;,-") + 1);
  if (before.back() == ':') {
    add_words<policy::SizeEnabled>(to, before);
  } else {
    add(to, sizes(), before);
  }
}

void add_policies(Completion& to, const std::string& typed) {
  to.candidates.push_back({"4K", "no large folios"});
  to.candidates.push_back({"all", "every size for everybody"});
  add(to, sizes(), "", "this size for everybody");
  // Sizes that stand together: 16K+64K.
  if (const auto plus = typed.rfind('+'); plus != std::string::npos)
    add(to, sizes(), typed.substr(0, plus + 1));
  for (const policy::Policy* named : policy::named_policies())
    to.candidates.push_back({std::string(named->name), std::string(named->about)});
  add_boot_words(to, typed);
  for (const policy::Attribute& file : policy::attributes())
    to.candidates.push_back({file.path + "=", fmt::format("{}: {}", file.accepts, file.meaning)});
}

std::string first_line_of(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

void add_processes(Completion& to) {
  for (const pid_t pid : live::all_processes()) {
    // Threads of the kernel have no words, and no memory of their own; nor has what is gone by now.
    if (first_line_of(fmt::format("/proc/{}/cmdline", pid)).empty()) continue;
    to.candidates.push_back({fmt::format("{}", pid), first_line_of(fmt::format("/proc/{}/comm", pid))});
  }
}

}  // namespace

Completion complete_value(const Taken& taken, const std::string& typed) {
  Completion completion;
  switch (kind_of(taken)) {
    case Kind::kWords:
      add(completion, taken.values.words);
      break;
    case Kind::kPolicy:
      add_policies(completion, typed);
      break;
    case Kind::kSize:
      add(completion, sizes());
      break;
    case Kind::kPid:
      add_processes(completion);
      break;
    case Kind::kVerb:
      for (const Verb& verb : verbs())
        add(completion, {std::string(verb.name)}, "", std::string(verb.summary));
      break;
    case Kind::kFile:
      completion.besides = taken.values.suffix.empty() ? "files" : "files " + taken.values.suffix;
      break;
    case Kind::kFolder:
      completion.besides = "folders";
      break;
    case Kind::kAny:
    case Kind::kByName:
      break;
  }
  return completion;
}

}  // namespace quire::cli
