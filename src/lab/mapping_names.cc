#include "lab/mapping_names.h"

namespace quire::lab {
namespace {

constexpr std::size_t kRoom = 64;  // ids come one by one

void set(std::vector<std::string>& names, std::size_t id, const std::string& name) {
  if (id >= names.size()) names.resize(id + kRoom);
  names[id] = name;
}

const std::string& get(const std::vector<std::string>& names, std::size_t id) {
  static const std::string none;
  return id < names.size() ? names[id] : none;
}

}  // namespace

void MappingNames::apply(const trace::Event& e) {
  if (e.kind == trace::Kind::kExec) set(commands_, e.mm, e.text);
  if (e.kind == trace::Kind::kFile) set(files_, e.file, e.text);
  if (e.kind == trace::Kind::kFork && e.args[1] != 0) {
    const std::string parent = get(commands_, e.mm);
    set(commands_, e.args[1], parent);
  }
}

std::string MappingNames::process(trace::MmId mm) const {
  const std::string& name = get(commands_, mm);
  return name.empty() ? "?" : name;
}

std::string MappingNames::mapping(const vm::AddressSpace& mm, const vm::Vma& vma) const {
  if (!vma.file.is_none()) {
    const std::string& name = get(files_, vma.file.id.raw());
    if (!name.empty()) return name;
    return vma.is_shared() ? "[shared]" : "[file]";
  }
  if (vma.flags.has(vm::VmFlag::kGrowsDown)) return "[stack]";
  if (vma.begin() < mm.brk && mm.start_brk < vma.end()) return "[heap]";
  return "[anon]";
}

}  // namespace quire::lab
