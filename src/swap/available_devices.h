// swap/available_devices.h - the devices with room, in the order they are asked.
//
// Mirrors: swap_avail_heads of mm/swapfile.c, Linux 6.18, a list by priority in which
// the one that was asked goes behind its equals. Differs: one node.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace quire::swap {

class AvailableDevices {
 public:
  // Comes behind those of the same priority, when it is not there yet.
  void add(std::uint8_t device, std::int16_t priority);
  void remove(std::uint8_t device);
  // Goes behind those of the same priority.
  void requeue(std::uint8_t device);
  // Its place stays; only by as much as keeps the order.
  void set_priority(std::uint8_t device, std::int16_t priority);
  [[nodiscard]] bool contains(std::uint8_t device) const;
  [[nodiscard]] std::vector<std::uint8_t> in_order() const;
  [[nodiscard]] std::optional<std::uint8_t> first() const;

 private:
  struct Entry {
    std::uint8_t device;
    std::int16_t priority;
  };
  std::vector<Entry> entries_;  // highest priority first
};

}  // namespace quire::swap
