#include "litmus/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/size.h"
#include "litmus/cursor.h"
#include "policy/near_miss.h"

namespace quire::litmus {
namespace {

constexpr VirtAddr kFirstBlock{0x200000000};

const Location* location_of(const Action& action) {
  if (const auto* const map = std::get_if<Map>(&action)) return &map->location;
  if (const auto* const space = std::get_if<Space>(&action)) return &space->location;
  return nullptr;
}

const std::string* declared_by(const Action& action) {
  if (const auto* const map = std::get_if<Map>(&action)) return &map->name;
  if (const auto* const space = std::get_if<Space>(&action)) return &space->name;
  return nullptr;
}

// Goes through the steps in order, with what is known so far.
class NameCheck {
 public:
  NameCheck(const std::string& file, const Experiment& experiment)
      : file_(file), devices_(experiment.swaps.size()), limited_(experiment.limit.has_value()) {}

  Result<void, Diagnostic> step(const Step& step) {
    QUIRE_TRY(process(step.process, step.where));
    if (const auto* const on = std::get_if<Swapon>(&step.action)) QUIRE_TRY(device(on->device, step.where));
    if (const auto* const off = std::get_if<Swapoff>(&step.action))
      QUIRE_TRY(device(off->device, step.where));
    if (std::holds_alternative<Limit>(step.action) && !limited_)
      return wrong(step.where, "there is no limit to change, expected a limit line before the first step");
    for (const Place* const place : places_of(step.action)) QUIRE_TRY(known(*place));
    if (const std::string* const name = declared_by(step.action)) QUIRE_TRY(declare(*name, step.where));
    if (const auto* const fork = std::get_if<Fork>(&step.action))
      QUIRE_TRY(new_process(fork->child, step.where));
    for (const Expectation& expectation : step.expectations)
      if (std::holds_alternative<ExpectKilled>(expectation.claim))
        QUIRE_TRY(process(expectation.process, expectation.where));
    lives_.after(step);
    for (const Expectation& expectation : step.expectations) QUIRE_TRY(claim(expectation));
    return {};
  }

 private:
  [[nodiscard]] std::unexpected<Diagnostic> wrong(Where where, std::string what,
                                                  std::string hint = {}) const {
    return fail(Diagnostic{Diagnostic::Kind::kDamagedInput, position(file_, where), std::move(what),
                           std::move(hint)});
  }
  Result<void, Diagnostic> device(unsigned number, Where where) const {
    if (number < devices_) return {};
    return wrong(where,
                 fmt::format("no swap device {}, expected one of the {} swap lines", number, devices_));
  }
  Result<void, Diagnostic> process(const std::string& name, Where where) const {
    if (lives_.has(name)) return {};
    return wrong(where, fmt::format("no process {} lives here, expected one of: {}", name,
                                    fmt::join(lives_.alive(), ", ")));
  }
  Result<void, Diagnostic> new_process(const std::string& name, Where where) {
    if (lives_.has(name))
      return wrong(where, fmt::format("process {} lives already, expected a new name", name));
    if (std::ranges::find(processes_, name) == processes_.end()) processes_.push_back(name);
    if (processes_.size() < kMaxProcesses) return {};
    return wrong(where, fmt::format("too many processes, expected {} at most", kMaxProcesses));
  }
  Result<void, Diagnostic> declare(const std::string& name, Where where) {
    if (std::ranges::find(names_, name) != names_.end())
      return wrong(where, fmt::format("{} stands for addresses already, expected a new name", name));
    names_.push_back(name);
    return {};
  }
  Result<void, Diagnostic> known(const Place& place) const {
    if (place.name.empty() || std::ranges::find(names_, place.name) != names_.end()) return {};
    return wrong(
        place.where,
        names_.empty()
            ? fmt::format("nothing is called {} yet, expected a map or space before", place.name)
            : fmt::format("nothing is called {}, expected one of: {}", place.name, fmt::join(names_, ", ")),
        policy::did_you_mean(place.name, names_));
  }
  Result<void, Diagnostic> claim(const Expectation& expectation) const {
    const auto places = places_of(expectation.claim);
    if (!places.empty()) QUIRE_TRY(process(expectation.process, expectation.where));
    for (const Place* const place : places) QUIRE_TRY(known(*place));
    if (const auto* const pages = std::get_if<ExpectPages>(&expectation.claim)) {
      for (const Property& property : pages->properties)
        if (!property.process.empty()) QUIRE_TRY(process(property.process, property.place.where));
    }
    return {};
  }

