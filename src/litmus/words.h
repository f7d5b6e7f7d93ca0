// litmus/words.h - the fixed words of the language, each list once, for the
// parser, the printer and the messages.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "litmus/experiment.h"

namespace quire::litmus {

struct NumberedWord {
  std::string_view word;
  int number;
};

// madvise(2), without MADV_, in the order of their numbers.
[[nodiscard]] std::span<const NumberedWord> advice_words();
// What Quire has an engine for.
[[nodiscard]] std::span<const std::string_view> arch_words();
// errno names and SIGSEGV, SIGBUS.
[[nodiscard]] std::span<const std::string_view> ending_words();
[[nodiscard]] std::span<const NumberedWord> uffd_words();   // Uffd::Op
[[nodiscard]] std::span<const NumberedWord> prctl_words();  // Prctl::ThpDisable
[[nodiscard]] std::span<const NumberedWord> fill_words();   // Fill::Kind
// Properties of one word.
[[nodiscard]] std::span<const NumberedWord> property_words();
[[nodiscard]] std::span<const NumberedWord> subject_words();  // Property::Kind

[[nodiscard]] std::optional<int> number_of(std::span<const NumberedWord> list, std::string_view word);
[[nodiscard]] std::string_view word_of(std::span<const NumberedWord> list, int number);
// "HUGEPAGE, NOHUGEPAGE, ..."
[[nodiscard]] std::string list_of(std::span<const NumberedWord> list);

// "rw", "r", "rwx", "none".
[[nodiscard]] std::optional<int> prot_of(std::string_view word);
[[nodiscard]] std::string prot_word(int prot);

}  // namespace quire::litmus
