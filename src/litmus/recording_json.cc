#include "litmus/recording_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "litmus/names.h"
#include "litmus/print.h"

namespace quire::litmus {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 6> kStates{"absent", "zero", "anon", "file", "swapped", "guard"};

std::string hex(std::uint64_t n) { return fmt::format("{:#x}", n); }

Json run_json(VirtAddr at, const PageRun& run) {
  const Page& page = run.first;
  Json json{{"address", hex(at.raw())},
            {"pages", run.pages},
            {"state", kStates[static_cast<std::size_t>(page.state)]}};
  if (page.present()) json["pmd"] = page.pmd;
  if (page.state == Page::State::kSwapped) {
    json["device"] = page.device;
    json["slot"] = page.slot;
  }
  if (!page.has_folio()) return json;
  json["order"] = page.order;
  json["folio"] = page.folio;
  json["index"] = page.index;
  json["mapcount"] = page.mapcount;
  json["exclusive"] = page.mapcount == 1;
  if (page.swapcache) json["swapcache"] = true;
  return json;
}

Json view_json(const View& view) {
  Json runs = Json::array();
  VirtAddr at = view.range.begin;
  for (const PageRun& run : view.pages.runs()) {
    runs.push_back(run_json(at, run));
    at += PageCount(run.pages);
  }
  Json json{{"process", view.process},
            {"name", view.block},
            {"begin", hex(view.range.begin.raw())},
            {"end", hex(view.range.end.raw())},
            {"runs", std::move(runs)}};
  for (const VirtRange range : view.cont)
    json["cont"].push_back({{"address", hex(range.begin.raw())}, {"pages", range.size().raw() / kPageSize}});
  return json;
}

Json step_json(const Step& step, const Observation& seen, const Observation* before, Views views) {
  Json json{{"line", step.where.line},
            {"step", print(step)},
            {"ends", seen.ending.ends},
            {"faults", seen.ending.faults},
            {"major_faults", seen.ending.majors},
            {"bad", seen.ending.bad},
            {"wrong", seen.ending.wrong},
            {"counters", Json::object()},
            {"views", Json::array()}};
  if (!seen.ending.killed.empty()) json["killed"] = seen.ending.killed;
  if (seen.limited) json["limited"] = true;
  for (const auto& [name, n] : seen.moved) json["counters"][name] = n;
  for (const View& view : seen.views) {
    const View* const old = before == nullptr ? nullptr : find_view(*before, view.process, view.block);
    if (views == Views::kAll || old == nullptr || *old != view) json["views"].push_back(view_json(view));
  }
  return json;
}

// How many pages in a row have the bytes of this one.
std::size_t like_contents(const std::vector<Content>& contents, std::size_t at) {
  std::size_t n = 1;
  while (at + n < contents.size() &&
         contents[at + n] ==
             Content{contents[at].process, contents[at].addr + PageCount(n), contents[at].hash})
    ++n;
  return n;
}

// --- Reading ---

std::uint64_t from_hex(const Json& json) { return std::stoull(json.get<std::string>(), nullptr, 16); }

Page page_from(const Json& run) {
  Page page;
  const auto state = std::find(kStates.begin(), kStates.end(), run.at("state").get<std::string>());
  if (state == kStates.end()) throw std::invalid_argument("state");
  page.state = static_cast<Page::State>(state - kStates.begin());
  page.pmd = run.value("pmd", false);
  if (page.state == Page::State::kSwapped) {
    page.device = run.at("device").get<std::uint8_t>();
    page.slot = run.at("slot").get<std::uint64_t>();
  }
  if (!page.has_folio()) return page;
  page.swapcache = run.value("swapcache", false);
  page.order = run.at("order").get<std::uint8_t>();
  page.folio = run.at("folio").get<std::uint64_t>();
  page.index = run.at("index").get<std::uint32_t>();
  page.mapcount = run.at("mapcount").get<std::uint32_t>();
  return page;
}

View view_from(const Json& json) {
  View view{json.at("process").get<std::string>(), json.at("name").get<std::string>(), {}, {}};
  view.range = {VirtAddr(from_hex(json.at("begin"))), VirtAddr(from_hex(json.at("end")))};
  const std::uint64_t pages = pages_between(view.range.begin, view.range.end).raw();
  for (const Json& run : json.at("runs")) {
    const auto n = run.at("pages").get<std::size_t>();
    if (n > pages - view.pages.size()) throw std::out_of_range("pages");
    view.pages.append(PageRun{page_from(run), n});
  }
  if (view.pages.size() != pages) throw std::out_of_range("pages");
  return view;
}

Observation step_from(const Json& json) {
  Observation seen;
  seen.ending = {.ends = json.at("ends").get<std::string>(),
                 .faults = json.at("faults").get<std::uint64_t>(),
                 .majors = json.value("major_faults", std::uint64_t{0}),
                 .bad = json.at("bad").get<std::uint64_t>(),
                 .wrong = json.at("wrong").get<std::uint64_t>(),
                 .killed = json.value("killed", std::vector<std::string>())};
  seen.limited = json.value("limited", false);
  for (const auto& [name, n] : json.at("counters").items()) seen.moved[name] = n.get<std::int64_t>();
  for (const Json& view : json.at("views")) seen.views.push_back(view_from(view));
  return seen;
}

void read_contents(const Json& run, std::vector<Content>& contents) {
  const auto n = run.at("pages").get<std::size_t>();
  if (n > kMaxMapping.raw() / kPageSize) throw std::out_of_range("pages");
  for (std::size_t i = 0; i < n; ++i)
    contents.push_back({run.at("process").get<std::string>(),
                        VirtAddr(from_hex(run.at("address"))) + PageCount(i), from_hex(run.at("hash"))});
}

// Puts in the views that were left out because nothing had changed.
void complete(Observation& seen, const Observation* before, const std::vector<std::string>& processes,
              const std::vector<Names::Block>& blocks, std::size_t step) {
  std::vector<View> views;
  for (const std::string& process : processes) {
    for (const Names::Block& block : blocks) {
      if (block.step > step) continue;
      const View* view = find_view(seen, process, block.name);
      if (view == nullptr && before != nullptr) view = find_view(*before, process, block.name);
      if (view == nullptr || view->range != block.range) throw std::out_of_range("views");
      views.push_back(*view);
    }
  }
  seen.views = std::move(views);
}

Recording recording_from(const Experiment& experiment, const Json& json) {
  Recording recording;
  recording.side = json.at("side").get<std::string>();
  for (const Json& name : json.at("counters")) recording.counters.insert(name.get<std::string>());
  const Names names(experiment);
  Lives lives;
  for (const Json& step : json.at("steps")) {
    const std::size_t i = recording.steps.size();
    if (i == experiment.steps.size()) throw std::out_of_range("steps");
    lives.after(experiment.steps[i]);
    Observation seen = step_from(step);
    for (const std::string& killed : seen.ending.killed) lives.end(killed);
    complete(seen, i == 0 ? nullptr : &recording.steps.back(), lives.alive(), names.blocks(), i);
    recording.steps.push_back(std::move(seen));
  }
  for (const Json& run : json.at("contents")) read_contents(run, recording.contents);
  return recording;
}

}  // namespace

