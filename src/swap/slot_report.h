// swap/slot_report.h - how the slots of a device are used, as data and as a picture.
#pragma once

#include <string>

#include "swap/device.h"
#include "swap/swap_space.h"

namespace quire::swap {

[[nodiscard]] SlotReport report_of(const Device& device);
[[nodiscard]] std::string picture_of(const Device& device);

}  // namespace quire::swap
