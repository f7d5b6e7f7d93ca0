#include "swap/page_store.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace quire::swap {
namespace {

class InMemory final : public PageStore {
 public:
  explicit InMemory(PageCount size) : pages_(size.raw()) {}

  [[nodiscard]] PageCount size() const override { return PageCount(pages_.size()); }
  [[nodiscard]] bool write(std::uint64_t page, const std::byte* bytes, PageCount count) override {
    for (std::uint64_t n = 0; n < count.raw(); ++n) {
      std::unique_ptr<std::byte[]>& at = pages_[page + n];
      if (at == nullptr) at = std::make_unique_for_overwrite<std::byte[]>(kPageSize);
      std::memcpy(at.get(), bytes + n * kPageSize, kPageSize);
    }
    return true;
  }
  [[nodiscard]] bool read(std::uint64_t page, std::byte* bytes, PageCount count) override {
    for (std::uint64_t n = 0; n < count.raw(); ++n) {
      const std::byte* at = pages_[page + n].get();
      if (at == nullptr)
        std::memset(bytes + n * kPageSize, 0, kPageSize);
      else
        std::memcpy(bytes + n * kPageSize, at, kPageSize);
    }
    return true;
  }
  void forget(std::uint64_t page, PageCount count) override {
    for (std::uint64_t n = 0; n < count.raw(); ++n) pages_[page + n].reset();
  }

 private:
  std::vector<std::unique_ptr<std::byte[]>> pages_;
};

class InFile final : public PageStore {
 public:
  InFile(int fd, PageCount size) : fd_(fd), size_(size) {}
  ~InFile() override { ::close(fd_); }

  [[nodiscard]] PageCount size() const override { return size_; }
  [[nodiscard]] bool write(std::uint64_t page, const std::byte* bytes, PageCount count) override {
    return whole(page, count, [&](std::uint64_t done, std::uint64_t left, off_t at) {
      return ::pwrite(fd_, bytes + done, left, at);
    });
  }
  [[nodiscard]] bool read(std::uint64_t page, std::byte* bytes, PageCount count) override {
    return whole(page, count, [&](std::uint64_t done, std::uint64_t left, off_t at) {
      return ::pread(fd_, bytes + done, left, at);
    });
  }
  // Nothing is won by telling the host.
  void forget(std::uint64_t, PageCount) override {}

 private:
  // The host may do a part of what it is asked for.
  template <typename Fn>
  [[nodiscard]] static bool whole(std::uint64_t page, PageCount count, Fn transfer) {
    const std::uint64_t size = count.bytes().raw();
    for (std::uint64_t done = 0; done < size;) {
      const ssize_t n = transfer(done, size - done, static_cast<off_t>(page * kPageSize + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      done += static_cast<std::uint64_t>(n);
    }
    return true;
  }

  int fd_;
  PageCount size_;
};

}  // namespace

std::unique_ptr<PageStore> pages_in_memory(PageCount size) { return std::make_unique<InMemory>(size); }

Result<std::unique_ptr<PageStore>, Errno> pages_in_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return fail(static_cast<Errno>(errno));
  const off_t size = ::lseek(fd, 0, SEEK_END);
  if (size < static_cast<off_t>(kPageSize)) {
    ::close(fd);
    return fail(Errno::kInval);
  }
  return std::make_unique<InFile>(fd, PageCount(static_cast<std::uint64_t>(size) / kPageSize));
}

}  // namespace quire::swap
