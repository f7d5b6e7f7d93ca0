#include "lab/sweep_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>

#include <variant>

#include "base/check.h"

namespace quire::lab {
namespace {

constexpr int kVersion = 3;  // PRAGMA user_version

constexpr const char* kSchema = R"sql(
CREATE TABLE recordings(
  hash TEXT PRIMARY KEY,
  path TEXT NOT NULL,
  command TEXT NOT NULL
) STRICT;
CREATE TABLE results(
  recording TEXT NOT NULL REFERENCES recordings(hash),
  policy TEXT NOT NULL,
  machine TEXT NOT NULL,
  profile TEXT NOT NULL,
  profile_hash TEXT NOT NULL,
  words TEXT NOT NULL,
  ram_bytes INTEGER NOT NULL,
  fragmentation REAL NOT NULL,
  minor_faults INTEGER NOT NULL,
  kernel_ns REAL NOT NULL,
  fault_ns_p99 REAL NOT NULL,
  peak_resident_bytes INTEGER NOT NULL,
  wasted_at_peak_bytes INTEGER NOT NULL,
  peak_page_tables_bytes INTEGER NOT NULL,
  copied_pages INTEGER NOT NULL,
  folio_splits INTEGER NOT NULL,
  pmd_splits INTEGER NOT NULL,
  large_folios INTEGER NOT NULL,
  large_fallbacks INTEGER NOT NULL,
  state_hash TEXT NOT NULL,
  major_faults INTEGER,
  swapped_out_pages INTEGER,
  swapped_in_pages INTEGER,
  refaulted_pages INTEGER,
  scanned_by_kswapd_pages INTEGER,
  scanned_directly_pages INTEGER,
  reclaimed_by_kswapd_pages INTEGER,
  reclaimed_directly_pages INTEGER,
  direct_reclaims INTEGER,
  oom_kills INTEGER,
  peak_swap_bytes INTEGER,
  peak_zram_bytes INTEGER,
  PRIMARY KEY(recording, policy, machine, profile_hash)
) STRICT;
CREATE TABLE skipped(
  recording TEXT NOT NULL REFERENCES recordings(hash),
  policy TEXT NOT NULL,
  machine TEXT NOT NULL,
  profile TEXT NOT NULL,
  profile_hash TEXT NOT NULL,
  words TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY(recording, policy, machine, profile_hash)
) STRICT;
CREATE VIEW survivors AS SELECT * FROM results WHERE coalesce(oom_kills, 0) = 0;
CREATE VIEW pareto AS
  SELECT r.* FROM survivors r WHERE NOT EXISTS(
    SELECT 1 FROM survivors o
    WHERE o.recording = r.recording AND o.machine = r.machine AND o.profile_hash = r.profile_hash
      AND o.kernel_ns <= r.kernel_ns AND o.peak_resident_bytes <= r.peak_resident_bytes
      AND (o.kernel_ns < r.kernel_ns OR o.peak_resident_bytes < r.peak_resident_bytes
           OR (length(o.words), o.words) < (length(r.words), r.words)));
CREATE VIEW sensitivity AS
  SELECT r.policy, r.machine, r.profile, count(*) AS recordings,
         min(r.kernel_ns / b.kernel_ns) AS least_time, max(r.kernel_ns / b.kernel_ns) AS most_time,
         avg(r.kernel_ns / b.kernel_ns) AS mean_time,
         max(1.0 * r.peak_resident_bytes / b.peak_resident_bytes) AS most_memory,
         sum(r.large_fallbacks) / max(1.0, sum(r.large_folios + r.large_fallbacks)) AS fallback_share,
         sum(r.swapped_in_pages) AS swapped_in_pages
  FROM survivors r JOIN survivors b
    ON b.recording = r.recording AND b.machine = r.machine AND b.profile_hash = r.profile_hash
   AND b.words = '4K'
  GROUP BY r.policy, r.machine, r.profile;
)sql";

using Value = std::variant<std::monostate, std::int64_t, double, std::string>;  // the first: NULL

// One statement, from its values to its last row.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) { ::sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr); }
  ~Statement() { ::sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(const std::vector<Value>& values) {
    int place = 0;
    for (const Value& value : values) {
      ++place;
      if (const auto* n = std::get_if<std::int64_t>(&value)) ::sqlite3_bind_int64(statement_, place, *n);
      if (const auto* d = std::get_if<double>(&value)) ::sqlite3_bind_double(statement_, place, *d);
      if (const auto* s = std::get_if<std::string>(&value))
        ::sqlite3_bind_text(statement_, place, s->data(), static_cast<int>(s->size()), SQLITE_TRANSIENT);
    }
  }
  // SQLITE_ROW, SQLITE_DONE, or what went wrong.
  int step() { return statement_ == nullptr ? SQLITE_ERROR : ::sqlite3_step(statement_); }
  [[nodiscard]] std::int64_t integer(int column) const { return ::sqlite3_column_int64(statement_, column); }
  [[nodiscard]] bool has(int column) const {
    return ::sqlite3_column_type(statement_, column) != SQLITE_NULL;
  }
  [[nodiscard]] double number(int column) const { return ::sqlite3_column_double(statement_, column); }
  [[nodiscard]] std::string text(int column) const {
    const unsigned char* const bytes = ::sqlite3_column_text(statement_, column);
    return bytes == nullptr ? "" : reinterpret_cast<const char*>(bytes);
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

Value of(std::uint64_t n) { return static_cast<std::int64_t>(n); }
Value of(ByteCount n) { return of(n.raw()); }

std::vector<Value> columns_of(const SweepKey& key) {
  return {key.recording, key.policy, key.machine, key.profile, key.profile_hash};
}

// As the last columns of a result have it.
std::vector<Value> columns_of(const SweepPressure& p) {
  return {of(p.major_faults),        of(p.swapped_out),        of(p.swapped_in),
          of(p.refaulted),           of(p.scanned_by_kswapd),  of(p.scanned_directly),
          of(p.reclaimed_by_kswapd), of(p.reclaimed_directly), of(p.direct_reclaims),
          of(p.oom_kills),           of(p.peak_swap),          of(p.peak_zram)};
}
constexpr std::size_t kPressureColumns = 12;

std::uint64_t over_sizes(const ReplayResult& result, stats::MthpStat stat) {
  std::uint64_t sum = 0;
  for (unsigned o = 2; o <= kPmdOrder; ++o)
    sum += static_cast<std::uint64_t>(result.counters.get(stat, Order(o)));
  return sum;
}

// The values of a row, from left to right.
class Row {
 public:
  explicit Row(const Statement& statement) : statement_(statement) {}
  std::string text() { return statement_.text(column_++); }
  double number() { return statement_.number(column_++); }
  std::uint64_t count() { return static_cast<std::uint64_t>(statement_.integer(column_++)); }
  ByteCount bytes() { return ByteCount(count()); }
  SweepKey key() {
    SweepKey key;
    for (std::string* const part :
         {&key.recording, &key.policy, &key.machine, &key.profile, &key.profile_hash})
      *part = text();
    return key;
  }
  // Nothing where the machine could not be short of memory.
  std::optional<SweepPressure> pressure() {
    if (!statement_.has(column_)) return std::nullopt;
    SweepPressure p;
    for (std::uint64_t* const part : {&p.major_faults, &p.swapped_out, &p.swapped_in, &p.refaulted,
                                      &p.scanned_by_kswapd, &p.scanned_directly, &p.reclaimed_by_kswapd,
                                      &p.reclaimed_directly, &p.direct_reclaims, &p.oom_kills})
      *part = count();
    p.peak_swap = bytes();
    p.peak_zram = bytes();
    return p;
  }

 private:
  const Statement& statement_;
  int column_ = 0;
};

}  // namespace

SweepPressure pressure_of(const ReplayResult& result) {
  QUIRE_CHECK(result.pressure.has_value());
  using stats::VmEvent;
  const auto counted = [&result](VmEvent event) { return result.counters.get(event); };
  return {.major_faults = result.pressure->major_faults,
          .swapped_out = counted(VmEvent::pswpout),
          .swapped_in = counted(VmEvent::pswpin),
          .refaulted = counted(VmEvent::workingset_refault_anon),
          .scanned_by_kswapd = counted(VmEvent::pgscan_kswapd),
          .scanned_directly = counted(VmEvent::pgscan_direct),
          .reclaimed_by_kswapd = counted(VmEvent::pgsteal_kswapd),
          .reclaimed_directly = counted(VmEvent::pgsteal_direct),
          .direct_reclaims = counted(VmEvent::allocstall_normal) + counted(VmEvent::allocstall_movable),
          .oom_kills = result.pressure->oom_kills,
          .peak_swap = result.pressure->peak_swap_used.bytes(),
          .peak_zram = result.pressure->peak_zram_memory};
}

void SweepStore::Close::operator()(sqlite3* db) const { ::sqlite3_close(db); }

std::unexpected<Diagnostic> SweepStore::broken() const {
  const bool foreign = ::sqlite3_errcode(db_.get()) == SQLITE_NOTADB;
  return fail(Diagnostic{foreign ? Diagnostic::Kind::kDamagedInput : Diagnostic::Kind::kFailure, file_,
                         foreign ? "holds no results of a sweep" : ::sqlite3_errmsg(db_.get()),
                         foreign ? "name another file" : ""});
}

Result<void, Diagnostic> SweepStore::run(const char* sql) {
  if (::sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return broken();
  return {};
}

Result<SweepStore, Diagnostic> SweepStore::open(const std::string& file) {
  sqlite3* db = nullptr;
  const int opened = ::sqlite3_open(file.c_str(), &db);
  SweepStore store(file, std::unique_ptr<sqlite3, Close>(db));
  if (opened != SQLITE_OK) return store.broken();
  ::sqlite3_busy_timeout(db, 10'000);  // milliseconds, while another sweep writes
  QUIRE_TRY(store.run("PRAGMA foreign_keys = ON; BEGIN IMMEDIATE;"));
  int version = 0;
  std::int64_t tables = 0;
  {
    Statement found(db, "PRAGMA user_version");
    if (found.step() == SQLITE_ROW) version = static_cast<int>(found.integer(0));
    Statement master(db, "SELECT count(*) FROM sqlite_master");
    if (master.step() == SQLITE_ROW) tables = master.integer(0);
  }
  if (version == 0 && tables == 0) {
    QUIRE_TRY(store.run(kSchema));
    QUIRE_TRY(store.run(fmt::format("PRAGMA user_version = {}", kVersion).c_str()));
  } else if (version != kVersion) {
    return fail(Diagnostic{
        Diagnostic::Kind::kDamagedInput, file,
        version == 0
            ? "holds no results of a sweep"
            : fmt::format("holds results of version {}, this build has version {}", version, kVersion),
        "name another file, and the sweep is made again"});
  }
  QUIRE_TRY(store.run("COMMIT"));
  return store;
}

Result<SweepStore::Kept, Diagnostic> SweepStore::kept(const SweepKey& key) {
  for (const auto& [table, what] :
       {std::pair("results", Kept::kResult), std::pair("skipped", Kept::kReason)}) {
    Statement find(db_.get(),
                   fmt::format("SELECT 1 FROM {} WHERE recording = ? AND policy = ? AND machine = ? "
                               "AND profile_hash = ?",
                               table)
                       .c_str());
    find.bind({key.recording, key.policy, key.machine, key.profile_hash});
    const int found = find.step();
    if (found == SQLITE_ROW) return what;
    if (found != SQLITE_DONE) return broken();
  }
  return Kept::kNothing;
}

Result<void, Diagnostic> SweepStore::put_recording(const std::string& hash, const std::string& path,
                                                   const std::string& command) {
  Statement insert(db_.get(), "INSERT OR IGNORE INTO recordings VALUES(?, ?, ?)");
  insert.bind({hash, path, command});
  if (insert.step() != SQLITE_DONE) return broken();
  return {};
}

Result<void, Diagnostic> SweepStore::put(const SweepKey& key, const std::string& words,
                                         const Machine& machine, const ReplayResult& result) {
  std::vector<Value> values = columns_of(key);
  for (Value& value :
       std::vector<Value>{words, of(machine.ram), machine.fragmentation.chance, of(result.minor_faults),
                          result.bill.kernel_ns, cost::quantile(result.bill.faults, 0.99),
                          of(result.peak_resident), of(result.wasted_at_peak), of(result.peak_tables),
                          of(result.pages_copied), of(result.folio_splits), of(result.pmd_splits),
                          of(over_sizes(result, stats::MthpStat::anon_fault_alloc)),
                          of(over_sizes(result, stats::MthpStat::anon_fault_fallback)),
                          fmt::format("{:016x}", result.state_hash)})
    values.push_back(std::move(value));
  std::vector<Value> pressure(kPressureColumns);
  if (result.pressure) pressure = columns_of(pressure_of(result));
  values.insert(values.end(), pressure.begin(), pressure.end());
  const std::string places = fmt::format("?{}", fmt::join(std::vector<std::string>(values.size(), ""), ",?"));
  Statement insert(db_.get(), fmt::format("INSERT OR IGNORE INTO results VALUES({})", places).c_str());
  insert.bind(values);
  if (insert.step() != SQLITE_DONE) return broken();
  return {};
}

Result<void, Diagnostic> SweepStore::skip(const SweepKey& key, const std::string& words,
                                          const std::string& reason) {
  Statement insert(db_.get(), "INSERT OR IGNORE INTO skipped VALUES(?,?,?,?,?,?,?)");
  std::vector<Value> values = columns_of(key);
  values.emplace_back(words);
  values.emplace_back(reason);
  insert.bind(values);
  if (insert.step() != SQLITE_DONE) return broken();
  return {};
}

Result<std::uint64_t, Diagnostic> SweepStore::count() {
  Statement all(db_.get(), "SELECT count(*) FROM results");
  if (all.step() != SQLITE_ROW) return broken();
  return static_cast<std::uint64_t>(all.integer(0));
}

Result<std::vector<ParetoRow>, Diagnostic> SweepStore::pareto() {
  Statement best(db_.get(),
                 "SELECT command, words, machine, profile, kernel_ns, peak_resident_bytes "
                 "FROM pareto JOIN recordings ON hash = recording "
                 "ORDER BY command, hash, ram_bytes, machine, profile, kernel_ns");
  std::vector<ParetoRow> rows;
  int found = best.step();
  for (; found == SQLITE_ROW; found = best.step())
    rows.push_back({best.text(0), best.text(1), best.text(2), best.text(3), best.number(4),
                    ByteCount(static_cast<std::uint64_t>(best.integer(5)))});
  if (found != SQLITE_DONE) return broken();
  return rows;
}

Result<std::vector<SweepRow>, Diagnostic> SweepStore::results() {
  Statement all(db_.get(),
                "SELECT recording, policy, machine, profile, profile_hash, command, words, ram_bytes, "
                "fragmentation, minor_faults, kernel_ns, fault_ns_p99, peak_resident_bytes, "
                "wasted_at_peak_bytes, peak_page_tables_bytes, copied_pages, folio_splits, pmd_splits, "
                "large_folios, large_fallbacks, state_hash, major_faults, swapped_out_pages, "
                "swapped_in_pages, refaulted_pages, scanned_by_kswapd_pages, scanned_directly_pages, "
                "reclaimed_by_kswapd_pages, reclaimed_directly_pages, direct_reclaims, oom_kills, "
                "peak_swap_bytes, peak_zram_bytes FROM results JOIN recordings ON hash = recording "
                "ORDER BY command, recording, ram_bytes, machine, profile, profile_hash, policy");
  std::vector<SweepRow> rows;
  int found = all.step();
  for (; found == SQLITE_ROW; found = all.step()) {
    Row row(all);
    // In the order of the columns: each of these reads the next.
    rows.push_back({.key = row.key(),
                    .command = row.text(),
                    .words = row.text(),
                    .ram = row.bytes(),
                    .fragmentation = row.number(),
                    .minor_faults = row.count(),
                    .kernel_ns = row.number(),
                    .fault_ns_p99 = row.number(),
                    .peak_resident = row.bytes(),
                    .wasted_at_peak = row.bytes(),
                    .peak_tables = row.bytes(),
                    .copied_pages = row.count(),
                    .folio_splits = row.count(),
                    .pmd_splits = row.count(),
                    .large_folios = row.count(),
                    .large_fallbacks = row.count(),
                    .pressure = std::nullopt,
                    .state_hash = row.text()});
    rows.back().pressure = row.pressure();
  }
  if (found != SQLITE_DONE) return broken();
  return rows;
}

Result<std::vector<SkippedRow>, Diagnostic> SweepStore::skipped() {
  Statement all(
      db_.get(),
      "SELECT recording, policy, machine, profile, profile_hash, command, words, reason FROM skipped "
      "JOIN recordings ON hash = recording ORDER BY command, recording, machine, profile, policy");
  std::vector<SkippedRow> rows;
  int found = all.step();
  for (; found == SQLITE_ROW; found = all.step()) {
    Row row(all);
    rows.push_back({.key = row.key(), .command = row.text(), .words = row.text(), .reason = row.text()});
  }
  if (found != SQLITE_DONE) return broken();
  return rows;
}

}  // namespace quire::lab
