// record/test_target.h - programs to record, inside the test program itself.
#pragma once

#include <string>
#include <vector>

namespace quire::record {

// The command that makes this test program be the target `name` instead of
// running tests. Targets are listed in target_test.cc; `args` are theirs.
[[nodiscard]] std::vector<std::string> target(const std::string& name, std::vector<std::string> args = {});

}  // namespace quire::record
