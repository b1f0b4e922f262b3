/// \file
/// Lines of fields separated by tabs: what records on disk and the tuning worker's pipes are made of.
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// The fields of a line, empty ones included.
inline std::vector<std::string_view> fieldsOf(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto tab = line.find('\t');
    fields.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return fields;
    line = line.substr(tab + 1);
  }
}

/// Tabs and line ends separate; whatever else a text holds is kept.
inline std::string asField(std::string text) {
  for (char& c : text)
    if (c == '\t' || c == '\n' || c == '\r') c = ' ';
  return text;
}

/// The number that a text begins with; 0 where there is none.
inline double numberIn(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The shortest text that reads back to the same number.
inline std::string exactText(double value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace tessera
