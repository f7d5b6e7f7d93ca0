#include "cli/arguments.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>

#include "cli/help_text.h"
#include "policy/near_miss.h"

namespace quire::cli {
namespace {

Diagnostic misuse(const std::string& verb, std::string what, std::string hint) {
  return {.kind = Diagnostic::Kind::kUsage, .where = verb, .what = std::move(what), .hint = std::move(hint)};
}

// The library's messages may span lines; a diagnostic is one.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

struct Arguments::State {
  explicit State(About given) : about(std::move(given)), app(about.summary, "quire " + about.verb) {
    // Ours, so that help is known to be asked for before other words are judged.
    app.set_help_flag();
    app.allow_windows_style_options(false);
    app.allow_extras();
  }

  [[nodiscard]] std::vector<std::string> option_names() const {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
  }

  // An unknown option, or an operand too many.
  [[nodiscard]] Diagnostic unexpected(const std::string& word) const {
    const std::string help = fmt::format("quire {} --help lists the options", about.verb);
    if (word.starts_with("-")) {
      const std::string near = policy::did_you_mean(word.substr(0, word.find('=')), option_names());
      return misuse(about.verb, fmt::format("unknown option \"{}\"", word), near.empty() ? help : near);
    }
    return misuse(about.verb, fmt::format("unexpected word \"{}\"", word),
                  command != nullptr ? "the command to run stands behind --" : help);
  }

  Result<void, Diagnostic> take_command(std::span<const std::string>& words) {
    const auto dashes = std::ranges::find(words, "--");
    if (dashes == words.end()) return {};
    const auto before = static_cast<std::size_t>(dashes - words.begin());
    if (command == nullptr) return fail(misuse(about.verb, "takes no command behind --", ""));
    command->assign(dashes + 1, words.end());
    words = words.first(before);
    return {};
  }

  // As the library knows it: what it accepts is what is told.
  [[nodiscard]] Taken taken(const CLI::Option& option) const {
    Taken taken{.names = {}, .value = "", .help = option.get_description(), .values = values.at(&option)};
    for (const std::string& name : option.get_snames()) taken.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) taken.names.push_back("--" + name);
    if (option.get_positional()) taken.names.push_back(option.get_name(true));
    if (option.get_type_size() != 0) taken.value = option.get_type_name();
    if (option.get_expected_max() > 1) taken.times = Taken::Times::kMany;
    return taken;
  }

  [[nodiscard]] Definition definition() const {
    Definition all{
        .about = about,
        .operands = {},
        .options = {},
        .command = command == nullptr ? Definition::Command::kNone : Definition::Command::kBehindDashes};
    for (const CLI::Option* option : app.get_options())
      (option->get_positional() ? all.operands : all.options).push_back(taken(*option));
    return all;
  }

  template <typename To>
  CLI::Option* add(const std::string& names, To& to, const std::string& help, const Values& of) {
    CLI::Option* option = app.add_option(names, to, help);
    values.emplace(option, of);
    return option;
  }

  Result<void, Diagnostic> read(std::span<const std::string> words) {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as the library wants them
    try {
      app.parse(std::move(reversed));
      return {};
    } catch (const CLI::Error& error) {
      return fail(misuse(about.verb, first_line(error.what()),
                         fmt::format("quire {} --help lists the options", about.verb)));
    }
  }

  About about;
  CLI::App app;
  std::map<const CLI::Option*, Values> values;
  std::vector<std::string>* command = nullptr;
  std::string color = "auto";
  bool help_wanted = false;
  report::Ink ink;
};

Arguments::Arguments(const About& about) : state_(std::make_unique<State>(about)) {}
Arguments::~Arguments() = default;

void Arguments::option(const std::string& names, std::string& to, const std::string& value,
                       const std::string& help, const Values& values) {
  state_->add(names, to, help, values)->type_name(value);
}

void Arguments::option(const std::string& names, unsigned& to, const std::string& value,
                       const std::string& help, const Values& values) {
  state_->add(names, to, help, values)->type_name(value);
}

void Arguments::option(const std::string& names, std::vector<std::string>& to, const std::string& value,
                       const std::string& help, const Values& values) {
  state_->add(names, to, help, values)->type_name(value)->type_size(1)->allow_extra_args(false);
}

void Arguments::flag(const std::string& names, bool& to, const std::string& help) {
  state_->values.emplace(state_->app.add_flag(names, to, help), Values{});
}

void Arguments::json(bool& to) { flag("--json", to, "For programs; docs/reference/json.md has the fields"); }

void Arguments::operand(const std::string& name, std::string& to, const std::string& help,
                        const Values& values) {
  state_->add(name, to, help, values)->type_name("");
}

void Arguments::operands(const std::string& name, std::vector<std::string>& to, const std::string& help,
                         const Values& values) {
  state_->add(name, to, help, values)->type_name("");
}

void Arguments::command(std::vector<std::string>& to) { state_->command = &to; }

Result<Arguments::Parsed, Diagnostic> Arguments::parse(const Words& words) {
  State& state = *state_;
  option("--color", state.color, "WHEN", "auto (default), always or never",
         Values::of({"auto", "always", "never"}));
  flag("-h,--help", state.help_wanted, "Show this and stop");
  if (words.instead != nullptr) {
    *words.instead = state.definition();
    return Parsed::kHelpShown;
  }
  std::span<const std::string> given = words.given;
  QUIRE_TRY(state.take_command(given));
  const auto read = state.read(given);
  if (!read && !state.help_wanted) return fail(read.error());
  state.ink =
      report::ink_for(QUIRE_TRY(report::colour_wish(state.color)), report::surroundings_of(STDOUT_FILENO));
  if (state.help_wanted) {
    fmt::print("{}", help_text(state.definition(), state.ink));
    return Parsed::kHelpShown;
  }
  const std::vector<std::string> extras = state.app.remaining();
  if (!extras.empty()) return fail(state.unexpected(extras.front()));
  return Parsed::kRun;
}

report::Ink Arguments::ink() const { return state_->ink; }

}  // namespace quire::cli
