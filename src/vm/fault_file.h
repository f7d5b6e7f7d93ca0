// vm/fault_file.h - faults in file and shared mappings.
//
// A stand-in for do_read_fault, do_cow_fault, do_shared_fault and
// filemap_map_pages: every page is resident and of order 0 (see page_cache.h);
// which pages a read fault maps round it comes from the recording.
#pragma once

#include "vm/address_space.h"
#include "vm/fault_result.h"

namespace quire::vm {

// A fault on an empty PTE of a mapping that is not anonymous.
[[nodiscard]] FaultResult do_file_fault(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd,
                                        AccessKind kind);

// Maps, without a fault, the file pages [first, last] round a read fault at
// `near` where nothing is mapped yet (the kernel's fault-around). Pages
// outside the mapping of `near` are left alone.
void map_file_pages(AddressSpace& mm, VirtAddr near, std::uint64_t first, std::uint64_t last);

}  // namespace quire::vm
