// The results of a sweep, read from its SQLite file (docs/reference/sweep.md).
#include <fmt/format.h>
#include <sqlite3.h>

#include <memory>

#include "exports/results.h"
#include "trace/describe.h"

namespace quire::exports {
namespace {

constexpr const char* kQuery =
    "SELECT command, words, machine, profile, recording, r.* FROM results r JOIN recordings "
    "ON hash = "
    "recording "
    "ORDER BY command, recording, r.ram_bytes, machine, profile_hash, kernel_ns";
constexpr int kLabels = 5;

struct Close {
  void operator()(sqlite3* db) const { ::sqlite3_close(db); }
  void operator()(sqlite3_stmt* statement) const { ::sqlite3_finalize(statement); }
};

std::string text_of(sqlite3_stmt* row, int column) {
  const unsigned char* const bytes = ::sqlite3_column_text(row, column);
  if (bytes == nullptr) return "";
  return trace::escape_name(
      {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(::sqlite3_column_bytes(row, column))});
}

// The columns by their names, which are those of the figures.
nlohmann::json values_of(sqlite3_stmt* row) {
  nlohmann::json values = nlohmann::json::object();
  for (int column = kLabels; column < ::sqlite3_column_count(row); ++column) {
    const char* const name = ::sqlite3_column_name(row, column);
    switch (::sqlite3_column_type(row, column)) {
      case SQLITE_INTEGER: {
        const auto number = ::sqlite3_column_int64(row, column);
        if (number >= 0) values[name] = static_cast<std::uint64_t>(number);
        break;
      }
      case SQLITE_FLOAT:
        values[name] = ::sqlite3_column_double(row, column);
        break;
      case SQLITE_TEXT:
        values[name] = text_of(row, column);
        break;
      default:
        break;
    }
  }
  return values;
}

Row row_of(sqlite3_stmt* found, const report::Sheet& like, const record::Scrubber& scrubber) {
  Row row;
  row.labels = {{"command", scrubber.file_name(text_of(found, 0))},
                {"policy", text_of(found, 1)},
                {"machine", text_of(found, 2)},
                {"profile", text_of(found, 3)},
                {"recording", text_of(found, 4)}};
  row.figures = figures_from(values_of(found), like);
  return row;
}

}  // namespace

Result<Results, Diagnostic> read_sweep(const std::string& path, const record::Scrubber& scrubber) {
  sqlite3* opened = nullptr;
  const int open = ::sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, Close> db(opened);
  const auto broken = [&] {
    return fail(Diagnostic{Diagnostic::Kind::kDamagedInput, path,
                           fmt::format("holds no results of a sweep: {}", ::sqlite3_errmsg(db.get())),
                           "quire sweep FILE... --space space.toml -o sweep.sqlite"});
  };
  if (open != SQLITE_OK) return broken();
  sqlite3_stmt* prepared = nullptr;
  ::sqlite3_prepare_v2(db.get(), kQuery, -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, Close> statement(prepared);
  if (!statement) return broken();
  Results results{.kind = Kind::kSweep,
                  .about = scrubber.file_name(trace::escape_name(path)),
                  .rows = {},
                  .verdict = {},
                  .commands = {},
                  .notes = {}};
  const report::Sheet like = figures_of_replays();
  int found = 0;
  while ((found = ::sqlite3_step(statement.get())) == SQLITE_ROW)
    results.rows.push_back(row_of(statement.get(), like, scrubber));
  if (found != SQLITE_DONE) return broken();
  if (results.rows.empty())
    return fail(
        Diagnostic{Diagnostic::Kind::kDamagedInput, path, "holds no result yet", "let quire sweep end"});
  return results;
}

}  // namespace quire::exports
