#include "lab/paced_faults.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace quire::lab {
namespace {

constexpr std::uint64_t kLine = 64;

// Without a system call, which would be a visit to the kernel of its own.
double now_ns() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void touch_one(volatile char* at, Touch touch) {
  if (touch == Touch::kWrite) {
    *at = 1;
  } else {
    (void)*at;
  }
}

}  // namespace

double uninterrupted_mean(std::span<double> samples) {
  QUIRE_CHECK(!samples.empty());
  std::ranges::sort(samples);
  const double most = samples[samples.size() / 2] * kInterrupted;
  double sum = 0;
  std::size_t n = 0;
  for (; n < samples.size() && samples[n] <= most; ++n) sum += samples[n];
  return sum / static_cast<double>(n);
}

PacedTouches::PacedTouches(const PacedRange& range, Pace pace)
    : range_(range), pace_(pace), ns_(range.steps), own_(kOwnWork.raw(), 1) {
  QUIRE_CHECK(range.steps != 0);
}

void PacedTouches::work(volatile char* at, Touch touch) {
  if (touch == Touch::kWrite)
    for (std::uint64_t b = 0; b < range_.step.raw(); b += kLine) at[b] = 1;
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < own_.size(); i += kLine) sum += own_[i];
  sum_ = sum;
}

double PacedTouches::run(Touch touch) {
  for (std::uint64_t i = 0; i < range_.steps; ++i) {
    volatile char* const at = range_.begin + i * range_.step.raw();
    const double begin = now_ns();
    touch_one(at, touch);
    ns_[i] = now_ns() - begin;
    if (pace_ == Pace::kWorking) work(at, touch);
  }
  return uninterrupted_mean(ns_);
}

}  // namespace quire::lab
