#include "report/document.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "live/host.h"
#include "trace/describe.h"

namespace quire::report {

using Json = nlohmann::ordered_json;

std::string_view tool_version() { return QUIRE_VERSION; }

Json new_document() {
  const live::HostInfo host = live::describe_host();
  return {{"schema_version", kSchemaVersion},
          {"tool_version", tool_version()},
          {"host",
           {{"kernel_release", host.kernel_release},
            {"machine", host.machine},
            {"cpus", host.cpus},
            {"ram_bytes", host.ram.raw()}}}};
}

Json input_json(const std::string& path, const trace::Reader& reader) {
  return {{"path", trace::escape_name(path)},
          {"content_hash", hash_text(reader.content_hash())},
          {"header", trace::to_json(reader.header())},
          {"summary", trace::to_json(reader.summary())}};
}

std::string hash_text(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

Json texts_json(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(trace::escape_name(text));
  return list;
}

std::string to_text(const Json& document) {
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace quire::report
