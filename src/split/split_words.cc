#include "split/split_words.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "vm/fault.h"

namespace quire::split {
namespace {

constexpr std::size_t kOneWrite = 254;  // what the kernel looks at

// Takes one thing after the other off the front of a text; after the first
// that is not there nothing is taken any more.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text.substr(0, std::min(text.find('\0'), text.size()))) {}

  template <typename Number>
  bool number(Number& to, int base) {
    if (!going_) return false;
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\v\f\r"), rest_.size()));
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), to, base);
    going_ = error == std::errc{};
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return going_;
  }
  bool literal(std::string_view text) {
    going_ = going_ && rest_.starts_with(text);
    if (going_) rest_.remove_prefix(text.size());
    return going_;
  }

 private:
  std::string_view rest_;
  bool going_ = true;
};

// The large folio behind the page, or an invalid number.
Pfn large_folio_at(vm::AddressSpace& mm, VirtAddr at) {
  const Pfn page = vm::mapped_frame(mm, at);
  if (!page.valid()) return page;
  const Pfn head = mm.folios().head_of(page);
  const bool anon = mm.folios().is_anon(head);  // neither zero page is
  return anon && mm.folios().is_large(head) ? head : Pfn::invalid();
}

void split_at(vm::AddressSpace& mm, VirtAddr at, const SplitWords& words) {
  const Pfn head = large_folio_at(mm, at);
  if (!head.valid()) return;
  const folio::Folios& folios = mm.folios();
  const Order order = folios.order_of(head);
  if (words.order >= order.raw() || folios.refcount(head) != folios.expected_refs(head)) return;
  vm::SplitRequest request{.to = Order(words.order), .round = {}};
  const auto page = static_cast<std::uint64_t>(words.page);
  if (words.page >= 0 && page < order.pages().raw()) request.round = PageCount(page);
  static_cast<void>(vm::split_folio(mm.system(), head, request));  // a refusal is for the counters
}

}  // namespace

Result<SplitWords, Errno> parse_split_words(std::string_view text) {
  Scanner scan(text.substr(0, kOneWrite));
  SplitWords words;
  if (!scan.number(words.pid, 10)) return fail(Errno::kInval);
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  const bool has_start = scan.literal(",0x") && scan.number(start, 16);
  if (!has_start && words.pid == 1) {
    words.form = SplitWords::Form::kAll;
    return words;
  }
  if (!has_start || !scan.literal(",0x") || !scan.number(end, 16)) return fail(Errno::kInval);
  words.start = VirtAddr(start).align_down();
  words.end = VirtAddr(end).align_down();
  int order = 0;
  if (scan.literal(",") && scan.number(order, 10)) words.order = static_cast<unsigned>(order);
  std::int64_t page = 0;
  if (scan.literal(",") && scan.number(page, 10)) words.page = page;
  return words;
}

void split_mapped(vm::AddressSpace& mm, const SplitWords& words) {
  for (VirtAddr at = words.start; at < words.end; at += PageCount(1)) {
    const vm::Vma* const vma = mm.mappings().find(at);
    if (vma == nullptr) return;
    if (vma->flags.has_any(vm::VmFlag::kIo | vm::VmFlag::kHugeTlb)) {
      at = vma->end();  // and one page more, as the kernel does
      continue;
    }
    split_at(mm, at, words);
  }
}

void split_all(vm::System& system) {
  std::vector<Pfn> heads;
  system.folios.for_each_large([&](Pfn head) {
    if (system.folios.is_anon(head)) heads.push_back(head);
  });
  std::sort(heads.begin(), heads.end());
  for (const Pfn head : heads) static_cast<void>(vm::split_folio(system, head));
}

}  // namespace quire::split
