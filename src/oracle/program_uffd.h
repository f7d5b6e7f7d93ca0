// oracle/program_uffd.h - userfaultfd as a program of an experiment uses it on
// itself. For the program itself: no heap.
#pragma once

#include "oracle/live_programs.h"

namespace quire::litmus {

// ProgramUffd opens a userfaultfd at its first use, with UFFD_FEATURE_SIGBUS: a
// touch of a missing page ends in SIGBUS instead of waiting for somebody.
class ProgramUffd {
 public:
  // `c.number` is a Uffd::Op, `c.value` the byte that a copied page is full of.
  // Page by page, up to the first that fails. `scratch` is a page of the program.
  Answer perform(const Command& c, void* scratch);
  // In a fresh child: it is its parent's.
  void forget();

 private:
  [[nodiscard]] bool open();
  int fd_ = -1;
};

}  // namespace quire::litmus
