#include "swap/cluster.h"

namespace quire::swap {

void SlotTable::set_frame(std::uint32_t at, Pfn frame) {
  if (!frames_) {
    if (!frame.valid()) return;
    frames_ = std::make_unique<Frames>();
    frames_->fill(Pfn::invalid());
  }
  Pfn& kept = (*frames_)[at];
  frames_set_ += static_cast<std::uint32_t>(frame.valid()) - static_cast<std::uint32_t>(kept.valid());
  kept = frame;
  if (frames_set_ == 0) frames_.reset();
}

}  // namespace quire::swap
