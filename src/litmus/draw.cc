#include "litmus/draw.h"

#include <fmt/format.h>

#include "base/size.h"
#include "litmus/print.h"

namespace quire::litmus {
namespace {

char sign_of(const Page& page, Letters& letters) {
  switch (page.state) {
    case Page::State::kAbsent:
      return '.';
    case Page::State::kSwapped:
      return '~';
    case Page::State::kGuard:
      return '!';
    case Page::State::kZero:
      return page.pmd ? 'Z' : 'z';
    default:
      break;
  }
  if (page.order == 0) return '0';
  const char letter = letters.letter(page.folio);
  return page.pmd ? static_cast<char>(letter - 'a' + 'A') : letter;
}

std::string ending_text(const Step& step, const Ending& ending) {
  std::string text = ending.ends.empty() ? "" : " ends in " + ending.ends;
  if (std::holds_alternative<Access>(step.action))
    text += fmt::format(" ({} fault{}{})", ending.faults, ending.faults == 1 ? "" : "s",
                        ending.majors == 0 ? "" : fmt::format(", {} major", ending.majors));
  return text;
}

// "  cont +64K..+128K": blocks of entries, as offsets.
std::string cont_text(const View& view) {
  std::string text;
  for (const VirtRange range : view.cont)
    text += fmt::format("{}+{}..+{}", text.empty() ? "  cont " : ", ",
                        base::short_size(range.begin - view.range.begin), base::short_size(range.size()));
  return text;
}

}  // namespace

std::string draw(const Pages& pages, Letters& letters) {
  std::string signs;
  signs.reserve(pages.size());
  pages.for_each([&](const Page& page) { signs += sign_of(page, letters); });
  return signs;
}

std::string layout_text(const Experiment& experiment, const Recording& recording) {
  std::string text;
  for (std::size_t i = 0; i < recording.steps.size(); ++i) {
    const Observation& seen = recording.steps[i];
    const Step& step = experiment.steps[i];
    text += fmt::format("{:>4}: {}{}\n", step.where.line, print(step), ending_text(step, seen.ending));
    Letters letters;
    for (const View& view : seen.views)
      text += fmt::format("        {}: {} {}{}\n", view.process, view.block,
                          shrink_picture(draw(view.pages, letters)), cont_text(view));
    for (const auto& [name, n] : seen.moved) text += fmt::format("        {} {:+}\n", name, n);
  }
  return text;
}

}  // namespace quire::litmus
