// split/split_words.h - the debugfs file that splits folios on request.
//
// Mirrors: split_huge_pages_write and split_huge_pages_pid, Linux 6.18.
// Differs: files are not named by paths here, so that the form
// "path,0x..,0x.." is kInval.
#pragma once

#include <cstdint>
#include <string_view>

#include "quire/result.h"
#include "vm/address_space.h"

namespace quire::split {

// "pid,0xstart,0xend[,order[,page]]", or "1": every large folio there is.
struct SplitWords {
  enum class Form : std::uint8_t { kAll, kProcess };
  Form form = Form::kProcess;
  int pid = 0;
  VirtAddr start, end;     // of pages
  unsigned order = 0;      // as written: larger than a folio's means leave it
  std::int64_t page = -1;  // of each folio: split round it; outside: all pieces alike
};

// Read as the kernel's sscanf reads: white space before numbers is skipped,
// what follows the last one is not looked at. kInval otherwise.
[[nodiscard]] Result<SplitWords, Errno> parse_split_words(std::string_view text);

// Splits what is mapped in the range, page by page, so that pieces that are
// still too large are met again. Small folios, the zero pages, and folios
// that someone else holds are passed over; a hole ends the walk.
void split_mapped(vm::AddressSpace& mm, const SplitWords& words);

// Splits every large anonymous folio to order 0.
void split_all(vm::System& system);

}  // namespace quire::split
