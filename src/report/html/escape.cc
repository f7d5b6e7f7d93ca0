#include "report/html/escape.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "trace/describe.h"
#include "trace/utf8.h"

namespace quire::report {
namespace {

const char* entity_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return nullptr;
  }
}

}  // namespace

std::string visible(std::string_view text) {
  const std::string escaped = trace::escape_name(text);
  std::string shown;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    shown += escaped[i];
    if (escaped.compare(i, 2, "\\\\") == 0) ++i;
  }
  return shown;
}

std::string html_escape(std::string_view text) {
  std::string html;
  for (const char c : visible(text)) {
    const char* const entity = entity_of(c);
    if (entity != nullptr) {
      html += entity;
    } else {
      html += c;
    }
  }
  return html;
}

std::string html_escape_lines(std::string_view text) {
  std::string html;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    html += html_escape(line) + "\n";
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return html;
}

std::string script_json(const nlohmann::ordered_json& data) {
  using Json = nlohmann::ordered_json;
  std::string text;
  for (const char c : data.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    // Only inside of strings, where all three may be written so.
    if (c == '<') {
      text += "\\u003c";
    } else if (c == '>') {
      text += "\\u003e";
    } else if (c == '&') {
      text += "\\u0026";
    } else {
      text += c;
    }
  }
  return text;
}

std::string shell_word(std::string_view word) {
  const bool plain = !word.empty() && std::ranges::all_of(word, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '/' || c == '.' || c == '_' || c == '-' || c == '+' || c == '=' ||
           c == ',' || c == ':';
  });
  if (plain) return std::string(word);
  std::string text = "'";
  for (const char c : word) {
    if (c == '\'') {
      text += "'\\''";
    } else {
      text += c;
    }
  }
  return text + "'";
}

std::string shortened(std::string_view text, std::size_t most) {
  std::size_t bytes = 0;
  std::size_t kept = 0;
  for (std::size_t characters = 0; bytes < text.size(); ++characters) {
    if (characters == most) return std::string(text.substr(0, kept)) + "…";
    if (characters + 1 < most) kept = bytes;
    const std::size_t length = trace::first_utf8(text.substr(bytes)).length;
    bytes += length == 0 ? 1 : length;
    if (characters + 1 < most) kept = bytes;
  }
  return std::string(text);
}

}  // namespace quire::report
