#include "litmus/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/size.h"
#include "litmus/draw.h"
#include "litmus/names.h"
#include "litmus/print.h"

namespace quire::litmus {
namespace {

using Kind = Property::Kind;

// What is true of one page alone.
bool holds(Kind kind, std::uint64_t number, const Page& page) {
  switch (kind) {
    case Kind::kAbsent:
      return page.state == Page::State::kAbsent;
    case Kind::kPresent:
      return page.present();
    case Kind::kZero:
      return page.state == Page::State::kZero && !page.pmd;
    case Kind::kHugeZero:
      return page.state == Page::State::kZero && page.pmd;
    case Kind::kAnon:
      return page.state == Page::State::kAnon;
    case Kind::kSwapped:
      return page.state == Page::State::kSwapped;
    case Kind::kGuard:
      return page.state == Page::State::kGuard;
    case Kind::kSwapcache:
      return page.has_folio() && page.swapcache;
    case Kind::kOrder:
      return page.has_folio() && page.order == number;
    case Kind::kExclusive:
      return page.has_folio() && page.mapcount == 1;
    case Kind::kShared:
      return page.has_folio() && page.mapcount > 1;
    case Kind::kMapcount:
      return page.has_folio() && page.mapcount == number;
    case Kind::kPmd:
      return page.present() && page.pmd;
    case Kind::kPte:
      return page.present() && !page.pmd;
    default:
      return false;
  }
}

using PlacedPages = std::vector<std::pair<VirtAddr, Page>>;

// The expectations of one step against what was seen after it.
class StepCheck {
 public:
  StepCheck(const Step& step, const Names& names, const Recording& recording, const Observation& seen)
      : step_(step), names_(names), recording_(recording), seen_(seen) {}

  std::vector<Finding> run() {
    check_ending();
    for (const Expectation& e : step_.expectations) {
      where_ = e.where;
      process_ = e.process;
      std::visit([this](const auto& claim) { check(claim); }, e.claim);
    }
    return std::move(findings_);
  }

 private:
  void found(std::string what, Subject subject = Subject::kPages) {
    const bool counter = subject == Subject::kCounters;
    findings_.push_back(
        {where_, std::move(what), counter ? Evidence::kCounter : Evidence::kCertain, subject});
  }

  void check_ending() {
    where_ = step_.where;
    const auto named = [](const std::string& ends) { return ends.empty() ? std::string("success") : ends; };
    if (seen_.ending.ends != step_.ends)
      found(fmt::format("{} ended in {}, expected {}", print(step_), named(seen_.ending.ends),
                        named(step_.ends)),
            Subject::kEndings);
    if (seen_.ending.wrong != 0)
      found(fmt::format("{}: {} of the bytes were not the expected one", print(step_), seen_.ending.wrong),
            Subject::kContents);
    for (const std::string& killed : seen_.ending.killed)
      if (!expects_death_of(killed))
        found(fmt::format("{}: {} was killed, out of memory", print(step_), killed), Subject::kEndings);
  }
  // Of the process of the step the ending says it.
  [[nodiscard]] bool expects_death_of(const std::string& process) const {
    return process == step_.process || std::ranges::any_of(step_.expectations, [&](const Expectation& e) {
             return std::holds_alternative<ExpectKilled>(e.claim) && e.process == process;
           });
  }

  void check(const ExpectPages& expected) {
    const VirtRange range = names_.of(expected.range);
    PlacedPages pages;
    for (VirtAddr at = range.begin.align_down(); at < range.end; at += PageCount(1)) {
      const auto page = find_page(seen_, process_, at);
      if (!page) return found(fmt::format("{} is in no mapping that has a name", names_.name_of(at)));
      pages.emplace_back(at, *page);
    }
    for (const Property& property : expected.properties) check_property(expected, property, pages);
  }

  void check_property(const ExpectPages& expected, const Property& property, const PlacedPages& pages) {
    const ExpectPages one{expected.range, {property}};
    std::optional<Page> other;
    if (property.kind == Kind::kFolioOf || property.kind == Kind::kNotFolioOf) {
      other =
          find_page(seen_, property.process.empty() ? process_ : property.process, names_.at(property.place));
      if (!other || !other->has_folio())
        return found(print(Claim(one)) + ": there is no folio at that place");
    }
    std::set<std::uint64_t> folios;
    for (const auto& [at, page] : pages) {
      const std::uint64_t n = pages_between(pages.front().first, at).raw();
      if (property.kind == Kind::kSlot || property.kind == Kind::kSlotsTogether) {
        if (has_slot(property, page, pages.front().second, n)) continue;
      } else if (property.kind == Kind::kCont || property.kind == Kind::kNoCont) {
        if (is_cont(seen_, process_, at) == (property.kind == Kind::kCont)) continue;
      } else if (meets(property, page, other, folios)) {
        continue;
      }
      return found(fmt::format("{}: {} is {}", print(Claim(one)), names_.name_of(at), describe(page)));
    }
  }

