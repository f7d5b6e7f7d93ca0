// lab/machine_setup.h - makes the kernel of a machine description, with its swap
// devices and its group.
#pragma once

#include <memory>
#include <vector>

#include "kernel/kernel.h"
#include "lab/machine.h"
#include "policy/settings.h"
#include "swap/size_model.h"
#include "swap/zram.h"
#include "trace/contents.h"

namespace quire::lab {

// The sizes that a recording holds, to draw from. Buckets count as their upper ends.
// kUsage when it holds none of this codec.
[[nodiscard]] Result<std::unique_ptr<swap::SizeModel>, Diagnostic> size_model(
    const std::vector<trace::ContentsSample>& contents, trace::ContentsCodec codec);

// A machine without contents, ready to replay on.
//
// Owns        : all of it; the kernel goes first
struct BuiltMachine {
  std::vector<std::unique_ptr<swap::SizeModel>> sizes;  // of each zram
  std::unique_ptr<swap::SizeModel> zswap_sizes;
  std::unique_ptr<kernel::Kernel> kernel;
  std::vector<const swap::Zram*> zrams;      // among the swap devices
  folio::GroupId group = folio::kRootGroup;  // of the recorded processes
};

// `contents` is asked only for zram devices and for zswap. lzo and lzo-rle are taken to compress as
// lz4 does, of which recordings have sizes.
[[nodiscard]] Result<BuiltMachine, Diagnostic> build_machine(
    const Machine& machine, const policy::Settings& settings,
    const std::vector<trace::ContentsSample>& contents);

}  // namespace quire::lab
