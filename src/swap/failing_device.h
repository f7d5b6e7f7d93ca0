// swap/failing_device.h - a device in front of another that fails when it is
// told to: for tests of what becomes of pages then.
//
// Mirrors: fault injection into block requests (CONFIG_FAIL_MAKE_REQUEST, dm-flakey).
#pragma once

#include <cstdint>
#include <memory>

#include "swap/backend.h"

namespace quire::swap {

// Which requests of one kind fail, counted from 1.
struct Failures {
  std::uint64_t every = 0;  // each n-th; 0: none
  std::uint64_t at = 0;     // only this one; 0: none

  [[nodiscard]] bool hit(std::uint64_t request) const {
    return request == at || (every != 0 && request % every == 0);
  }
};

struct FailingOptions {
  Failures writes = {};
  IoError write_error = IoError::kWrite;
  Failures reads = {};
  IoError read_error = IoError::kRead;
  // One bit of what was read is turned, and the read succeeds: as a bad disk does.
  Failures corrupt_reads = {};
};

// FailingDevice passes on what it does not fail.
//
// Owns        : the device behind it
// Invariants  : I-FAILING-1 a request that fails does not reach the device behind
class FailingDevice final : public Backend {
 public:
  FailingDevice(std::unique_ptr<Backend> behind, const FailingOptions& options)
      : behind_(std::move(behind)), options_(options) {}

  // From now on; counting begins anew.
  void set(const FailingOptions& options);

  [[nodiscard]] std::string_view name() const override { return behind_->name(); }
  [[nodiscard]] Traits traits() const override { return behind_->traits(); }
  [[nodiscard]] PageCount size() const override { return behind_->size(); }
  [[nodiscard]] Result<void, IoError> write(std::uint64_t slot, Pages pages) override;
  [[nodiscard]] bool compresses_ahead() const override { return behind_->compresses_ahead(); }
  void expect(std::span<const Pages> folios) override { behind_->expect(folios); }
  void settle(Pages folio) override { behind_->settle(folio); }
  [[nodiscard]] Result<void, IoError> read(std::uint64_t slot, Pages pages) override;
  [[nodiscard]] bool kept_in_front(std::uint64_t slot) const override { return behind_->kept_in_front(slot); }
  bool give_up_in_front(std::uint64_t slot, PageCount count) override {
    return behind_->give_up_in_front(slot, count);
  }
  [[nodiscard]] bool reads_large() const override { return behind_->reads_large(); }
  [[nodiscard]] PageCount frames_used() const override { return behind_->frames_used(); }
  [[nodiscard]] PageCount compactable() const override { return behind_->compactable(); }
  PageCount compact() override { return behind_->compact(); }
  void slots_freed(std::uint64_t slot, PageCount count) override { behind_->slots_freed(slot, count); }
  bool damage(std::uint64_t slot) override { return behind_->damage(slot); }
  void discard(std::uint64_t slot, PageCount count) override { behind_->discard(slot, count); }

  // Requests that were failed or corrupted.
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] Backend& behind() { return *behind_; }

 private:
  std::unique_ptr<Backend> behind_;
  FailingOptions options_;
  std::uint64_t writes_ = 0, reads_ = 0, failed_ = 0;
};

}  // namespace quire::swap
