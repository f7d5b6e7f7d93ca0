#include "litmus/print.h"

#include <fmt/format.h>

#include "base/size.h"
#include "litmus/picture.h"
#include "litmus/words.h"

namespace quire::litmus {
namespace {

using base::short_size;

std::string size_of(Order order) { return short_size(order.bytes()); }

std::string sizes_of(OrderSet orders) {
  std::string text;
  for (unsigned order = 0; order <= kMaxOrder; ++order) {
    if (orders.contains(Order(order))) text += (text.empty() ? "" : ",") + size_of(Order(order));
  }
  return text;
}

std::string print(const Location& location) {
  if (location.kind == Location::Kind::kPlace) return " at " + litmus::print(location.place);
  if (location == Location{}) return "";
  std::string text = " align " + short_size(location.align);
  if (location.behind.raw() != 0) text += "+" + short_size(location.behind);
  return text;
}

std::string print_value(const std::optional<std::uint8_t>& value) {
  return value ? fmt::format(" = {}", *value) : "";
}

std::string print(const Fill& fill) {
  const std::string_view kind = word_of(fill_words(), static_cast<int>(fill.kind));
  return fill.kind == Fill::Kind::kZeroes ? fmt::format(" = {}", kind)
                                          : fmt::format(" = {} {}", kind, fill.seed);
}

// One line for each action.
struct ActionPrinter {
  std::string operator()(const Map& m) const {
    std::string text = fmt::format("map {} {}{}", m.name, short_size(m.size), print(m.location));
    if (m.prot != Map{}.prot) text += " prot " + prot_word(m.prot);
    if (m.shared) text += " shared";
    if (m.populate) text += " populate";
    if (m.growsdown) text += " growsdown";
    return text;
  }
  std::string operator()(const Space& s) const {
    return fmt::format("space {} {}{}", s.name, short_size(s.size), print(s.location));
  }
  std::string operator()(const Access& a) const {
    std::string text = a.kind == Access::Kind::kRead ? "read " : "write ";
    text += litmus::print(a.range);
    if (a.every != Access{}.every) text += " every " + short_size(a.every);
    return text + (a.fill ? print(*a.fill) : print_value(a.value));
  }
  std::string operator()(const Advise& a) const {
    return fmt::format("advise {} {}", word_of(advice_words(), a.advice), litmus::print(a.range));
  }
  std::string operator()(const Protect& p) const {
    return fmt::format("protect {} {}", litmus::print(p.range), prot_word(p.prot));
  }
  std::string operator()(const Unmap& u) const { return "unmap " + litmus::print(u.range); }
  std::string operator()(const Move& m) const {
    std::string text = fmt::format("move {} to {}", litmus::print(m.range), litmus::print(m.to));
    if (m.size) text += " size " + short_size(*m.size);
    return text + (m.dontunmap ? " dontunmap" : "");
  }
  std::string operator()(const Resize& r) const {
    return fmt::format("resize {} to {}", litmus::print(r.range), short_size(r.size));
  }
  std::string operator()(const Lock& l) const { return "lock " + litmus::print(l.range); }
  std::string operator()(const Unlock& u) const { return "unlock " + litmus::print(u.range); }
  std::string operator()(const Fork& f) const { return "fork " + f.child; }
  std::string operator()(const Exit& /*e*/) const { return "exit"; }
  std::string operator()(const Exec& /*e*/) const { return "exec"; }
  std::string operator()(const Prctl& p) const {
    return fmt::format("prctl thp_disable {}", word_of(prctl_words(), static_cast<int>(p.thp)));
  }
  std::string operator()(const NameProcess& n) const { return "prctl name " + n.name; }
  std::string operator()(const NameMapping& n) const {
    return fmt::format("prctl vma_name {} {}", litmus::print(n.range), n.name);
  }
  std::string operator()(const Sizes& s) const {
    return fmt::format("sizes {} {}", litmus::print(s.range), s.orders ? sizes_of(*s.orders) : "any");
  }
  std::string operator()(const Set& s) const { return litmus::print(s); }
  std::string operator()(const Uffd& u) const {
    std::string text =
        fmt::format("uffd {} {}", word_of(uffd_words(), static_cast<int>(u.op)), litmus::print(u.range));
    return u.value == 0 ? text : text + fmt::format(" = {}", u.value);
  }
  std::string operator()(const Swapoff& s) const { return fmt::format("swapoff {}", s.device); }
  std::string operator()(const Swapon& s) const { return fmt::format("swapon {}", s.device); }
  std::string operator()(const Pin& p) const {
    return "pin " + litmus::print(p.range) + (p.to_read ? " read" : "");
  }
  std::string operator()(const Unpin& u) const { return "unpin " + litmus::print(u.range); }
  std::string operator()(const Limit& l) const { return "limit " + short_size(l.size); }
  std::string operator()(const Khugepaged& k) const { return fmt::format("khugepaged {}", k.rounds); }
  std::string operator()(const Split& s) const {
    return fmt::format("split {} to {}", litmus::print(s.range), size_of(s.order));
  }
};

std::string folio_place(const Property& p) {
  return p.process.empty() ? litmus::print(p.place) : p.process + ":" + litmus::print(p.place);
}

std::string print(const Property& p) {
  switch (p.kind) {
    case Property::Kind::kOrder:
      return "order " + size_of(Order(static_cast<unsigned>(p.number)));
    case Property::Kind::kMapcount:
      return fmt::format("mapcount {}", p.number);
    case Property::Kind::kSlot:
      return fmt::format("slot {}", p.number);
    case Property::Kind::kSlotsTogether:
      return "slots together";
    case Property::Kind::kSameFolio:
      return "same folio";
    case Property::Kind::kOwnFolios:
      return "own folios";
    case Property::Kind::kFolioOf:
      return "folio " + folio_place(p);
    case Property::Kind::kNotFolioOf:
      return "not folio " + folio_place(p);
    default:
      return std::string(word_of(property_words(), static_cast<int>(p.kind)));
  }
}

struct ClaimPrinter {
  std::string operator()(const ExpectPages& e) const {
    std::string text = "expect " + litmus::print(e.range);
    for (std::size_t i = 0; i < e.properties.size(); ++i)
      text += (i == 0 ? " " : ", ") + print(e.properties[i]);
    return text;
  }
  std::string operator()(const ExpectPicture& e) const {
    return fmt::format("picture {} {}", litmus::print(e.begin), shrink_picture(e.signs));
  }
  std::string operator()(const ExpectCounter& e) const {
    const std::string size = e.size ? size_of(*e.size) + "/" : "";
    return fmt::format("expect counter {}{} {:+}", size, e.name, e.moved);
  }
  std::string operator()(const ExpectNoOtherCounters& /*e*/) const { return "expect no other counters"; }
  std::string operator()(const ExpectKilled& /*e*/) const { return "expect killed"; }
  std::string operator()(const ExpectFaults& e) const {
    return fmt::format("expect {}faults {}", e.kind == ExpectFaults::Kind::kMajor ? "major " : "", e.faults);
  }
};

std::string of_process(const std::string& process) { return process == kFirstProcess ? "" : process + ": "; }

std::string print(const SwapDevice& device) {
  std::string text = fmt::format("swap zram {} {}", device.algorithm, short_size(device.size));
  if (device.unit != SwapDevice{}.unit) text += " unit " + short_size(device.unit);
  if (device.priority) text += fmt::format(" priority {}", *device.priority);
  return text;
}

std::string print_head(const Experiment& e) {
  std::string text;
  if (!e.about.empty()) text += "about " + e.about + "\n";
  if (!e.rules.empty()) text += fmt::format("rule {}\n", fmt::join(e.rules, " "));
  if (e.fails) text += fmt::format("fails {}\n", word_of(subject_words(), static_cast<int>(*e.fails)));
  if (e.ram) text += "ram " + short_size(*e.ram) + "\n";
  for (const SwapDevice& device : e.swaps) text += print(device) + "\n";
  if (e.limit) text += "limit " + short_size(*e.limit) + "\n";
  if (!e.arch.empty()) text += "arch " + e.arch + "\n";
  if (!e.policy.empty()) text += "policy " + e.policy + "\n";
  for (const Set& set : e.settings) text += print(set) + "\n";
  return text;
}

}  // namespace

std::string print(const Place& place) {
  if (place.name.empty()) return fmt::format("{:#x}", place.offset.raw());
  return place.offset.raw() == 0 ? place.name : place.name + "+" + short_size(place.offset);
}

std::string print(const Range& range) {
  std::string text = print(range.begin);
  switch (range.extent) {
    case Range::Extent::kWhole:
      return text;
    case Range::Extent::kPage:
      return range.begin.name.empty() || range.begin.offset.raw() != 0 ? text : text + "+0";
    case Range::Extent::kLength:
      return text + "..+" + short_size(range.length);
    case Range::Extent::kToEnd:
      break;
  }
  return text + "..end";
}

std::string print(const Set& set) {
  return fmt::format("set {} {}", set.sizes.empty() ? set.file : sizes_of(set.sizes), set.value);
}

std::string print(const Claim& claim) { return std::visit(ClaimPrinter{}, claim); }

std::string print(const Step& step) {
  return of_process(step.process) + std::visit(ActionPrinter{}, step.action) +
         (step.ends.empty() ? "" : " -> " + step.ends);
}

std::string print(const Experiment& experiment) {
  std::string text = print_head(experiment) + "\n";
  for (const Step& step : experiment.steps) {
    text += print(step) + "\n";
    for (const Expectation& e : step.expectations)
      text += "  " + of_process(e.process) + print(e.claim) + "\n";
  }
  return text;
}

}  // namespace quire::litmus