  // The page `n` pages behind the first of the range.
  static bool has_slot(const Property& property, const Page& page, const Page& first, std::uint64_t n) {
    const std::uint64_t begin = property.kind == Kind::kSlot ? property.number : first.slot;
    return page.state == Page::State::kSwapped && page.device == first.device && page.slot == begin + n;
  }

  // `folios` are those of the pages before.
  static bool meets(const Property& property, const Page& page, const std::optional<Page>& other,
                    std::set<std::uint64_t>& folios) {
    switch (property.kind) {
      case Kind::kSameFolio:
        folios.insert(page.folio);
        return page.has_folio() && folios.size() == 1;
      case Kind::kOwnFolios:
        return page.has_folio() && folios.insert(page.folio).second;
      case Kind::kFolioOf:
        return page.has_folio() && page.folio == other->folio;
      case Kind::kNotFolioOf:
        return page.has_folio() && page.folio != other->folio;
      default:
        return holds(property.kind, property.number, page);
    }
  }

  void check(const ExpectPicture& expected) {
    const VirtAddr begin = names_.at(expected.begin);
    Pages pages;
    for (std::size_t i = 0; i < expected.signs.size(); ++i) {
      const auto page = find_page(seen_, process_, begin + PageCount(i));
      if (!page)
        return found(fmt::format("the picture goes beyond what has a name, at {}",
                                 names_.name_of(begin + PageCount(i))));
      pages.append(*page);
    }
    const std::string actual = draw(pages, actual_letters_);
    const std::string wanted = relabel(expected.signs, expected_letters_);
    if (actual == wanted) return;
    const auto [a, w] = std::ranges::mismatch(actual, wanted);
    const VirtAddr at = begin + PageCount(static_cast<std::uint64_t>(a - actual.begin()));
    found(fmt::format("from {} on the picture of {} is {}, expected {}", names_.name_of(at),
                      names_.name_of(begin), shrink_picture(actual), shrink_picture(wanted)));
  }

  void check(const ExpectCounter& expected) {
    const std::string name = counter_name(expected.size, expected.name);
    named_.insert(name);
    if (!recording_.counters.contains(name)) return;
    const auto moved = seen_.moved.find(name);
    const std::int64_t n = moved == seen_.moved.end() ? 0 : moved->second;
    if (n != expected.moved)
      found(fmt::format("counter {} moved by {:+}, expected {:+}", name, n, expected.moved),
            Subject::kCounters);
  }

  void check(const ExpectNoOtherCounters& /*expected*/) {
    for (const Expectation& e : step_.expectations)
      if (const auto* const counter = std::get_if<ExpectCounter>(&e.claim))
        named_.insert(counter_name(counter->size, counter->name));
    for (const auto& [name, n] : seen_.moved)
      if (!named_.contains(name))
        found(fmt::format("counter {} moved by {:+}, expected no other to move", name, n),
              Subject::kCounters);
  }

  void check(const ExpectKilled& /*expected*/) {
    if (std::ranges::find(seen_.ending.killed, process_) == seen_.ending.killed.end())
      found(fmt::format("{} was not killed, expected it to be", process_), Subject::kEndings);
  }

  void check(const ExpectFaults& expected) {
    const bool major = expected.kind == ExpectFaults::Kind::kMajor;
    const std::uint64_t faults = major ? seen_.ending.majors : seen_.ending.faults;
    if (faults != expected.faults)
      found(fmt::format("{} {}faults, expected {}", faults, major ? "major " : "", expected.faults),
            Subject::kEndings);
  }

  const Step& step_;
  const Names& names_;
  const Recording& recording_;
  const Observation& seen_;
  Where where_;
  std::string process_;
  Letters actual_letters_, expected_letters_;
  std::set<std::string> named_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check(const Experiment& experiment, const Recording& recording) {
  const Names names(experiment);
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < recording.steps.size(); ++i) {
    for (Finding& finding : StepCheck(experiment.steps[i], names, recording, recording.steps[i]).run())
      findings.push_back(std::move(finding));
  }
  return findings;
}

std::vector<Finding> expect_failure(const Experiment& experiment, std::vector<Finding> findings) {
  if (!experiment.fails) return findings;
  const auto wanted = [&](const Finding& f) { return f.subject == *experiment.fails; };
  if (std::erase_if(findings, wanted) == 0)
    findings.push_back(
        {{}, "nothing is wrong, expected that it fails", Evidence::kCertain, *experiment.fails});
  return findings;
}

std::vector<Finding> wrong_with(const Experiment& experiment, const Recording& recording) {
  auto findings = check(experiment, recording);
  return recording.unable ? findings : expect_failure(experiment, std::move(findings));
}

}  // namespace quire::litmus
