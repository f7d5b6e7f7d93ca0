#include "vm/vma_flags.h"

#include <array>
#include <string_view>
#include <utility>

namespace quire::vm {

namespace {

// The words of /proc/PID/smaps, in the order it prints them, for what is not
// part of "rwxp".
constexpr std::array<std::pair<VmFlag, std::string_view>, 22> kWords{{
    {VmFlag::kGrowsDown, "gd"},   {VmFlag::kPfnMap, "pf"},      {VmFlag::kMaybeGuard, "gu"},
    {VmFlag::kLocked, "lo"},      {VmFlag::kIo, "io"},          {VmFlag::kSeqRead, "sr"},
    {VmFlag::kRandRead, "rr"},    {VmFlag::kDontCopy, "dc"},    {VmFlag::kDontExpand, "de"},
    {VmFlag::kLockOnFault, "lf"}, {VmFlag::kAccount, "ac"},     {VmFlag::kNoReserve, "nr"},
    {VmFlag::kHugeTlb, "ht"},     {VmFlag::kWipeOnFork, "wf"},  {VmFlag::kDontDump, "dd"},
    {VmFlag::kMixedMap, "mm"},    {VmFlag::kHugePage, "hg"},    {VmFlag::kNoHugePage, "nh"},
    {VmFlag::kMergeable, "mg"},   {VmFlag::kUffdMissing, "um"}, {VmFlag::kUffdWp, "uw"},
    {VmFlag::kMte, "mt"},
}};

}  // namespace

std::string to_string(VmFlags flags) {
  std::string text;
  text += flags.has(VmFlag::kRead) ? 'r' : '-';
  text += flags.has(VmFlag::kWrite) ? 'w' : '-';
  text += flags.has(VmFlag::kExec) ? 'x' : '-';
  text += flags.has(VmFlag::kShared) ? 's' : 'p';
  for (const auto& [flag, word] : kWords) {
    if (flags.has(flag)) text.append(" ").append(word);
  }
  return text;
}

}  // namespace quire::vm
