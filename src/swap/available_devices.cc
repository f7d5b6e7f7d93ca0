#include "swap/available_devices.h"

#include <algorithm>

namespace quire::swap {

void AvailableDevices::add(std::uint8_t device, std::int16_t priority) {
  if (contains(device)) return;
  const auto behind = std::ranges::find_if(entries_, [&](const Entry& e) { return e.priority < priority; });
  entries_.insert(behind, {device, priority});
}

void AvailableDevices::remove(std::uint8_t device) {
  std::erase_if(entries_, [&](const Entry& e) { return e.device == device; });
}

void AvailableDevices::requeue(std::uint8_t device) {
  const auto found = std::ranges::find(entries_, device, &Entry::device);
  if (found == entries_.end()) return;
  const Entry entry = *found;
  entries_.erase(found);
  add(entry.device, entry.priority);
}

void AvailableDevices::set_priority(std::uint8_t device, std::int16_t priority) {
  const auto found = std::ranges::find(entries_, device, &Entry::device);
  if (found != entries_.end()) found->priority = priority;
}

bool AvailableDevices::contains(std::uint8_t device) const {
  return std::ranges::find(entries_, device, &Entry::device) != entries_.end();
}

std::vector<std::uint8_t> AvailableDevices::in_order() const {
  std::vector<std::uint8_t> devices;
  for (const Entry& e : entries_) devices.push_back(e.device);
  return devices;
}

std::optional<std::uint8_t> AvailableDevices::first() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.front().device;
}

}  // namespace quire::swap
