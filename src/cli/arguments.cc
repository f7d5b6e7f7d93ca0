#include "cli/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "policy/near_miss.h"

namespace quire::cli {
namespace {

// Help as one screen: usage with the words of ours, then what the library lists.
class OneScreen : public CLI::Formatter {
 public:
  explicit OneScreen(std::string usage) : usage_(std::move(usage)) { column_width(28); }
  std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override { return usage_; }

 private:
  std::string usage_;
};

Diagnostic misuse(const std::string& verb, std::string what, std::string hint) {
  return {.kind = Diagnostic::Kind::kUsage, .where = verb, .what = std::move(what), .hint = std::move(hint)};
}

std::string footer_of(const About& about) {
  std::string text = "Examples:";
  for (const std::string& example : about.examples) text += "\n  " + example;
  return text;
}

// The library's messages may span lines; a diagnostic is one.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

struct Arguments::State {
  explicit State(About given) : about(std::move(given)), app(about.summary, "quire " + about.verb) {
    app.formatter(
        std::make_shared<OneScreen>(fmt::format("Usage: quire {} {}\n", about.verb, about.synopsis)));
    app.footer(footer_of(about));
    app.set_help_flag("-h,--help", "Show this and stop");
    app.allow_windows_style_options(false);
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

  About about;
  CLI::App app;
  std::vector<std::string>* command = nullptr;
};

Arguments::Arguments(const About& about) : state_(std::make_unique<State>(about)) {}
Arguments::~Arguments() = default;

void Arguments::option(const std::string& names, std::string& to, const std::string& value,
                       const std::string& help) {
  state_->app.add_option(names, to, help)->type_name(value);
}

void Arguments::option(const std::string& names, unsigned& to, const std::string& value,
                       const std::string& help) {
  state_->app.add_option(names, to, help)->type_name(value);
}

void Arguments::option(const std::string& names, std::vector<std::string>& to, const std::string& value,
                       const std::string& help) {
  state_->app.add_option(names, to, help)->type_name(value)->type_size(1)->allow_extra_args(false);
}

void Arguments::flag(const std::string& names, bool& to, const std::string& help) {
  state_->app.add_flag(names, to, help);
}

void Arguments::operand(const std::string& name, std::string& to, const std::string& help) {
  state_->app.add_option(name, to, help)->type_name("");
}

void Arguments::operands(const std::string& name, std::vector<std::string>& to, const std::string& help) {
  state_->app.add_option(name, to, help)->type_name("");
}

void Arguments::command(std::vector<std::string>& to) { state_->command = &to; }

Result<Arguments::Parsed, Diagnostic> Arguments::parse(std::span<const std::string> words) {
  State& state = *state_;
  QUIRE_TRY(state.take_command(words));
  std::vector<std::string> reversed(words.rbegin(), words.rend());  // as the library wants them
  state.app.allow_extras();
  try {
    state.app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", state.app.help());
    return Parsed::kHelpShown;
  } catch (const CLI::Error& error) {
    return fail(misuse(state.about.verb, first_line(error.what()),
                       fmt::format("quire {} --help lists the options", state.about.verb)));
  }
  const std::vector<std::string> extras = state.app.remaining();
  if (!extras.empty()) return fail(state.unexpected(extras.front()));
  return Parsed::kRun;
}

}  // namespace quire::cli
