#include "record/perf_ring.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <utility>

namespace quire::record {
namespace {

constexpr std::size_t kSmallest = 128 << 10;

}  // namespace

live::UniqueFd open_perf_event(perf_event_attr attr, pid_t pid, int cpu) {
  return live::UniqueFd(
      static_cast<int>(syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
}

perf_event_attr common_perf_attr() {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
  attr.sample_id_all = 1;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  attr.inherit = 1;
  attr.sample_period = 1;
  return attr;
}

std::vector<int> online_cpus() {
  std::vector<int> cpus;
  std::ifstream file("/sys/devices/system/cpu/online");
  for (std::string part; std::getline(file, part, ',');) {
    const int first = std::atoi(part.c_str());
    const std::size_t dash = part.find('-');
    const int last = dash == std::string::npos ? first : std::atoi(part.c_str() + dash + 1);
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return cpus.empty() ? std::vector<int>{0} : cpus;
}

Result<PerfRing, int> PerfRing::map(live::UniqueFd event, ByteCount size) {
  for (std::size_t bytes = std::bit_floor(std::max<std::size_t>(size.raw(), kSmallest));; bytes /= 2) {
    void* base = mmap(nullptr, bytes + kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
    if (base != MAP_FAILED) return PerfRing(std::move(event), base, bytes);
    if (bytes <= kSmallest) return fail(errno);
  }
}

PerfRing::PerfRing(PerfRing&& other) noexcept
    : event_(std::move(other.event_)),
      base_(std::exchange(other.base_, nullptr)),
      data_bytes_(other.data_bytes_),
      joined_(std::move(other.joined_)) {}

PerfRing::~PerfRing() {
  if (base_ != nullptr) munmap(base_, data_bytes_ + kPageSize);
}

void PerfRing::consume(const std::function<void(std::span<const std::byte>)>& take) {
  auto* control = static_cast<perf_event_mmap_page*>(base_);
  const auto* data = static_cast<const std::byte*>(base_) + kPageSize;
  const std::uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
  std::uint64_t tail = control->data_tail;
  while (tail < head) {
    const std::size_t at = tail & (data_bytes_ - 1);
    perf_event_header header{};  // 8-byte aligned, so never wrapped itself
    std::memcpy(&header, data + at, sizeof(header));
    const std::size_t before_end = std::min<std::size_t>(header.size, data_bytes_ - at);
    if (before_end == header.size) {
      take({data + at, header.size});
    } else {
      joined_.assign(data + at, data + at + before_end);
      joined_.insert(joined_.end(), data, data + (header.size - before_end));
      take(joined_);
    }
    tail += header.size;
  }
  __atomic_store_n(&control->data_tail, tail, __ATOMIC_RELEASE);
}

}  // namespace quire::record
