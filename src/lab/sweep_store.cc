#include "lab/sweep_store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <variant>

namespace quire::lab {
namespace {

constexpr int kVersion = 2;  // PRAGMA user_version

constexpr const char* kSchema = R"sql(
CREATE TABLE recordings(
  hash TEXT PRIMARY KEY,
  path TEXT NOT NULL,
  command TEXT NOT NULL
) STRICT;
CREATE TABLE results(
  recording TEXT NOT NULL REFERENCES recordings(hash),
  policy TEXT NOT NULL,
  ram_bytes INTEGER NOT NULL,
  profile TEXT NOT NULL,
  profile_hash TEXT NOT NULL,
  fragmentation REAL NOT NULL,
  words TEXT NOT NULL,
  minor_faults INTEGER NOT NULL,
  kernel_ns REAL NOT NULL,
  fault_ns_p99 REAL NOT NULL,
  peak_resident_bytes INTEGER NOT NULL,
  wasted_at_peak_bytes INTEGER NOT NULL,
  peak_page_tables_bytes INTEGER NOT NULL,
  copied_pages INTEGER NOT NULL,
  folio_splits INTEGER NOT NULL,
  pmd_splits INTEGER NOT NULL,
  state_hash TEXT NOT NULL,
  PRIMARY KEY(recording, policy, ram_bytes, profile_hash, fragmentation)
) STRICT;
CREATE VIEW pareto AS
  SELECT r.* FROM results r WHERE NOT EXISTS(
    SELECT 1 FROM results o
    WHERE o.recording = r.recording AND o.ram_bytes = r.ram_bytes AND o.profile_hash = r.profile_hash
      AND o.fragmentation = r.fragmentation AND o.kernel_ns <= r.kernel_ns AND o.peak_resident_bytes <= r.peak_resident_bytes
      AND (o.kernel_ns < r.kernel_ns OR o.peak_resident_bytes < r.peak_resident_bytes
           OR (length(o.words), o.words) < (length(r.words), r.words)));
CREATE VIEW sensitivity AS
  SELECT r.policy, r.ram_bytes, r.profile, r.fragmentation, count(*) AS recordings,
         min(r.kernel_ns / b.kernel_ns) AS least_time, max(r.kernel_ns / b.kernel_ns) AS most_time,
         avg(r.kernel_ns / b.kernel_ns) AS mean_time,
         max(1.0 * r.peak_resident_bytes / b.peak_resident_bytes) AS most_memory
  FROM results r JOIN results b
    ON b.recording = r.recording AND b.ram_bytes = r.ram_bytes AND b.profile_hash = r.profile_hash
   AND b.fragmentation = r.fragmentation AND b.words = '4K'
  GROUP BY r.policy, r.ram_bytes, r.profile, r.fragmentation;
)sql";

using Value = std::variant<std::int64_t, double, std::string>;

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
  [[nodiscard]] double number(int column) const { return ::sqlite3_column_double(statement_, column); }
  [[nodiscard]] std::string text(int column) const {
    const unsigned char* const bytes = ::sqlite3_column_text(statement_, column);
    return bytes == nullptr ? "" : reinterpret_cast<const char*>(bytes);
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

Value of(std::uint64_t n) { return static_cast<std::int64_t>(n); }

}  // namespace

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
    return fail(Diagnostic{Diagnostic::Kind::kDamagedInput, file,
                           fmt::format("holds no results of a sweep of version {}", kVersion),
                           "name another file"});
  }
  QUIRE_TRY(store.run("COMMIT"));
  return store;
}

Result<bool, Diagnostic> SweepStore::has(const SweepKey& key) {
  Statement find(
      db_.get(),
      "SELECT 1 FROM results WHERE recording = ? AND policy = ? AND ram_bytes = ? AND profile_hash = ? "
      "AND fragmentation = ?");
  find.bind({key.recording, key.policy, of(key.ram.raw()), key.profile_hash, key.fragmentation});
  const int found = find.step();
  if (found != SQLITE_ROW && found != SQLITE_DONE) return broken();
  return found == SQLITE_ROW;
}

Result<void, Diagnostic> SweepStore::put_recording(const std::string& hash, const std::string& path,
                                                   const std::string& command) {
  Statement insert(db_.get(), "INSERT OR IGNORE INTO recordings VALUES(?, ?, ?)");
  insert.bind({hash, path, command});
  if (insert.step() != SQLITE_DONE) return broken();
  return {};
}

Result<void, Diagnostic> SweepStore::put(const SweepKey& key, const std::string& words,
                                         const ReplayResult& result) {
  Statement insert(db_.get(), "INSERT OR IGNORE INTO results VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  insert.bind({key.recording, key.policy, of(key.ram.raw()), key.profile, key.profile_hash, key.fragmentation,
               words, of(result.minor_faults), result.bill.kernel_ns,
               cost::quantile(result.bill.faults, 0.99), of(result.peak_resident.raw()),
               of(result.wasted_at_peak.raw()), of(result.peak_tables.raw()), of(result.pages_copied),
               of(result.folio_splits), of(result.pmd_splits), fmt::format("{:016x}", result.state_hash)});
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
                 "SELECT command, words, ram_bytes, profile, fragmentation, kernel_ns, peak_resident_bytes "
                 "FROM pareto JOIN recordings ON hash = recording "
                 "ORDER BY command, hash, ram_bytes, profile, fragmentation, kernel_ns");
  std::vector<ParetoRow> rows;
  int found = best.step();
  for (; found == SQLITE_ROW; found = best.step())
    rows.push_back({best.text(0), best.text(1), ByteCount(static_cast<std::uint64_t>(best.integer(2))),
                    best.text(3), best.number(4), best.number(5),
                    ByteCount(static_cast<std::uint64_t>(best.integer(6)))});
  if (found != SQLITE_DONE) return broken();
  return rows;
}

Result<std::vector<SweepRow>, Diagnostic> SweepStore::results() {
  Statement all(
      db_.get(),
      "SELECT recording, policy, ram_bytes, profile, profile_hash, fragmentation, command, words, "
      "minor_faults, kernel_ns, "
      "fault_ns_p99, peak_resident_bytes, wasted_at_peak_bytes, peak_page_tables_bytes, copied_pages, "
      "folio_splits, pmd_splits, state_hash FROM results JOIN recordings ON hash = recording "
      "ORDER BY command, recording, ram_bytes, profile, profile_hash, fragmentation, policy");
  const auto count = [&all](int column) { return static_cast<std::uint64_t>(all.integer(column)); };
  std::vector<SweepRow> rows;
  int found = all.step();
  for (; found == SQLITE_ROW; found = all.step())
    rows.push_back(
        {.key = {all.text(0), all.text(1), ByteCount(count(2)), all.text(3), all.text(4), all.number(5)},
         .command = all.text(6),
         .words = all.text(7),
         .minor_faults = count(8),
         .kernel_ns = all.number(9),
         .fault_ns_p99 = all.number(10),
         .peak_resident = ByteCount(count(11)),
         .wasted_at_peak = ByteCount(count(12)),
         .peak_tables = ByteCount(count(13)),
         .copied_pages = count(14),
         .folio_splits = count(15),
         .pmd_splits = count(16),
         .state_hash = all.text(17)});
  if (found != SQLITE_DONE) return broken();
  return rows;
}

}  // namespace quire::lab
