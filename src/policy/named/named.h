// policy/named/named.h - the named policies, one file each in this folder.
//
// To add one: a file here that defines it, its name below, its name in the
// list of policy.cc, its row in docs/reference/policies.md.
#pragma once

#include "policy/policy.h"

namespace quire::policy {

extern const Policy kLinux618;
extern const Policy kThp2011;
extern const Policy kLafV3;
extern const Policy kLafV4;
extern const Policy kLafYu;
extern const Policy kLafYin;
extern const Policy kLafTwoKnobs;
extern const Policy kOppo64K;
extern const Policy kSizeSet;
extern const Policy kZeroFolio;
extern const Policy kZeroExpand;
extern const Policy kCowLarge;
extern const Policy kPmdCow;
extern const Policy kCollapseMthp;
extern const Policy kKhugepagedDirected;
extern const Policy kSwapInSingle;
extern const Policy kSwapInShared;
extern const Policy kPmdSwap;
extern const Policy kSwapSlotsAny;
extern const Policy kForesight;

}  // namespace quire::policy
