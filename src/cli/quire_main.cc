// The program. Everything it does is in the verbs.

#include <string>
#include <vector>

#include "cli/verbs.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return quire::cli::run_program(words);
}
