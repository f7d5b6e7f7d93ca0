#include "record/hotness_fold.h"

#include <bit>
#include <utility>

namespace quire::record {

void HotnessFold::add_page(std::uint64_t page, trace::Written written) {
  if (!runs_.empty() && runs_.back().end() == page && runs_.back().written == written) {
    ++runs_.back().pages;
  } else {
    runs_.push_back({page, 1, written});
  }
}

void HotnessFold::add(const qr_accessed& table) {
  const std::uint64_t first = table.base >> 12;
  // Tables come in the order of their addresses. One that does not was torn.
  if (first > trace::kPagesEnd - 64 * QR_TABLE_WORDS || (!runs_.empty() && first < runs_.back().end())) return;
  const auto before = seen_.find(table.base);
  Words& now = now_[table.base];
  for (std::size_t word = 0; word < now.size(); ++word) {
    now[word] = table.accessed[word];
    std::uint64_t fresh = table.accessed[word] & ~(before == seen_.end() ? 0 : before->second[word]);
    for (; fresh != 0; fresh &= fresh - 1) {
      const auto bit = static_cast<unsigned>(std::countr_zero(fresh));
      const bool dirty = (table.dirty[word] >> bit & 1U) != 0;
      add_page(first + word * 64 + bit, dirty ? trace::Written::kYes : trace::Written::kNo);
    }
  }
}

std::vector<trace::PageRun> HotnessFold::take() {
  seen_ = std::exchange(now_, {});
  return std::exchange(runs_, {});
}

void HotnessFold::cleared() { seen_.clear(); }

}  // namespace quire::record
