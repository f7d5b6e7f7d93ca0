#include "exports/event_fields.h"

#include <array>
#include <initializer_list>
#include <span>

#include "trace/accessed.h"
#include "trace/describe.h"

namespace quire::exports {

using Json = nlohmann::ordered_json;
using trace::Event;
using trace::Kind;
using trace::Sys;
using trace::TouchBits;

namespace {

using Names = std::array<const char*, 6>;  // of the arguments; null: none

// By the number of the call (docs/reference/recording-format.md).
constexpr std::array<Names, 19> kArguments{{
    {},
    {"address", "length_bytes", "prot", "flags", "fd", "offset_bytes"},
    {"address", "length_bytes"},
    {"address", "old_length_bytes", "length_bytes", "flags", "new_address"},
    {"address", "length_bytes", "prot", "key"},
    {"address"},
    {"address", "length_bytes", "advice"},
    {"address", "length_bytes", "flags"},
    {"address", "length_bytes"},
    {"flags"},
    {},
    {"option", "arg2", "arg3", "arg4", "arg5"},
    {"id", "address", "flags", "length_bytes"},
    {"address", nullptr, nullptr, "length_bytes"},
    {"flags"},
    {"arg0", "arg1", "arg2", "arg3", "arg4", "arg5"},
    {"arg0", "arg1", "arg2", "arg3", "arg4", "arg5"},
    {"arg0", "arg1", "arg2", "arg3", "arg4", "arg5"},
    {"arg0", "arg1", "arg2", "arg3", "arg4", "arg5"},
}};

constexpr Names kFork{"child_task", "child_mm", "clone_flags"};
constexpr Names kExec{"old_mm", "start_brk", "brk", "arg_start", "env_end", "start_stack"};
constexpr Names kVma{"start", "end", "vm_flags", "page_offset"};
constexpr Names kExit{"min_flt", "maj_flt"};
constexpr Names kFaultAround{"first_page", "last_page"};
constexpr Names kAccessed{"window_us", "sample", "first_page"};
constexpr Names kFile{"device", "inode", "size_bytes", "flags"};

const Names& names_of(const Event& event) {
  static constexpr Names kNone{};
  switch (event.kind) {
    case Kind::kSyscall: {
      const auto number = static_cast<std::size_t>(event.sys);
      return number < kArguments.size() ? kArguments[number] : kNone;
    }
    case Kind::kFork:
      return kFork;
    case Kind::kExec:
      return kExec;
    case Kind::kVma:
      return kVma;
    case Kind::kExit:
      return kExit;
    case Kind::kFaultAround:
      return kFaultAround;
    case Kind::kFile:
      return kFile;
    case Kind::kAccessed:
      return kAccessed;
    case Kind::kTouch:
    case Kind::kMmGone:
      break;
  }
  return kNone;
}

void put_arguments(Json& json, const Event& event) {
  const Names& names = names_of(event);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == nullptr) continue;
    if (std::string_view(names[i]) == "fd") {
      json[names[i]] = static_cast<std::int32_t>(event.args[i]);  // the kernel takes 32 bits of it
    } else {
      json[names[i]] = event.args[i];
    }
  }
}

void put_touch(Json& json, const Event& event) {
  json["address"] = event.addr.raw();
  json["access"] = access_name(event);
  const auto flag = [&](std::uint8_t bit, const char* name) {
    if ((event.flags & bit) != 0) json[name] = true;
  };
  flag(TouchBits::kKernel, "by_kernel");
  flag(TouchBits::kPresent, "present");
  flag(TouchBits::kUncounted, "uncounted");
}

// [first page, pages, whether they were written to] each.
Json runs_json(const Event& event) {
  Json runs = Json::array();
  trace::RunCursor cursor(event);
  for (trace::PageRun run; cursor.next(run);)
    runs.push_back({run.first, run.pages, run.written == trace::Written::kYes});
  return runs;
}

void put_syscall(Json& json, const Event& event) {
  json["call"] = trace::sys_name(event.sys);
  if (event.phase == trace::Phase::kEnter) {
    json["phase"] = "enter";
  } else {
    json["result"] = event.result;
  }
  put_arguments(json, event);
}

}  // namespace

const char* access_name(const Event& touch) {
  if ((touch.flags & TouchBits::kNoDirection) != 0) return "unknown";
  if ((touch.flags & TouchBits::kWrite) != 0) return "write";
  return (touch.flags & TouchBits::kExecute) != 0 ? "execute" : "read";
}

std::string shown_name(std::string_view name, const record::Scrubber& scrubber) {
  return trace::escape_name(scrubber.file_name(name));
}

Json event_json(const Event& event, const record::Scrubber& scrubber) {
  Json json{{"time_us", event.time_us},
            {"kind", trace::kind_name(event.kind)},
            {"task", event.task},
            {"mm", event.mm}};
  if (event.kind == Kind::kTouch) put_touch(json, event);
  if (event.kind == Kind::kSyscall) put_syscall(json, event);
  if (event.kind != Kind::kTouch && event.kind != Kind::kSyscall) put_arguments(json, event);
  if (event.kind == Kind::kExec) {
    json["stack_top"] = static_cast<std::uint64_t>(event.result);
    json["comm"] = shown_name(event.text, scrubber);
  }
  if (event.kind == Kind::kAccessed) json["runs"] = runs_json(event);
  if (event.kind == Kind::kFile) {
    json["name"] = shown_name(event.text, scrubber);
    if (scrubber.active()) {
      json.erase("device");
      json.erase("inode");
    }
  }
  if (event.file != 0) json["file"] = event.file;
  return json;
}

}  // namespace quire::exports
