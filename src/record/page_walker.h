// record/page_walker.h - loads walker.bpf.c and lets it go through the page
// tables of the recorded address spaces.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "quire/result.h"

namespace quire::record {

// Walks on demand; what it finds comes out of the ring it shares with the
// recorder's own program, in its place among all other records.
class PageWalker {
 public:
  // `ring` and `tasks` are maps of recorder.bpf.c. kPrivilege when this kernel
  // refuses, or when its page tables are not where they can be read.
  [[nodiscard]] static Result<PageWalker, Diagnostic> create(int ring, int tasks);
  PageWalker(PageWalker&&) noexcept;
  PageWalker& operator=(PageWalker&&) noexcept;
  ~PageWalker();

  // One look at everything, the `number`th.
  void look(std::uint64_t number);
  // What went wrong in all looks, one sentence each.
  [[nodiscard]] std::vector<std::string> notes() const;

 private:
  struct Impl;
  explicit PageWalker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quire::record
