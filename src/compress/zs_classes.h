// compress/zs_classes.h - the size classes of a pool: which there are, and
// which one an object belongs to.
//
// Mirrors: zs_create_pool, get_size_class_index, calculate_zspage_chain_size,
// can_merge of mm/zsmalloc.c, Linux 6.18, and the second range of classes that
// the multi-page patches of 2024 add.
#pragma once

#include <cstdint>
#include <vector>

#include "compress/zsmalloc.h"
#include "quire/types.h"

namespace quire::compress {

// The word before each object in which the kernel keeps its handle.
inline constexpr ByteCount kZsHandleRoom{8};

struct ZsClass {
  unsigned index = 0;    // the largest of those merged into this one
  ByteCount size;        // of an object, with its handle
  PageCount pages;       // of a zspage
  unsigned objects = 0;  // of a zspage

  // A zspage of one object has the handle elsewhere: nothing is in front of it.
  [[nodiscard]] ByteCount handle_room() const { return objects == 1 ? ByteCount(0) : kZsHandleRoom; }
};

// ZsClasses is the table of a pool's classes; it never changes.
//
// Invariants  : I-ZSCLASS-1 an object fits the class it belongs to, with its handle
//               I-ZSCLASS-2 no two classes have zspages of as many pages and as many objects
class ZsClasses {
 public:
  explicit ZsClasses(const ZsOptions& options);

  // The classes, smallest first.
  [[nodiscard]] const std::vector<ZsClass>& all() const { return classes_; }
  // The number in all() of the class for objects of `size` bytes, the handle
  // not counted; `size` must be 1 to the largest object.
  [[nodiscard]] unsigned number_for(ByteCount size) const;
  [[nodiscard]] const ZsClass& of(ByteCount size) const { return classes_[number_for(size)]; }
  [[nodiscard]] ByteCount largest_object() const { return options_.largest_object; }
  // See ZsPool::huge_class_size.
  [[nodiscard]] ByteCount huge_class_size(ByteCount unit) const;

 private:
  [[nodiscard]] unsigned index_for(ByteCount with_handle) const;
  [[nodiscard]] ByteCount size_at(unsigned index) const;
  [[nodiscard]] ZsClass make(unsigned index) const;
  [[nodiscard]] PageCount chain(ByteCount size) const;

  ZsOptions options_;
  unsigned page_classes_;   // for objects of up to a page
  unsigned multi_classes_;  // for larger ones
  std::vector<ZsClass> classes_;
  std::vector<unsigned> number_;  // by index, before merging
};

}  // namespace quire::compress
