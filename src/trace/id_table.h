// trace/id_table.h - a value for each id, all forgotten at once.
//
// Ids of tasks and address spaces are dense, so most live in an array; ids of
// a hostile file need not be, so the rest lives in a map. Forgetting happens
// at every chunk and costs O(1) for the array: an entry counts only while its
// epoch is the present one.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace quire::trace {

class IdTable {
 public:
  void clear() {
    ++epoch_;
    sparse_.clear();
  }
  [[nodiscard]] std::uint64_t get(std::uint32_t id) const {
    if (id < dense_.size()) [[likely]]
      return dense_[id].epoch == epoch_ ? dense_[id].value : 0;
    if (id < kDense) return 0;
    const auto found = sparse_.find(id);
    return found == sparse_.end() ? 0 : found->second;
  }
  void set(std::uint32_t id, std::uint64_t value) {
    if (id >= kDense) [[unlikely]] {
      sparse_[id] = value;
      return;
    }
    if (id >= dense_.size()) dense_.resize(id + 1U);
    dense_[id] = {value, epoch_};
  }

 private:
  static constexpr std::uint32_t kDense = 1U << 16;
  struct Entry {
    std::uint64_t value = 0;
    std::uint64_t epoch = 0;
  };
  std::vector<Entry> dense_;
  std::unordered_map<std::uint32_t, std::uint64_t> sparse_;
  std::uint64_t epoch_ = 1;
};

}  // namespace quire::trace
