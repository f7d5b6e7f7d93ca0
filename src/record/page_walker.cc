#include "record/page_walker.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>

#include "live/unique_fd.h"
#include "walker.skel.h"

namespace quire::record {
namespace {

// Where Linux puts the direct map on x86-64 with four levels, unless it is
// told to randomise; then it is a multiple of 1 GiB above.
constexpr std::uint64_t kUsualDirectMap = 0xffff888000000000;
constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr std::uint64_t kFrameBits = 0x000ffffffffff000;

struct CloseSkeleton {
  void operator()(walker_bpf* skeleton) const { walker_bpf__destroy(skeleton); }
};

Diagnostic refused(std::string_view what, int error) {
  return {.kind = Diagnostic::Kind::kPrivilege,
          .where = "record: --hotness",
          .what = error == 0 ? std::string(what) : fmt::format("{}: {}", what, std::strerror(error)),
          .hint = "run as root on an x86-64 kernel of 6.7 or later, or record without --hotness"};
}

// The end of the last range of memory, as /proc/iomem shows it to root.
std::optional<std::uint64_t> memory_end() {
  std::ifstream in("/proc/iomem");
  std::uint64_t end = 0;
  for (std::string line; std::getline(in, line);) {
    unsigned long long first = 0;
    unsigned long long last = 0;
    if (line.find("System RAM") == line.npos) continue;
    if (std::sscanf(line.c_str(), " %llx-%llx", &first, &last) == 2)
      end = std::max<std::uint64_t>(end, last + 1);
  }
  return end > 1 ? std::optional(end) : std::nullopt;
}

// A page of our own, which stays where it is.
class OwnPage {
 public:
  OwnPage() : page_(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (page_ == MAP_FAILED) return;
    madvise(page_, 4096, MADV_NOHUGEPAGE);
    *static_cast<volatile char*>(page_) = 1;
    (void)mlock(page_, 4096);
  }
  ~OwnPage() {
    if (page_ != MAP_FAILED) munmap(page_, 4096);
  }
  OwnPage(const OwnPage&) = delete;
  OwnPage& operator=(const OwnPage&) = delete;

  [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(page_); }
  // Its frame number by pagemap; 0 when that is hidden from us.
  [[nodiscard]] std::uint64_t frame() const {
    const live::UniqueFd pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    std::uint64_t entry = 0;
    const auto at = static_cast<off_t>(address() / 4096 * 8);
    if (page_ == MAP_FAILED || pread(pagemap.get(), &entry, sizeof(entry), at) != sizeof(entry)) return 0;
    return entry & ((1ULL << 55) - 1);
  }

 private:
  void* page_;
};

// As walker.bpf.c has it.
struct LookupArgs {
  std::uint64_t direct_map = 0;
  std::uint64_t address = 0;
  std::uint64_t pgd = 0;
  std::uint64_t entry = 0;
};

}  // namespace

struct PageWalker::Impl {
  std::unique_ptr<walker_bpf, CloseSkeleton> skeleton;
  std::unique_ptr<bpf_link, int (*)(bpf_link*)> link{nullptr, &bpf_link__destroy};
  std::uint64_t failed_looks = 0;

  Result<void, Diagnostic> load(int ring, int tasks);
  Result<void, Diagnostic> calibrate();
  [[nodiscard]] LookupArgs find(std::uint64_t direct_map, std::uint64_t address) const;
};

Result<void, Diagnostic> PageWalker::Impl::load(int ring, int tasks) {
  skeleton.reset(walker_bpf__open());
  if (skeleton == nullptr) return fail(refused("the walker cannot be opened", errno));
  int error = bpf_map__reuse_fd(skeleton->maps.ring, ring);
  if (error == 0) error = bpf_map__reuse_fd(skeleton->maps.tasks, tasks);
  if (error == 0) error = walker_bpf__load(skeleton.get());
  if (error != 0) return fail(refused("the walker cannot be loaded", -error));
  link.reset(bpf_program__attach_iter(skeleton->progs.walk_task, nullptr));
  if (link == nullptr) return fail(refused("the iterator over tasks cannot be made", errno));
  return {};
}

LookupArgs PageWalker::Impl::find(std::uint64_t direct_map, std::uint64_t address) const {
  LookupArgs args{.direct_map = direct_map, .address = address};
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.ctx_in = &args;
  options.ctx_size_in = sizeof(args);
  if (bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.find_page), &options) != 0) return {};
  return args;
}

// A base is right when a page of our own is found where pagemap says it is.
Result<void, Diagnostic> PageWalker::Impl::calibrate() {
  const auto end = memory_end();
  if (!end) return fail(refused("/proc/iomem does not show where memory ends", 0));
  skeleton->bss->memory_end = *end;
  const OwnPage page;
  const std::uint64_t frame = page.frame();
  if (frame == 0) return fail(refused("/proc/self/pagemap hides the numbers of frames", 0));
  const auto right = [&](std::uint64_t base) {
    return (find(base, page.address()).entry & kFrameBits) >> 12 == frame;
  };
  std::uint64_t base = kUsualDirectMap;
  if (!right(base)) {
    // Our top table lies in the direct map, less than all memory above its base.
    const std::uint64_t pgd = find(base, page.address()).pgd;
    const std::uint64_t most = *end / kGiB + 1;
    base = pgd & ~(kGiB - 1);
    for (std::uint64_t tries = 0; tries < most && !right(base); ++tries) base -= kGiB;
    if (!right(base)) return fail(refused("the kernel's map of memory was not found", 0));
  }
  skeleton->bss->direct_map = base;
  return {};
}

PageWalker::PageWalker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PageWalker::PageWalker(PageWalker&&) noexcept = default;
PageWalker& PageWalker::operator=(PageWalker&&) noexcept = default;
PageWalker::~PageWalker() = default;

Result<PageWalker, Diagnostic> PageWalker::create(int ring, int tasks) {
  auto impl = std::make_unique<Impl>();
  QUIRE_TRY(impl->load(ring, tasks));
  QUIRE_TRY(impl->calibrate());
  return PageWalker(std::move(impl));
}

// Reading the iterator to its end is what makes it go.
void PageWalker::look(std::uint64_t number) {
  impl_->skeleton->bss->sample = number;
  const live::UniqueFd iterator(bpf_iter_create(bpf_link__fd(impl_->link.get())));
  std::array<char, 64> nothing{};
  ssize_t got = -1;
  do {
    got = iterator.valid() ? read(iterator.get(), nothing.data(), nothing.size()) : -1;
  } while (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR) && iterator.valid()));
  if (got < 0) ++impl_->failed_looks;
}

std::vector<std::string> PageWalker::notes() const {
  std::vector<std::string> notes;
  const auto note = [&](std::uint64_t n, const char* what) {
    if (n != 0) notes.push_back(fmt::format("--hotness: {} {}", n, what));
  };
  note(impl_->failed_looks, "looks failed");
  note(__atomic_load_n(&impl_->skeleton->bss->lost_tables, __ATOMIC_ACQUIRE),
       "page tables found no room in the ring: the samples lack their pages");
  note(__atomic_load_n(&impl_->skeleton->bss->unread_tables, __ATOMIC_ACQUIRE),
       "page tables could not be read");
  return notes;
}

}  // namespace quire::record
