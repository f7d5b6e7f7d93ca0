#include "lab/paced_faults.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace quire::lab {
namespace {

constexpr std::uint64_t kLine = 64;

// Memory of the program that is no part of what is measured.
class OwnMemory {
 public:
  OwnMemory() : bytes_(kOwnWork.raw(), 1) {}
  void read() {
    std::uint64_t sum = 0;
    for (std::uint64_t at = 0; at < bytes_.size(); at += kLine) sum += bytes_[at];
    sum_ = sum;
  }

 private:
  std::vector<unsigned char> bytes_;
  volatile std::uint64_t sum_ = 0;  // the reads are not for nothing
};

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

double uninterrupted_mean(std::vector<double> samples) {
  QUIRE_CHECK(!samples.empty());
  std::ranges::sort(samples);
  const double most = samples[samples.size() / 2] * kInterrupted;
  double sum = 0;
  std::size_t n = 0;
  for (; n < samples.size() && samples[n] <= most; ++n) sum += samples[n];
  return sum / static_cast<double>(n);
}

double paced_touches(const PacedRange& range, Touch touch, Pace pace) {
  OwnMemory own;
  std::vector<double> ns;
  ns.reserve(range.steps);
  for (std::uint64_t i = 0; i < range.steps; ++i) {
    volatile char* const at = range.begin + i * range.step.raw();
    const double begin = now_ns();
    touch_one(at, touch);
    ns.push_back(now_ns() - begin);
    if (pace == Pace::kAtOnce) continue;
    if (touch == Touch::kWrite)
      for (std::uint64_t b = 0; b < range.step.raw(); b += kLine) at[b] = 1;
    own.read();
  }
  return uninterrupted_mean(std::move(ns));
}

}  // namespace quire::lab
