// lab/mapping_names.h - what the mappings of a recording are called.
#pragma once

#include <string>
#include <vector>

#include "trace/event.h"
#include "vm/address_space.h"

namespace quire::lab {

// Follows the events of a recording and knows the command of each address space
// and the names of files. All of it is text of whoever was recorded.
class MappingNames {
 public:
  void apply(const trace::Event& e);

  // "python3"; "?" before any exec.
  [[nodiscard]] std::string process(trace::MmId mm) const;
  // "[heap]", "[stack]", the last part of a file's path, "[shared]", "[anon]".
  [[nodiscard]] std::string mapping(const vm::AddressSpace& mm, const vm::Vma& vma) const;

 private:
  std::vector<std::string> commands_;  // by mm id
  std::vector<std::string> files_;     // by file id
};

}  // namespace quire::lab