Json to_json(const Experiment& experiment, const Recording& recording, Views views) {
  Json json{{"side", recording.side}, {"counters", recording.counters}, {"steps", Json::array()}};
  for (std::size_t i = 0; i < recording.steps.size(); ++i)
    json["steps"].push_back(step_json(experiment.steps[i], recording.steps[i],
                                      i == 0 ? nullptr : &recording.steps[i - 1], views));
  json["contents"] = Json::array();
  for (std::size_t at = 0; at < recording.contents.size();) {
    const std::size_t n = like_contents(recording.contents, at);
    const Content& c = recording.contents[at];
    json["contents"].push_back(
        {{"process", c.process}, {"address", hex(c.addr.raw())}, {"pages", n}, {"hash", hex(c.hash)}});
    at += n;
  }
  if (recording.unable) json["unable"] = recording.unable->line();
  return json;
}

Result<Recording, Diagnostic> recording_from_json(const Experiment& experiment, const Json& json,
                                                  const std::string& where) {
  try {
    return recording_from(experiment, json);
  } catch (const std::exception& e) {
    return fail(Diagnostic{Diagnostic::Kind::kDamagedInput, where,
                           std::string("not a stored result, expected what --store writes: ") + e.what(),
                           ""});
  }
}

}  // namespace quire::litmus