  std::string file_;
  std::size_t devices_;
  bool limited_;
  std::vector<std::string> names_;
  std::vector<std::string> processes_;
  Lives lives_;
};

}  // namespace

std::vector<const Place*> places_of(const Action& action) {
  std::vector<const Place*> places;
  std::visit(
      [&](const auto& a) {
        if constexpr (requires { a.range.begin; }) places.push_back(&a.range.begin);
        if constexpr (requires { a.to.name; }) places.push_back(&a.to);
      },
      action);
  if (const Location* const location = location_of(action);
      location && location->kind == Location::Kind::kPlace)
    places.push_back(&location->place);
  return places;
}

std::vector<const Place*> places_of(const Claim& claim) {
  std::vector<const Place*> places;
  if (const auto* const pages = std::get_if<ExpectPages>(&claim)) {
    places.push_back(&pages->range.begin);
    for (const Property& property : pages->properties) places.push_back(&property.place);
  } else if (const auto* const picture = std::get_if<ExpectPicture>(&claim)) {
    places.push_back(&picture->begin);
  }
  return places;
}

Result<void, Diagnostic> check_names(const Experiment& experiment, const std::string& file) {
  NameCheck check(file, experiment);
  for (const Step& step : experiment.steps) QUIRE_TRY(check.step(step));
  return {};
}

Names::Names(const Experiment& experiment) : next_(kFirstBlock) {
  for (std::size_t i = 0; i < experiment.steps.size(); ++i) {
    const Action& action = experiment.steps[i].action;
    if (const auto* const map = std::get_if<Map>(&action)) declare(map->name, map->size, map->location, i);
    if (const auto* const space = std::get_if<Space>(&action))
      declare(space->name, space->size, space->location, i);
  }
}

void Names::declare(const std::string& name, ByteCount size, const Location& location, std::size_t step) {
  VirtAddr begin;
  if (location.kind == Location::Kind::kPlace) {
    begin = at(location.place);
  } else {
    const std::uint64_t align = location.align.raw();
    begin = VirtAddr((next_.raw() + align - 1) / align * align) + location.behind;
  }
  const VirtRange range{begin, begin + size};
  blocks_.push_back({name, range, step});
  next_ = std::max(next_, range.end.align_up(kOrderPmd) + kOrderPmd.bytes());
}

VirtRange Names::block(const std::string& name) const {
  for (const Block& block : blocks_)
    if (block.name == name) return block.range;
  QUIRE_CHECK_MSG(false, "{} was not declared", name);
  return {};
}

VirtAddr Names::at(const Place& place) const {
  return place.name.empty() ? VirtAddr(place.offset.raw()) : block(place.name).begin + place.offset;
}

VirtRange Names::of(const Range& range) const {
  const VirtAddr begin = at(range.begin);
  switch (range.extent) {
    case Range::Extent::kWhole:
      return block(range.begin.name);
    case Range::Extent::kToEnd:
      return {begin, std::max(begin, block(range.begin.name).end)};
    case Range::Extent::kLength:
      return {begin, begin + range.length};
    case Range::Extent::kPage:
      break;
  }
  return {begin, begin + PageCount(1)};
}

std::string Names::name_of(VirtAddr addr) const {
  for (const Block& block : blocks_) {
    if (!block.range.contains(addr)) continue;
    const ByteCount offset = addr - block.range.begin;
    return offset.raw() == 0 ? block.name : block.name + "+" + base::short_size(offset);
  }
  return fmt::format("{:#x}", addr.raw());
}

bool Lives::has(const std::string& process) const {
  return std::ranges::find(alive_, process) != alive_.end();
}

void Lives::end(const std::string& process) { std::erase(alive_, process); }

void Lives::after(const Step& step) {
  for (const Expectation& e : step.expectations)
    if (std::holds_alternative<ExpectKilled>(e.claim)) end(e.process);
  if (step.ends == kKilled) end(step.process);
  if (!step.ends.empty()) return;
  if (const auto* const fork = std::get_if<Fork>(&step.action)) alive_.push_back(fork->child);
  if (std::holds_alternative<Exit>(step.action)) end(step.process);
}

}  // namespace quire::litmus
