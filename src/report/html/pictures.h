// report/html/pictures.h - the data that the page's script draws from, by picture.
#pragma once

#include "report/html/model.h"

namespace quire::report {

// {"cost-0": {...}, "map-0": {...}, ...}; docs/reference/report.md says what each shows.
[[nodiscard]] Json pictures_json(const Model& model);

}  // namespace quire::report
