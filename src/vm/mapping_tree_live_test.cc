// The running kernel as the judge of MappingTree: both are asked for the same
// random operations in a small window of addresses, and after every one the
// boundaries, flags and offsets in /proc/self/smaps must be ours. Needs no
// privilege. Only a Linux 6.18 is asked, because the rules differ by version.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/rng.h"
#include "vm/testing_syscalls.h"

namespace quire::vm {
namespace {

using testing::Source;

constexpr std::uint64_t kWindowPages = 48;

// Where the programs play: the middle of a large hole, away from whatever else
// this process maps. First asked for in the child that plays.
VirtAddr window() {
  static const VirtAddr kWindow = [] {
    constexpr std::size_t kHole = 256UL << 20;
    void* hole = ::mmap(nullptr, kHole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ::munmap(hole, kHole);
    return VirtAddr(reinterpret_cast<std::uint64_t>(hole) + kHole / 2);
  }();
  return kWindow;
}
VirtRange window_range() { return {window(), window() + PageCount(kWindowPages)}; }

void* pointer(VirtAddr addr) { return reinterpret_cast<void*>(addr.raw()); }

// One line for each mapping of the window: "page-page rw-p hg nh +offset".
struct Layout {
  std::vector<std::string> lines;
  [[nodiscard]] std::string text() const { return fmt::format("{}", fmt::join(lines, "\n")); }
  bool operator==(const Layout&) const = default;
};

std::string describe(VirtRange range, VmFlags flags, std::uint64_t file_page) {
  return fmt::format("{}-{} {} +{}", (range.begin - window()).raw() / kPageSize,
                     (range.end - window()).raw() / kPageSize, to_string(flags), file_page);
}

Layout layout_of(const MappingTree& tree) {
  Layout layout;
  for (const Vma& vma : tree)
    layout.lines.push_back(
        describe(vma.range, vma.flags.without(testing::kMayAll), vma.is_anonymous() ? 0 : vma.pgoff));
  return layout;
}

VmFlags flags_of(const std::string& words) {
  static const std::vector<std::pair<std::string, VmFlag>> kWords{
      {"rd", VmFlag::kRead},       {"wr", VmFlag::kWrite},     {"ex", VmFlag::kExec},
      {"sh", VmFlag::kShared},     {"gd", VmFlag::kGrowsDown}, {"dc", VmFlag::kDontCopy},
      {"dd", VmFlag::kDontDump},   {"ac", VmFlag::kAccount},   {"nr", VmFlag::kNoReserve},
      {"sr", VmFlag::kSeqRead},    {"rr", VmFlag::kRandRead},  {"hg", VmFlag::kHugePage},
      {"nh", VmFlag::kNoHugePage}, {"gu", VmFlag::kMaybeGuard}};
  VmFlags flags;
  std::istringstream in(words);
  for (std::string word; in >> word;)
    for (const auto& [name, flag] : kWords)
      if (name == word) flags |= flag;
  return flags;
}

std::string read_file(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  std::string text;
  std::array<char, 65536> buffer;
  for (ssize_t n; (n = ::read(fd, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(n));
  ::close(fd);
  return text;
}

Layout live_layout() {
  Layout layout;
  std::istringstream smaps(read_file("/proc/self/smaps"));
  VirtRange range;
  std::uint64_t file_page = 0;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long begin = 0, end = 0, offset = 0, inode = 0;
    char perms[5];
    if (std::sscanf(line.c_str(), "%lx-%lx %4s %lx %*s %lu", &begin, &end, perms, &offset, &inode) == 5) {
      range = {VirtAddr(begin), VirtAddr(end)};
      file_page = offset >> kPageShift;
    } else if (line.starts_with("VmFlags:") && window_range().covers(range)) {
      layout.lines.push_back(describe(range, flags_of(line.substr(8)), file_page));
    }
  }
  return layout;
}

constexpr int kGuardInstall = 102;  // MADV_GUARD_INSTALL, which libc does not know yet
constexpr int kGuardRemove = 103;

// Whether this kernel marks mappings that were given a guard marker; builds of 6.18 may.
bool marks_guards() {
  void* const page = ::mmap(nullptr, kPageSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ::madvise(page, kPageSize, kGuardInstall);
  std::istringstream smaps(read_file("/proc/self/smaps"));
  const std::string mine = fmt::format("{:x}-", reinterpret_cast<std::uintptr_t>(page));
  bool found = false;
  std::string line;
  while (std::getline(smaps, line) && !line.starts_with(mine)) {
  }
  while (std::getline(smaps, line) && !line.starts_with("VmFlags:")) {
  }
  found = line.starts_with("VmFlags:") && flags_of(line.substr(8)).has(VmFlag::kMaybeGuard);
  ::munmap(page, kPageSize);
  return found;
}

// A program under test: this process and its model. fork() makes a child the
// program under test, while the parent stays alive and waits.
class Duel {
 public:
  explicit Duel(std::uint64_t seed) : rng_(seed) {
    trees_.push_back(std::make_unique<MappingTree>(registry_, port_, nullptr));
    files_[0] = ::memfd_create("quire-a", MFD_CLOEXEC);
    files_[1] = ::memfd_create("quire-b", MFD_CLOEXEC);
    for (int fd : files_)
      if (::ftruncate(fd, static_cast<off_t>(1024 * kWindowPages * kPageSize)) != 0) std::abort();
  }

  // Runs `steps` random operations. Returns the first disagreement, or "".
  std::string run(unsigned steps) {
    std::string wrong;
    for (unsigned i = 0; i < steps && wrong.empty(); ++i) {
      const Layout before = live_layout();
      step();
      wrong = disagreement(before);
    }
    return wrong;
  }

  // What differs between the kernel and the model now, or "".
  std::string disagreement(const Layout& before = {}) {
    const Layout live = live_layout();
    const Layout ours = layout_of(tree());
    base::InvariantReport broken;
    tree().check_invariants(broken);
    registry_.check_invariants(broken);
    if (live == ours && broken.ok()) return "";
    return fmt::format("{}\n-- before\n{}\n-- kernel\n{}\n-- ours\n{}\n{}\nhistory:\n{}", what_,
                       before.text(), live.text(), ours.text(), broken.text(), history_);
  }

  // For scripted programs; pages are counted from the start of the window.
  static VirtRange at(std::uint64_t first, std::uint64_t last) {
    return {window() + PageCount(first), window() + PageCount(last)};
  }
  void map(VirtRange r, int prot) { map_anonymous_at(r, prot, MAP_PRIVATE); }
  void write(VirtRange r) { write_at(r.begin); }
  void protect(VirtRange r, int prot) { protect_to(r, prot); }
  void move(VirtRange from, VirtRange to) { move_to(from, to, Source::kUnmap); }
  void go_on_in_child() { do_fork(); }
  [[nodiscard]] std::size_t mappings() { return tree().count(); }

 private:
  MappingTree& tree() { return *trees_.back(); }
  std::uint64_t below(std::uint64_t n) { return rng_.below(n); }
  template <typename T, std::size_t n>
  T pick(const std::array<T, n>& from) {
    return from[below(n)];
  }
  // Short ranges, mostly, so that borders meet often.
  VirtRange range() {
    const std::uint64_t first = below(kWindowPages);
    const std::uint64_t most = below(4) == 0 ? kWindowPages : 8;
    const std::uint64_t pages = 1 + below(std::min(most, kWindowPages - first));
    const VirtAddr begin = window() + PageCount(first);
    return {begin, begin + PageCount(pages)};
  }
  Vma* some_vma() {
    const std::size_t n = tree().count();
    return n == 0 ? nullptr : &*std::next(tree().begin(), static_cast<std::ptrdiff_t>(below(n)));
  }
  template <typename... Args>
  void note(fmt::format_string<Args...> text, Args&&... args) {
    what_ = fmt::format(text, std::forward<Args>(args)...);
    history_ += what_ + "\n";
  }
  static std::string pages(VirtRange r) {
    return fmt::format("{}-{}", (r.begin - window()).raw() / kPageSize, (r.end - window()).raw() / kPageSize);
  }

  void step() {
    using Operation = void (Duel::*)();
    // How often each is drawn; faults are what decides about most merges.
    static constexpr std::array<std::pair<Operation, unsigned>, 14> kOperations{{
        {&Duel::map_anonymous, 3},
        {&Duel::fill_gap, 2},
        {&Duel::map_file, 1},
        {&Duel::unmap, 1},
        {&Duel::protect, 2},
        {&Duel::protect_vma, 2},
        {&Duel::protect_to_neighbour, 2},
        {&Duel::advise, 1},
        {&Duel::touch, 5},
        {&Duel::move, 2},
        {&Duel::move_home, 2},
        {&Duel::grow, 1},
        {&Duel::fork_program, 1},
        {&Duel::guard, 1},
    }};
    std::uint64_t draw = below(26);
    for (const auto& [operation, weight] : kOperations) {
      if (draw < weight) return (this->*operation)();
      draw -= weight;
    }
  }

  void map_anonymous_at(VirtRange r, int prot, int map) {
    note("mmap anon {} prot {} map {}", pages(r), prot, map);
    ::mmap(pointer(r.begin), r.size().raw(), prot, map | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    FileRef file;
    if (map == MAP_SHARED) file = {FileId(next_file_++), FileKind::kShmem};
    testing::mmap_fixed(tree(), r, testing::mmap_flags(prot, map), file, 0);
  }
  void map_anonymous() {
    map_anonymous_at(
        range(), some_prot(),
        pick(std::array{MAP_PRIVATE, MAP_PRIVATE, MAP_PRIVATE, MAP_PRIVATE | MAP_NORESERVE, MAP_SHARED}));
  }
  // Between two mappings, or right behind one.
  void fill_gap() {
    const Vma* vma = some_vma();
    if (vma == nullptr || !vma->is_anonymous()) return;
    const Vma* above = tree().next(*vma);
    const VirtAddr end =
        above == nullptr ? std::min(vma->end() + PageCount(3), window_range().end) : above->begin();
    if (end <= vma->end()) return;
    map_anonymous_at({vma->end(), end}, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  }

  void map_file() {
    const VirtRange r = range();
    const int prot = pick(std::array{PROT_READ | PROT_WRITE, PROT_READ});
    const int map = pick(std::array{MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED});
    const std::size_t which = below(2);
    // The offset that fits the address, so that neighbours of one file merge.
    const std::uint64_t pgoff = pages_between(window(), r.begin).raw() + (below(4) == 0 ? 7 : 0);
    note("mmap file {} {} prot {} map {} +{}", which, pages(r), prot, map, pgoff);
    ::mmap(pointer(r.begin), r.size().raw(), prot, map | MAP_FIXED, files_[which],
           static_cast<off_t>(pgoff * kPageSize));
    const FileRef file{FileId(static_cast<std::uint32_t>(1 + which)), FileKind::kShmem};
    testing::mmap_fixed(tree(), r, testing::mmap_flags(prot, map), file, pgoff);
  }

  void unmap() {
    const VirtRange r = range();
    note("munmap {}", pages(r));
    ::munmap(pointer(r.begin), r.size().raw());
    QUIRE_CHECK(tree().remove(r, [](Vma&) {}).has_value());
  }

  void protect_range(VirtRange r) { protect_to(r, some_prot()); }
  void protect_to(VirtRange r, int prot) {
    note("mprotect {} prot {}", pages(r), prot);
    ::mprotect(pointer(r.begin), r.size().raw(), prot);
    testing::mprotect(tree(), r, prot);
  }
  static constexpr int kRw = PROT_READ | PROT_WRITE;
  int some_prot() {
    return pick(std::array{kRw, kRw, kRw, kRw | PROT_EXEC, kRw | PROT_EXEC, PROT_READ, PROT_NONE});
  }
  void protect() { protect_range(range()); }
  // The first pages of a mapping get what the mapping before has, or all do.
  void protect_to_neighbour() {
    const Vma* vma = some_vma();
    const Vma* below_it = vma == nullptr ? nullptr : tree().prev(*vma);
    if (below_it == nullptr) return;
    VirtRange r = vma->range;
    if (below(2) == 0) r.end = r.begin + PageCount(1 + below(vma->pages().raw()));
    const VmFlags f = below_it->flags;
    protect_to(r, (f.has(VmFlag::kRead) ? PROT_READ : 0) | (f.has(VmFlag::kWrite) ? PROT_WRITE : 0) |
                      (f.has(VmFlag::kExec) ? PROT_EXEC : 0));
  }
  // The whole of a mapping: that is where merges happen.
  void protect_vma() {
    if (const Vma* vma = some_vma()) protect_range(vma->range);
  }

  void advise() {
    const VirtRange r = below(2) == 0 || tree().count() == 0 ? range() : some_vma()->range;
    const int advice = pick(std::array{MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTFORK, MADV_DOFORK,
                                       MADV_SEQUENTIAL, MADV_NORMAL, MADV_DONTDUMP, MADV_DODUMP});
    note("madvise {} advice {}", pages(r), advice);
    ::madvise(pointer(r.begin), r.size().raw(), advice);
    testing::madvise(tree(), r, advice);
  }

  // A guard marker that goes again at once: the mapping stays marked.
  void guard() {
    Vma* vma = some_vma();
    static const bool kMarksGuards = marks_guards();
    if (vma == nullptr || !kMarksGuards) return;
    const VirtAddr at = vma->begin() + PageCount(below(vma->pages().raw()));
    note("guard {}", pages({at, at + PageCount(1)}));
    if (::madvise(pointer(at), kPageSize, kGuardInstall) != 0)
      what_ += fmt::format(" failed: {}", std::strerror(errno));
    ::madvise(pointer(at), kPageSize, kGuardRemove);
    vma->flags |= VmFlag::kMaybeGuard;
    if (vma->is_anonymous()) tree().anon_vma_prepare(*vma);
  }

  void touch() {
    Vma* vma = some_vma();
    // Shared memory has no anonymous pages, and grown past its end no pages at all.
    if (vma == nullptr || vma->is_shared() || !vma->flags.has(VmFlag::kWrite)) return;
    write_at(vma->begin() + PageCount(below(vma->pages().raw())));
  }
  void write_at(VirtAddr at) {
    note("write {}", pages({at, at + PageCount(1)}));
    *static_cast<volatile char*>(pointer(at)) = 1;
    tree().anon_vma_prepare(*tree().find(at));
  }

  void move() {
    const Vma* vma = some_vma();
    if (vma == nullptr) return;
    VirtRange from = vma->range;
    if (below(2) == 0) {
      from.begin += PageCount(below(from.size().raw() / kPageSize));
      from.end = from.begin + PageCount(1 + below(pages_between(from.begin, from.end).raw()));
    }
    const Source source = below(4) == 0 ? Source::kKeep : Source::kUnmap;
    PageCount size = pages_between(from.begin, from.end);
    if (source == Source::kUnmap && below(3) == 0) size = PageCount(1 + below(8));
    // Growing is only allowed for what reaches the end of its mapping.
    if (size > pages_between(from.begin, from.end) && from.end != vma->end()) return;
    const VirtAddr to = window() + PageCount(below(kWindowPages));
    const VirtRange target{to, to + size};
    if (!window_range().covers(target) || target.overlaps(from)) return;
    move_to(from, target, source);
  }
  void move_to(VirtRange from, VirtRange target, Source source) {
    note("mremap {} to {}{}", pages(from), pages(target), source == Source::kKeep ? " dontunmap" : "");
    const int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (source == Source::kKeep ? MREMAP_DONTUNMAP : 0);
    if (::mremap(pointer(from.begin), from.size().raw(), target.size().raw(), flags, pointer(target.begin)) ==
        MAP_FAILED)
      what_ += fmt::format(" failed: {}", std::strerror(errno));
    testing::mremap_fixed(tree(), from, target.begin, target.size(), source);
  }
  // Back to where a moved mapping with pages was made: only there its page
  // numbers continue those of its neighbours.
  void move_home() {
    for (const Vma& vma : tree()) {
      if (!vma.is_anonymous() || vma.anon_vma == nullptr) continue;
      const VirtAddr home(vma.pgoff << kPageShift);
      const VirtRange target{home, home + vma.range.size()};
      if (target.overlaps(vma.range) || !window_range().covers(target)) continue;
      return move_to(vma.range, target, Source::kUnmap);
    }
  }

  void grow() {
    Vma* vma = some_vma();
    if (vma == nullptr) return;
    const PageCount by(1 + below(4));
    const VirtRange added{vma->end(), vma->end() + by};
    if (!window_range().covers(added) || tree().overlaps(added)) return;
    note("mremap grow {} by {}", pages(vma->range), by.raw());
    ::mremap(pointer(vma->begin()), vma->range.size().raw(), (vma->range.size() + by.bytes()).raw(), 0);
    QUIRE_CHECK(tree().extend(*vma, by) != nullptr);
  }

  void fork_program() {
    if (trees_.size() <= 4 && below(2) == 0) do_fork();
  }
  void do_fork() {
    note("fork");
    const pid_t pid = ::fork();
    if (pid > 0) {
      int status = 0;
      ::waitpid(pid, &status, 0);
      ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
    }
    trees_.push_back(std::make_unique<MappingTree>(registry_, port_, nullptr));
    for (const Vma& vma : *trees_[trees_.size() - 2])
      if (!vma.flags.has(VmFlag::kDontCopy)) tree().fork_vma(vma);
  }

  base::Rng rng_;
  AnonVmaRegistry registry_;
  testing::RecordingPort port_;
  std::vector<std::unique_ptr<MappingTree>> trees_;  // the last is the program under test
  std::array<int, 2> files_{};
  std::uint32_t next_file_ = 10;
  std::string what_, history_;
};

bool is_reference_kernel() {
  utsname name{};
  ::uname(&name);
  return std::strncmp(name.release, "6.18.", 5) == 0;
}

// Runs `body` in a child with a time limit; it writes what is wrong.
template <typename Body>
std::string in_child(Body body) {
  constexpr std::size_t kSize = 1 << 20;
  auto* said =
      static_cast<char*>(::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(100);
    const std::string wrong = body();
    if (!wrong.empty()) std::memcpy(said, wrong.data(), std::min(wrong.size(), kSize - 1));
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  std::string wrong = said;
  if (status != 0) wrong += fmt::format(" (the child ended with status {:#x})", status);
  ::munmap(said, kSize);
  return wrong;
}

// Sanitizers make fork and smaps tens of times slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned kSeeds = 2;
#else
constexpr unsigned kSeeds = 25;
#endif

class LiveMappings : public ::testing::TestWithParam<std::uint64_t> {};

// 200 programs of 60 operations each: the kernel and MappingTree have the same
// mappings after every operation.
TEST_P(LiveMappings, RandomProgramsAgreeWithTheKernel) {
  if (!is_reference_kernel()) GTEST_SKIP() << "the running kernel is not Linux 6.18";
  constexpr unsigned kSteps = 60;
  for (std::uint64_t seed = GetParam() * kSeeds; seed < (GetParam() + 1) * kSeeds; ++seed) {
    const std::string wrong = in_child([seed] {
      auto* duel = new Duel(seed);  // left to the exit: its trees are linked to each other
      return duel->run(kSteps);
    });
    ASSERT_EQ(wrong, "") << "seed " << seed;
  }
}

constexpr int kRw = PROT_READ | PROT_WRITE;
constexpr int kRwx = PROT_READ | PROT_WRITE | PROT_EXEC;

// Faulted pages that mremap brings beside a mapping without pages merge with
// it, and the merged mapping has the anon_vma of the pages: it does not merge
// with a third mapping that has another.
//
//   AAAA....BBBB   A moved away and back; then **** between; then B made like them
//   CCCCCCCCBBBB
TEST(LiveMappingScripts, MovedPagesBringTheirAnonVma) {
  if (!is_reference_kernel()) GTEST_SKIP() << "the running kernel is not Linux 6.18";
  const std::string wrong = in_child([] {
    auto* duel = new Duel(0);
    duel->map(Duel::at(8, 12), kRwx);
    duel->write(Duel::at(8, 9));
    duel->map(Duel::at(0, 4), kRw);
    duel->write(Duel::at(0, 1));
    duel->move(Duel::at(0, 4), Duel::at(20, 24));
    duel->map(Duel::at(4, 8), kRw);
    duel->move(Duel::at(20, 24), Duel::at(0, 4));
    const std::string merged = duel->mappings() == 2 ? "" : "the moved mapping should have merged";
    duel->protect(Duel::at(8, 12), kRw);
    return merged + duel->disagreement() +
           (duel->mappings() == 2 ? "" : "two anon_vmas should not have merged");
  });
  EXPECT_EQ(wrong, "");
}

// In a forked child the same pages have two anon_vmas, and the mapping that
// mremap moves does not merge with one that has none.
TEST(LiveMappingScripts, MovedPagesOfAForkedChildDoNotMerge) {
  if (!is_reference_kernel()) GTEST_SKIP() << "the running kernel is not Linux 6.18";
  const std::string wrong = in_child([] {
    auto* duel = new Duel(0);
    duel->map(Duel::at(0, 4), kRw);
    duel->write(Duel::at(0, 1));
    duel->go_on_in_child();
    duel->move(Duel::at(0, 4), Duel::at(20, 24));
    duel->map(Duel::at(4, 8), kRw);
    duel->move(Duel::at(20, 24), Duel::at(0, 4));
    return duel->disagreement() + (duel->mappings() == 2 ? "" : "should not have merged");
  });
  EXPECT_EQ(wrong, "");
}

INSTANTIATE_TEST_SUITE_P(Batches, LiveMappings, ::testing::Range<std::uint64_t>(0, 8));

}  // namespace
}  // namespace quire::vm
