// Which processes a view shows, and in which order.
#include <algorithm>
#include <map>
#include <set>

#include "top/view.h"

namespace quire::top {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(const std::string& text, const std::string& part) {
  return !std::ranges::search(text, part, {}, lower, lower).empty() || part.empty();
}

bool is_shown(const Process& process, const View& view) {
  return (view.user.empty() || process.user == view.user) && matches(process, view.filter);
}

// The order of the table; what is not known is last, and pids decide between equals.
class Before {
 public:
  Before(const View& view, Time now)
      : id_(view.sort),
        now_(now),
        largest_first_((column(view.sort).first == Column::First::kLargest) !=
                       (view.reversed == View::Flag::kOn)) {}
  bool operator()(const Process* a, const Process* b) const {
    const SortKey of_a = sort_key(*a, id_, now_);
    const SortKey of_b = sort_key(*b, id_, now_);
    if (of_a.has_value() != of_b.has_value()) return of_a.has_value();
    if (of_a == of_b) return a->stat.pid < b->stat.pid;
    return largest_first_ ? *of_b < *of_a : *of_a < *of_b;
  }

 private:
  ColumnId id_;
  Time now_;
  bool largest_first_;
};

using Children = std::map<pid_t, std::vector<const Process*>>;

struct Strokes {
  const char *last, *other, *through, *nothing;
};

const Strokes& strokes(Glyphs glyphs) {
  static constexpr Strokes kAscii{"`- ", "|- ", "|  ", "   "};
  static constexpr Strokes kUtf8{"└─ ", "├─ ", "│  ", "   "};
  return glyphs == Glyphs::kUtf8 ? kUtf8 : kAscii;
}

// Deep trees are flattened, so that a row has room for a name, and the walk an end.
constexpr std::size_t kDeepest = 12;

// A process whose turn comes: the strokes before it, and before what is below it.
struct Waiting {
  const Process* process = nullptr;
  std::string branch, below;
  std::size_t depth = 0;
};

// The last one on top, so that they come off in order.
void push_children(std::vector<Waiting>& stack, const Children& children, pid_t parent, const Waiting& above,
                   const Strokes& s) {
  const auto level = children.find(parent);
  if (level == children.end()) return;
  const bool at_top = above.process == nullptr;
  for (auto child = level->second.rbegin(); child != level->second.rend(); ++child) {
    const bool last = child == level->second.rbegin();
    const bool deeper = !at_top && above.depth < kDeepest;
    stack.push_back({*child, at_top ? "" : above.below + (last ? s.last : s.other),
                     deeper ? above.below + (last ? s.nothing : s.through) : above.below, above.depth + 1});
  }
}

// A process whose parent is not shown is a root.
std::vector<Row> as_tree(const std::vector<const Process*>& sorted, Glyphs glyphs) {
  std::set<pid_t> shown;
  for (const Process* process : sorted) shown.insert(process->stat.pid);
  constexpr pid_t kNobody = 0;
  Children children;
  for (const Process* process : sorted) {
    const pid_t parent = process->stat.parent;
    const bool below = shown.contains(parent) && parent != process->stat.pid;
    children[below ? parent : kNobody].push_back(process);
  }
  std::vector<Row> rows;
  std::vector<Waiting> stack;
  push_children(stack, children, kNobody, {}, strokes(glyphs));
  while (!stack.empty()) {
    const Waiting next = std::move(stack.back());
    stack.pop_back();
    rows.push_back({next.process, next.branch});
    push_children(stack, children, next.process->stat.pid, next, strokes(glyphs));
  }
  return rows;
}

}  // namespace

bool matches(const Process& process, const std::string& text) {
  return contains(process.stat.name, text) || std::to_string(process.stat.pid) == text;
}

std::vector<Row> rows_of(const Frame& frame, const View& view) {
  std::vector<const Process*> shown;
  for (const Process& process : frame.processes)
    if (is_shown(process, view)) shown.push_back(&process);
  std::ranges::sort(shown, Before(view, frame.now.at));
  if (view.tree == View::Flag::kOn) return as_tree(shown, view.glyphs);
  std::vector<Row> rows;
  for (const Process* process : shown) rows.push_back({process, ""});
  return rows;
}

std::size_t place_of(const std::vector<Row>& rows, const View& view) {
  if (!view.selected) return 0;
  const auto found =
      std::ranges::find(rows, *view.selected, [](const Row& row) { return row.process->stat.pid; });
  return found == rows.end() ? 0 : static_cast<std::size_t>(found - rows.begin());
}

std::vector<std::string> users_of(const Frame& frame) {
  std::set<std::string> users;
  for (const Process& process : frame.processes) users.insert(process.user);
  std::vector<std::string> menu{"all users"};
  menu.insert(menu.end(), users.begin(), users.end());
  return menu;
}

}  // namespace quire::top
