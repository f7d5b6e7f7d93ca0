#include "cost/profile.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <vector>

#include "base/check.h"
#include "base/size.h"
#include "cost/reference_profile.h"
#include "policy/near_miss.h"

namespace quire::cost {
namespace {

constexpr std::array<std::string_view, kSizedWorks> kSizedNames{"fault", "fork", "unmap", "split"};
constexpr std::array<std::string_view, kWorks> kNames{"zero_fault", "file_fault", "copy_fault", "reuse_fault",
                                                      "table",      "split_pmd",  "collapse"};

template <typename Fn>
void each_size(Fn&& fn) {
  for (unsigned o = 0; o <= kOrderPmd.raw(); ++o)
    if (o != 1) fn(Order(o), base::short_size(Order(o).bytes()));
}

bool has_size(SizedWork work, Order order) { return work != SizedWork::kSplit || order != kOrder0; }

std::string text_of(const Time& t) {
  return fmt::format("[{:.1f}, {:.1f}, {:.1f}]", t.median, t.low, t.high);
}

// Reads the members of one table, and complains of those it was not asked for.
class Members {
 public:
  Members(const toml::table& table, std::string name, const std::string& file)
      : table_(table), name_(std::move(name)), file_(file) {}

  template <typename T>
  Result<T, Diagnostic> value(std::string_view key) {
    const toml::node* const node = QUIRE_TRY(find(key));
    if (const auto value = node->value_exact<T>()) return *value;
    return fail(wrong(*node, key, "is of another kind than expected"));
  }
  Result<Time, Diagnostic> time(std::string_view key) {
    const toml::node* const node = QUIRE_TRY(find(key));
    const toml::array* const numbers = node->as_array();
    std::array<double, 3> ns{};
    if (numbers == nullptr || numbers->size() != ns.size())
      return fail(wrong(*node, key, "is no time, expected [median, low, high] in nanoseconds"));
    for (std::size_t i = 0; i < ns.size(); ++i) {
      const auto n = numbers->get(i)->value<double>();
      if (!n || !(*n >= 0) || *n > 1e12)
        return fail(wrong(*numbers->get(i), key, "is no time, expected 0 to 1e12 nanoseconds"));
      ns[i] = *n;
    }
    if (ns[0] < ns[1] || ns[0] > ns[2])
      return fail(wrong(*node, key, "has a median outside of its interval, expected [median, low, high]"));
    return Time{ns[0], ns[1], ns[2]};
  }
  Result<Members, Diagnostic> table(std::string_view key) {
    const toml::node* const node = QUIRE_TRY(find(key));
    if (const toml::table* const inner = node->as_table())
      return Members(*inner, name_ + std::string(key) + ".", file_);
    return fail(wrong(*node, key, "is no table"));
  }
  // After everything was read.
  Result<void, Diagnostic> end() const {
    for (const auto& [key, node] : table_) {
      if (std::ranges::find(asked_, key.str()) == asked_.end()) {
        Diagnostic unknown = wrong(node, key.str(), "is no member of a profile");
        unknown.hint = policy::did_you_mean(key.str(), asked_);
        return fail(std::move(unknown));
      }
    }
    return {};
  }

 private:
  Result<const toml::node*, Diagnostic> find(std::string_view key) {
    asked_.emplace_back(key);
    if (const toml::node* const node = table_.get(key)) return node;
    return fail(wrong(table_, key, "is missing"));
  }
  [[nodiscard]] Diagnostic wrong(const toml::node& node, std::string_view key,
                                 const std::string& what) const {
    return {Diagnostic::Kind::kDamagedInput, fmt::format("{}:{}", file_, node.source().begin.line),
            fmt::format("{}{} {}", name_, key, what), ""};
  }

  const toml::table& table_;
  std::string name_;
  const std::string& file_;
  std::vector<std::string> asked_;
};

Result<void, Diagnostic> read_sized(Members& members, SizedWork work, Profile& profile) {
  Members sizes = QUIRE_TRY(members.table(name_of(work)));
  std::optional<Diagnostic> trouble;
  each_size([&](Order order, const std::string& size) {
    if (trouble || !has_size(work, order)) return;
    if (auto time = sizes.time(size)) {
      profile.of(work, order) = *time;
    } else {
      trouble = time.error();
    }
  });
  if (trouble) return fail(*trouble);
  return sizes.end();
}

}  // namespace

std::string_view name_of(SizedWork work) { return kSizedNames[static_cast<std::size_t>(work)]; }
std::string_view name_of(Work work) { return kNames[static_cast<std::size_t>(work)]; }

std::string to_toml(const Profile& p) {
  toml::table head{{"name", p.name},
                   {"cpu", p.cpu},
                   {"kernel", p.kernel},
                   {"date", p.date},
                   {"rounds", static_cast<std::int64_t>(p.rounds)}};
  std::ostringstream out;
  out << "# Nanoseconds: [median, low, high]; see docs/reference/profile.md.\n" << head << "\n\n[work]\n";
  for (std::size_t i = 0; i < kWorks; ++i) out << kNames[i] << " = " << text_of(p.plain[i]) << "\n";
  for (std::size_t i = 0; i < kSizedWorks; ++i) {
    out << "\n[" << kSizedNames[i] << "]\n";
    each_size([&](Order order, const std::string& size) {
      const auto work = static_cast<SizedWork>(i);
      if (has_size(work, order)) out << size << " = " << text_of(p.of(work, order)) << "\n";
    });
  }
  return out.str();
}

Result<Profile, Diagnostic> parse_profile(std::string_view text, const std::string& where) try {
  const toml::table table = toml::parse(text, where);
  Members members(table, "", where);
  Profile profile;
  profile.name = QUIRE_TRY(members.value<std::string>("name"));
  profile.cpu = QUIRE_TRY(members.value<std::string>("cpu"));
  profile.kernel = QUIRE_TRY(members.value<std::string>("kernel"));
  profile.date = QUIRE_TRY(members.value<std::string>("date"));
  profile.rounds = static_cast<unsigned>(QUIRE_TRY(members.value<std::int64_t>("rounds")));
  Members works = QUIRE_TRY(members.table("work"));
  for (std::size_t i = 0; i < kWorks; ++i) profile.plain[i] = QUIRE_TRY(works.time(kNames[i]));
  QUIRE_TRY(works.end());
  for (std::size_t i = 0; i < kSizedWorks; ++i)
    QUIRE_TRY(read_sized(members, static_cast<SizedWork>(i), profile));
  QUIRE_TRY(members.end());
  return profile;
} catch (const toml::parse_error& error) {
  return fail(Diagnostic{Diagnostic::Kind::kDamagedInput,
                         fmt::format("{}:{}", where, error.source().begin.line),
                         "is no TOML: " + std::string(error.description()), ""});
}

Result<Profile, Diagnostic> read_profile(const std::string& file) {
  std::ifstream in(file);
  if (!in)
    return fail(Diagnostic{Diagnostic::Kind::kUsage, file, "cannot be read",
                           "make one with quire calibrate -o FILE"});
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  return parse_profile(text, file);
}

const Profile& reference_profile() {
  static const Profile profile = [] {
    auto parsed = parse_profile(kReferenceProfile, "reference profile");
    QUIRE_CHECK(parsed.has_value());
    return std::move(*parsed);
  }();
  return profile;
}

}  // namespace quire::cost
