// Shapes on the command line.
#include "apps/common/shapes.hpp"

#include <charconv>
#include <optional>

#include "apps/common/program.hpp"

namespace tessera::app {

void ShapeArguments::add(CLI::App& app) {
  app.add_option("--shape", texts, "What the model leaves open, as 1x3x480x640; for all inputs, or one")
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

namespace {

constexpr const char* kAll = "*";

std::map<std::string, Shape> parseShapes(const char* option, const std::vector<std::string>& texts) {
  std::map<std::string, Shape> shapes;
  for (const std::string& text : texts) {
    const auto equals = text.rfind('=');  // names may hold one, shapes do not
    const std::string name = equals == std::string::npos ? kAll : text.substr(0, equals);
    if (!shapes.emplace(name, parseShape(equals == std::string::npos ? text : text.substr(equals + 1)))
             .second)
      throw UsageError(std::string(option) + " gives '" + name + "' two shapes.");
  }
  return shapes;
}

// Of an input: by its name, else the shape for all where it has as many extents.
const Shape* shapeFor(const std::map<std::string, Shape>& shapes, const std::string& input,
                      std::size_t extents) {
  if (const auto found = shapes.find(input); found != shapes.end()) return &found->second;
  const auto all = shapes.find(kAll);
  return all == shapes.end() || all->second.size() != extents ? nullptr : &all->second;
}

}  // namespace

std::map<std::string, Shape> ShapeArguments::shapes() const { return parseShapes("--shape", texts); }

void ShapeRangeArguments::add(CLI::App& app) {
  const auto option = [&](const char* name, std::vector<std::string>& to, const char* help) {
    app.add_option(name, to, help)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->type_name("[NAME=]SHAPE");
  };
  option("--min-shape", least, "Least shape of an input whose shape may change; with --max-shape");
  option("--max-shape", most, "Largest; --shape is then what kernels are tuned for");
}

std::map<std::string, Shape> ShapeRangeArguments::largest() const { return parseShapes("--max-shape", most); }

void ShapeRangeArguments::apply(ImportOptions& import, const std::map<std::string, Shape>& at) const {
  const auto ranged = parseShapes("--min-shape", least);
  const auto all = ranged.find(kAll);
  std::optional<Shape> open;
  if (const auto given = import.inputShapes.find(kAll); given != import.inputShapes.end())
    open = given->second;
  std::erase_if(import.inputShapes, [&](const auto& given) {
    const bool likeAll = all != ranged.end() && all->second.size() == given.second.size();
    return given.first == kAll || ranged.count(given.first) || likeAll;
  });
  for (const auto& [name, shape] : at) {
    if (name == kAll)
      open = shape;
    else
      import.inputShapes[name] = shape;
  }
  if (!open) return;
  const Shape shape = *open;
  const auto other = import.openShape;
  import.openShape = [ shape, other ](const std::string& name, const std::vector<std::int64_t>& declared) {
    if (declared.empty() || declared.size() == shape.size()) return std::optional(shape);
  return other ? other(name, declared) : std::nullopt;
};
}  // namespace tessera::app

ShapeProfile ShapeRangeArguments::profile(const Graph& graph,
                                          const std::map<std::string, Shape>& wanted) const {
  const auto smallest = parseShapes("--min-shape", least), largest = this->largest();
  std::map<std::string, Shape> unused = smallest;
  unused.insert(largest.begin(), largest.end());
  ShapeProfile profile;
  for (const TensorId id : graph.inputs()) {
    const std::string& name = graph.tensor(id).name;
    const std::size_t extents = graph.tensor(id).shape.size();
    const Shape *min = shapeFor(smallest, name, extents), *max = shapeFor(largest, name, extents);
    unused.erase(name);
    if (!min && !max) continue;
    if (!min || !max)
      throw UsageError("The input '" + name + "' has only one of --min-shape and --max-shape.");
    unused.erase(kAll);
    const Shape* opt = shapeFor(wanted, name, extents);
    profile[name] = {*min, opt ? *opt : *max, *max};
  }
  if (unused.count(kAll))
    throw UsageError("No input of the model has as many extents as --min-shape and --max-shape give.");
  if (!unused.empty())
    throw UsageError("The model has no input '" + unused.begin()->first +
                     "', which --min-shape or --max-shape names.");
  try {
    checkProfile(profile);
  } catch (const Error& e) {
    throw UsageError(sentence(std::string("--min-shape, --shape and --max-shape: ") + e.what()));
  }
  return profile;
}

}  // namespace tessera::app
