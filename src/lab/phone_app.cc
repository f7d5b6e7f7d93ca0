#include "lab/phone_app.h"

#include <algorithm>
#include <utility>

namespace quire::lab {

using trace::Event;
using trace::Kind;
using trace::PageRun;
using trace::TouchBits;
using trace::Written;

namespace {

constexpr std::uint64_t kPage = 4096;
// Where each kind begins: far apart, so that none grows into another.
constexpr std::array<std::uint64_t, 3> kFirstPages{0x12c00, 0x7000'00000, 0x7400'00000};
constexpr std::uint64_t kDontNeed = 4;             // MADV_DONTNEED
constexpr std::uint64_t kReadWrite = 3;            // PROT_READ | PROT_WRITE
constexpr std::uint64_t kPrivateFixed = 0x100022;  // MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE

}  // namespace

PhoneApp::PhoneApp(const PhoneModel& model, trace::TaskId task, trace::MmId mm, std::uint64_t seed,
                   GiveEvent give)
    : model_(&model), task_(task), mm_(mm), seed_(seed), rng_(seed), give_(std::move(give)) {
  for (std::size_t kind = 0; kind < areas_.size(); ++kind) areas_[kind].first_page = kFirstPages[kind];
}

PhoneApp PhoneApp::fork(trace::TaskId task, trace::MmId mm, std::uint64_t seed) const {
  PhoneApp child(*model_, task, mm, seed, give_);
  child.areas_ = areas_;
  for (PhoneArea& area : child.areas_) area.shared = area.touched.size();
  return child;
}

Event PhoneApp::event(Kind kind, PhoneMoment at) const {
  Event e;
  e.kind = kind;
  e.task = task_;
  e.mm = mm_;
  e.time_us = at.time_us;
  return e;
}

void PhoneApp::touch(std::uint64_t page, std::uint8_t flags, PhoneMoment at) {
  Event e = event(Kind::kTouch, at);
  e.flags = flags;
  e.addr = VirtAddr(page * kPage);
  ++touches_;
  give_(e);
}

// The same for the same page and question, whenever it is asked.
std::uint64_t PhoneApp::dice(std::uint64_t a, std::uint64_t b) const {
  return base::Rng(seed_ ^ (a * 0x9e3779b97f4a7c15ULL) ^ (b << 48)).next() % 100;
}

void PhoneApp::map(std::size_t kind, PhoneMoment at) {
  PhoneArea& area = areas_[kind];
  const std::uint64_t pages = model_->kinds[kind].mapping_pages;
  Event e = event(Kind::kSyscall, at);
  e.sys = trace::Sys::kMmap;
  e.args = {(area.first_page + area.mapped) * kPage, pages * kPage, kReadWrite, kPrivateFixed, ~0ULL, 0};
  e.result = static_cast<std::int64_t>(e.args[0]);
  area.mapped += pages;
  give_(e);
}

// What was given back comes first, as allocators do it; then pages nobody had.
void PhoneApp::grow_kind(std::size_t kind, std::uint64_t pages, PhoneMoment at) {
  PhoneArea& area = areas_[kind];
  for (; pages != 0 && !area.given_back.empty(); --pages) {
    const std::uint64_t page = area.given_back.back();
    area.given_back.pop_back();
    area.touched[page] = 1;
    touch(area.first_page + page, TouchBits::kWrite, at);
  }
  for (; pages != 0; --pages) {
    if (rng_.chance(model_->never_touched_percent)) area.touched.push_back(0);
    while (area.touched.size() >= area.mapped) map(kind, at);
    touch(area.first_page + area.touched.size(), TouchBits::kWrite, at);
    area.touched.push_back(1);
  }
}

void PhoneApp::grow(std::uint64_t pages, PhoneMoment at) {
  for (std::size_t kind = 0; kind < areas_.size(); ++kind)
    grow_kind(kind, pages * model_->kinds[kind].share_percent / 100, at);
}

void PhoneApp::copy_shared(unsigned percent, PhoneMoment at) {
  for (const PhoneArea& area : areas_) {
    for (std::uint64_t page = 0; page < area.shared; ++page) {
      const bool copies = dice(area.first_page + page / model_->cluster_pages, 1) < percent;
      if (copies && area.touched[page] != 0)
        touch(area.first_page + page, TouchBits::kWrite | TouchBits::kPresent, at);
    }
  }
}

std::uint64_t PhoneApp::use(unsigned hot_percent, unsigned cold_percent, PhoneMoment at) {
  std::vector<PageRun> runs;
  std::uint64_t used = 0;
  ++uses_;
  for (std::size_t kind = 0; kind < areas_.size(); ++kind) {
    const PhoneArea& area = areas_[kind];
    const PhoneKind& is = model_->kinds[kind];
    for (std::uint64_t from = 0; from < area.touched.size(); from += model_->cluster_pages) {
      const std::uint64_t cluster = area.first_page + from;
      const unsigned percent = dice(cluster, 2) < is.hot_percent ? hot_percent : cold_percent;
      if (dice(cluster, 3 + uses_) >= percent) continue;
      const auto written = dice(cluster, 4) < is.written_percent ? Written::kYes : Written::kNo;
      const std::uint64_t end = std::min<std::uint64_t>(from + model_->cluster_pages, area.touched.size());
      for (std::uint64_t page = from; page < end; ++page) {
        if (area.touched[page] == 0) continue;
        const std::uint64_t number = area.first_page + page;
        if (!runs.empty() && runs.back().end() == number && runs.back().written == written) {
          ++runs.back().pages;
        } else {
          runs.push_back({number, 1, written});
        }
        ++used;
      }
    }
  }
  const trace::SampleHead head{
      .task = task_, .mm = mm_, .time_us = at.time_us, .window_us = at.window_us, .sample = at.sample};
  for (const Event& e : trace::accessed_events(head, runs)) give_(e);
  return used;
}

void PhoneApp::give_back(std::uint64_t pages, PhoneMoment at) {
  for (std::size_t kind = 0; kind < areas_.size(); ++kind) {
    PhoneArea& area = areas_[kind];
    const PhoneKind& is = model_->kinds[kind];
    std::uint64_t left = pages * is.share_percent / 100;
    while (left != 0 && area.touched.size() > is.grain_pages) {
      const std::uint64_t count = std::min(left, 1 + rng_.below(is.grain_pages));
      const std::uint64_t from = rng_.below(area.touched.size() - count);
      Event e = event(Kind::kSyscall, at);
      e.sys = trace::Sys::kMadvise;
      e.args = {(area.first_page + from) * kPage, count * kPage, kDontNeed, 0, 0, 0};
      give_(e);
      for (std::uint64_t page = from; page < from + count; ++page) {
        if (std::exchange(area.touched[page], std::uint8_t{0}) != 0) area.given_back.push_back(page);
      }
      left -= count;
    }
  }
}

void PhoneApp::exit(PhoneMoment at) {
  Event e = event(Kind::kExit, at);
  e.args[0] = touches_;
  give_(e);
  give_(event(Kind::kMmGone, at));
}

}  // namespace quire::lab
