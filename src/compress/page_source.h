// compress/page_source.h - where a pool of compressed objects gets its frames.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "phys/memory.h"
#include "quire/types.h"

namespace quire::compress {

// PageSource hands out single frames.
class PageSource {
 public:
  virtual ~PageSource() = default;
  PageSource() = default;
  PageSource(const PageSource&) = delete;
  PageSource& operator=(const PageSource&) = delete;

  // A frame, or nothing when none is left.
  [[nodiscard]] virtual std::optional<Pfn> allocate() = 0;
  virtual void free(Pfn pfn) = 0;
  // The bytes of a frame it handed out; null when it keeps no contents. Always
  // the same answer for one frame.
  [[nodiscard]] virtual std::byte* bytes(Pfn pfn) = 0;
};

// Frames of a simulated machine: its RAM pays for what is compressed.
class MachinePages final : public PageSource {
 public:
  // `memory` must outlive this.
  explicit MachinePages(phys::PhysMemory& memory) : memory_(memory) {}
  [[nodiscard]] std::optional<Pfn> allocate() override;
  void free(Pfn pfn) override;
  [[nodiscard]] std::byte* bytes(Pfn pfn) override;

 private:
  phys::PhysMemory& memory_;
};

// Frames of nobody's machine, from the heap of this program: for tests and
// for measuring a pool alone.
class HeapPages final : public PageSource {
 public:
  // Gives no more than `limit` frames at a time.
  explicit HeapPages(PageCount limit = PageCount(1ULL << 24));
  ~HeapPages() override;
  [[nodiscard]] std::optional<Pfn> allocate() override;
  void free(Pfn pfn) override;
  [[nodiscard]] std::byte* bytes(Pfn pfn) override;
  // Frames that are handed out now.
  [[nodiscard]] PageCount used() const;

 private:
  std::vector<std::unique_ptr<std::byte[]>> frames_;  // by Pfn; null: handed back
  std::vector<Pfn> free_;
  PageCount limit_;
};

}  // namespace quire::compress
