#include "live/gfp_bits.h"

#include <bpf/btf.h>
#include <fmt/format.h>

#include <cstring>
#include <string>

namespace quire::live {

namespace {

const struct btf_enum* find_in(const btf& types, const btf_type& type, const char* name) {
  const struct btf_enum* members = ::btf_enum(&type);
  for (unsigned i = 0; i < btf_vlen(&type); ++i) {
    const char* member = btf__name_by_offset(&types, members[i].name_off);
    if (member != nullptr && std::strcmp(member, name) == 0) return &members[i];
  }
  return nullptr;
}

}  // namespace

Result<std::uint32_t, Diagnostic> enumerator(const btf& types, const char* name) {
  for (unsigned id = 1; id < btf__type_cnt(&types); ++id) {
    const btf_type* type = btf__type_by_id(&types, id);
    if (!btf_is_enum(type)) continue;
    if (const struct btf_enum* found = find_in(types, *type, name))
      return static_cast<std::uint32_t>(found->val);
  }
  return fail(Diagnostic{Diagnostic::Kind::kPrivilege, "/sys/kernel/btf/vmlinux",
                         fmt::format("does not name {}", name), "a kernel of version 6.9 or later does"});
}

Result<std::uint32_t, Diagnostic> gfp_bits(const btf& types, std::span<const char* const> names) {
  std::uint32_t bits = 0;
  for (const char* name : names) {
    bits |= 1U << QUIRE_TRY(enumerator(types, fmt::format("___GFP_{}_BIT", name).c_str()));
  }
  return bits;
}

}  // namespace quire::live
