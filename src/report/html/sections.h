// report/html/sections.h - what a report says behind its verdict: the pictures,
// where the memory is, and the twelve things a sceptical maintainer asks for.
//
// A question that the RUNs do not answer is answered with that, and with the
// command that would.
#pragma once

#include <vector>

#include "report/html/content.h"
#include "report/html/model.h"

namespace quire::report {

// The data of these pictures: pictures.h.
[[nodiscard]] Section figures_section(const Model& model);
[[nodiscard]] Section along_the_run_section(const Model& model);
[[nodiscard]] Section mappings_section(const Model& model);

// Points 1 to 11 of the twelve; the last is the report as plain text.
[[nodiscard]] std::vector<Section> eleven_points(const Model& model);

[[nodiscard]] Section sources_section(const Model& model);

// How many policies stand side by side at most.
inline constexpr std::size_t kSideBySide = 6;

// The chart of one program of a sweep, and the data of all of them: pictures.h.
[[nodiscard]] std::string sweep_picture(std::size_t sweep, std::size_t program);
void put_sweep_pictures(const Model& model, Json& pictures);

// Captions name the program where there are several.
[[nodiscard]] std::string captioned(const Model& model, const Subject& subject, const std::string& text);
// FILE in commands that would say more of this program.
[[nodiscard]] std::string file_of(const Subject& subject);

}  // namespace quire::report
