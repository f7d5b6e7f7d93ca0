// litmus/cursor.h - one line of a .litmus file, word by word.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "litmus/experiment.h"
#include "quire/result.h"

namespace quire::litmus {

// Cursor stands before a word of a line, and knows where that is when something
// is wrong with it. `=` and `,` are words of their own; `#` at the beginning of
// a word ends the line.
class Cursor {
 public:
  Cursor(std::string file, unsigned line, std::string_view text);

  [[nodiscard]] bool done() const { return at_ == words_.size(); }
  // The word ahead; empty at the end of the line.
  [[nodiscard]] std::string_view peek() const;
  // Where the word ahead begins, or the line ends.
  [[nodiscard]] Where where() const;
  std::string_view next();
  // Goes over the word ahead if it is this one.
  bool take(std::string_view word);
  // Everything from the word ahead to the last, spaces and all.
  [[nodiscard]] std::string rest();

  // `found X, expected ...` at the word ahead.
  [[nodiscard]] Diagnostic expected(const std::string& what) const;
  [[nodiscard]] Diagnostic wrong(Where where, std::string what, std::string hint = {}) const;
  // The same but when nothing is left of the line.
  [[nodiscard]] Result<void, Diagnostic> end() const;

 private:
  struct Word {
    std::string_view text;
    unsigned column;
  };
  std::string file_;
  unsigned line_;
  std::string_view text_;
  std::vector<Word> words_;
  std::size_t at_ = 0;
};

// "file:line:column"
[[nodiscard]] std::string position(const std::string& file, Where where);

}  // namespace quire::litmus
