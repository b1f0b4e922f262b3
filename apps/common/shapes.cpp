// Shapes on the command line.
#include "apps/common/shapes.hpp"

#include <charconv>

#include "apps/common/program.hpp"

namespace tessera::app {

void ShapeArguments::add(CLI::App& app) {
  app.add_option(
         "--shape", texts,
         "Shape of an input whose extents the model leaves open, as NAME=1x3x480x640; without a name or with "
         "'*': of all inputs")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("[NAME=]SHAPE");
}

Shape parseShape(const std::string& text) {
  if (text == "scalar") return {};
  Shape shape;
  const char *at = text.data(), *end = at + text.size();
  while (true) {
    std::int64_t extent = 0;
    const auto [stop, failed] = std::from_chars(at, end, extent);
    if (failed != std::errc{} || extent < 1 || extent > (std::int64_t{1} << 31))
      throw UsageError("'" + text +
                       "' is no shape: extents from 1 to 2147483648 with an x between, as 1x3x480x640.");
    shape.push_back(extent);
    if (stop == end) return shape;
    if ((*stop != 'x' && *stop != 'X' && *stop != ',') || shape.size() == 16)
      throw UsageError("'" + text + "' is no shape: at most 16 extents with an x between, as 1x3x480x640.");
    at = stop + 1;
  }
}

std::map<std::string, Shape> ShapeArguments::shapes() const {
  std::map<std::string, Shape> shapes;
  for (const std::string& text : texts) {
    const auto equals = text.rfind('=');  // names may hold one, shapes do not
    const std::string name = equals == std::string::npos ? "*" : text.substr(0, equals);
    if (!shapes.emplace(name, parseShape(equals == std::string::npos ? text : text.substr(equals + 1)))
             .second)
      throw UsageError("--shape gives '" + name + "' two shapes.");
  }
  return shapes;
}

}  // namespace tessera::app
