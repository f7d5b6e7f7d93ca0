// vm/scan_result.h - what came of looking at 2 MiB that might be collapsed.
//
// Mirrors: enum scan_result of mm/khugepaged.c and the words its trace events
// print, Linux 6.18: same order, so that the numbers are the kernel's too.
#pragma once

#include <cstdint>
#include <string_view>

namespace quire::vm {

enum class ScanResult : std::uint8_t {
  kFail,
  kSucceed,
  kPmdNull,  // no table that could hold a PMD
  kPmdNone,  // an empty PMD
  kPmdMapped,
  kExceedNonePte,
  kExceedSwapPte,
  kExceedSharedPte,
  kPteNonPresent,
  kPteUffdWp,
  kPteMappedHugepage,
  kLackReferencedPage,
  kPageNull,
  kScanAbort,
  kPageCount,
  kPageLru,
  kPageLock,
  kPageAnon,
  kPageCompound,
  kAnyProcess,
  kVmaNull,
  kVmaCheck,
  kAddressRange,
  kDelPageLru,
  kAllocHugePageFail,
  kCgroupChargeFail,
  kTruncated,
  kPageHasPrivate,
  kStoreFailed,
  kCopyMc,
  kPageFilled,
  kCount,
};

// "exceed_none_pte"
[[nodiscard]] std::string_view name(ScanResult result);

}  // namespace quire::vm
