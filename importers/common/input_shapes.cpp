// Closes the open extents of a network's inputs.
#include "importers/common/input_shapes.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

#include "base/text.hpp"

namespace tessera {
namespace {

/// How exporters name the batch, wherever it stands.
bool namesBatch(const std::string& symbol) {
  const std::string name = lowerCase(symbol);
  return name == "n" || name == "b" || name == "bs" || name.find("batch") != std::string::npos;
}

/// Names of a first extent that is no batch: images and sequences without one.
bool namesOther(const std::string& symbol) {
  const std::string name = lowerCase(symbol);
  for (const char* whole : {"h", "w", "c", "t", "l", "s"})
    if (name == whole) return true;
  for (const char* part : {"height", "width", "channel", "seq", "len", "time", "frame"})
    if (name.find(part) != std::string::npos) return true;
  return false;
}

/// What exporters write for each extent that has no name: "?", "-1", "None". The same is not the same extent.
bool namesNothing(const std::string& symbol) {
  return symbol == "None" || std::none_of(symbol.begin(), symbol.end(), [](unsigned char c) {
           return std::isalpha(c) || c == '_' || c >= 0x80;
         });
}

bool isOpen(const DeclaredInput& input) {
  return !input.ranked || std::any_of(input.extents.begin(), input.extents.end(),
                                      [](const DeclaredExtent& extent) { return extent.open(); });
}

class Resolver {
 public:
  Resolver(const std::string& file, std::vector<DeclaredInput>& inputs, const ImportOptions& options)
      : file_(file), inputs_(inputs), options_(options) {}

  void run() {
    for (auto& input : inputs_)
      for (auto& extent : input.extents)
        if (namesNothing(extent.symbol)) extent.symbol.clear();
    for (auto& input : inputs_)
      if (const auto given = options_.inputShapes.find(input.name); given != options_.inputShapes.end())
        replace(input, given->second);
    if (const auto all = options_.inputShapes.find("*"); all != options_.inputShapes.end())
      fillAll(all->second);
    for (auto& input : inputs_) {
      closeBySymbol(input);
      if (options_.openShape && isOpen(input)) ask(input);
    }
    closeBySymbol();
    for (auto& input : inputs_) closeBatch(input);
    closeBySymbol();
    if (std::any_of(inputs_.begin(), inputs_.end(), isOpen)) refuseOpen();
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorCode::InvalidArgument, file_ + ": " + why + ".");
  }

  void bind(DeclaredInput& input, std::size_t i, std::int64_t value) {
    DeclaredExtent& extent = input.extents[i];
    extent.value = value;
    if (extent.symbol.empty()) return;
    const auto [bound, isNew] = symbols_.emplace(extent.symbol, std::pair{value, input.name});
    if (!isNew && bound->second.first != value)
      refuse("the shapes given make '" + extent.symbol + "' " + std::to_string(bound->second.first) +
             " in input '" + bound->second.second + "' and " + std::to_string(value) + " in input '" +
             input.name + "'");
  }

  /// A shape given by name replaces what the model says.
  void replace(DeclaredInput& input, const Shape& shape) {
    if (input.ranked && shape.size() != input.extents.size())
      refuse("input '" + input.name + "' has " + std::to_string(input.extents.size()) +
             " extents, the shape given has " + std::to_string(shape.size()));
    for (const std::int64_t extent : shape)
      if (extent < 0) refuse("the shape given for input '" + input.name + "' has a negative extent");
    input.extents.resize(shape.size());
    input.ranked = true;
    for (std::size_t i = 0; i < shape.size(); ++i) bind(input, i, shape[i]);
  }

  /// A shape given for all inputs fills what is open; one of them, at least, agrees with all of it.
  void fillAll(const Shape& shape) {
    bool fits = inputs_.empty();
    for (auto& input : inputs_) {
      if (options_.inputShapes.count(input.name)) continue;
      if (!input.ranked) replace(input, shape);
      if (input.extents.size() != shape.size()) continue;
      bool same = true;
      for (std::size_t i = 0; i < shape.size(); ++i) {
        if (input.extents[i].open()) bind(input, i, shape[i]);
        same &= input.extents[i].value == shape[i];
      }
      fits |= same;
    }
    if (!fits) refuse("the shape " + toString(shape) + " given for all inputs fits none: " + listed(false));
  }

  void ask(DeclaredInput& input) {
    std::vector<std::int64_t> declared;
    for (const auto& extent : input.extents) declared.push_back(extent.open() ? -1 : extent.value);
    const auto shape = options_.openShape(input.name, declared);
    if (!shape) return;
    if (!input.ranked) return replace(input, *shape);
    if (shape->size() != input.extents.size())
      refuse("input '" + input.name + "' has " + std::to_string(input.extents.size()) +
             " extents, the shape " + toString(*shape) + " has another number");
    for (std::size_t i = 0; i < shape->size(); ++i)
      if (input.extents[i].open()) bind(input, i, (*shape)[i]);
  }

  void closeBySymbol(DeclaredInput& input) {
    for (auto& extent : input.extents)
      if (const auto bound = symbols_.find(extent.symbol); extent.open() && bound != symbols_.end())
        extent.value = bound->second.first;
  }
  void closeBySymbol() {
    for (auto& input : inputs_) closeBySymbol(input);
  }

  /// The batch is the extent with such a name, else the first where its name says nothing else.
  void closeBatch(DeclaredInput& input) {
    bool named = false;
    for (std::size_t i = 0; i < input.extents.size(); ++i)
      if (input.extents[i].open() && namesBatch(input.extents[i].symbol)) {
        bind(input, i, options_.batch);
        named = true;
      }
    if (named || input.extents.empty() || !input.extents[0].open() || namesOther(input.extents[0].symbol))
      return;
    bind(input, 0, options_.batch);
  }

  static std::string declared(const DeclaredInput& input) {
    if (!input.ranked) return "'" + input.name + "' (no shape)";
    std::string out;
    for (const auto& extent : input.extents)
      out += (out.empty() ? "" : ", ") + (!extent.open()          ? std::to_string(extent.value)
                                          : extent.symbol.empty() ? std::string("?")
                                                                  : "'" + extent.symbol + "'");
    return "'" + input.name + "' [" + out + "]";
  }
  std::string listed(bool openOnly) const {
    std::string out;
    for (const auto& input : inputs_)
      if (!openOnly || isOpen(input)) out += (out.empty() ? "" : ", ") + declared(input);
    return out;
  }

  /// A shape of the kind the input wants: an image of 480 x 640 where it looks like one.
  Shape example(const DeclaredInput& input) {
    if (!input.ranked) return {1, 3, 480, 640};
    const auto rank = input.extents.size();
    const auto& last = input.extents.back();
    const bool channelsLast = rank >= 3 && !last.open() && last.value <= 4;
    const std::size_t width = channelsLast ? rank - 2 : rank - 1;
    Shape shape;
    for (std::size_t i = 0; i < rank; ++i) {
      const auto& extent = input.extents[i];
      std::int64_t value = extent.value;
      if (extent.open() && rank >= 3 && i == width)
        value = rank == 4 || channelsLast ? 640 : 16;
      else if (extent.open())
        value = rank >= 3 && i + 1 == width && (rank == 4 || channelsLast) ? 480
                : i == 1 && rank == 4                                      ? 3
                                                                           : 16;
      if (extent.open() && !extent.symbol.empty())
        value = examples_.emplace(extent.symbol, value).first->second;
      shape.push_back(value);
    }
    return shape;
  }

  [[noreturn]] void refuseOpen() {
    const auto count = std::count_if(inputs_.begin(), inputs_.end(), isOpen);
    std::string shapes;
    for (const auto& input : inputs_)
      if (isOpen(input)) shapes += " --shape " + input.name + "=" + toString(example(input));
    refuse((count == 1 ? "an input leaves extents open: "
                       : std::to_string(count) + " inputs leave extents open: ") +
           listed(true) + ". Give the extents wanted, for example:" + shapes +
           " (in the API: ImportOptions::inputShapes)");
  }

  const std::string& file_;
  std::vector<DeclaredInput>& inputs_;
  const ImportOptions& options_;
  std::map<std::string, std::pair<std::int64_t, std::string>>
      symbols_;  ///< value, and the input it comes from
  std::map<std::string, std::int64_t> examples_;
};

}  // namespace

HostTensor frozenNumber(const std::string& name, const std::string& text, HostTensor zeros) {
  const std::string plain = text == "true" ? "1" : text == "false" ? "0" : text;
  const char* end = plain.data() + plain.size();
  double number = 0;
  std::int64_t whole = 0;
  bool fits = false;
  if (zeros.type == DataType::Float32) {
    const auto read = std::from_chars(plain.data(), end, number);
    fits = read.ec == std::errc() && read.ptr == end;
  } else {
    const auto read = std::from_chars(plain.data(), end, whole);
    const auto [low, high] = [&]() -> std::pair<std::int64_t, std::int64_t> {
      switch (zeros.type) {
        case DataType::Bool:
          return {0, 1};
        case DataType::Int8:
          return {-128, 127};
        case DataType::UInt8:
          return {0, 255};
        case DataType::Int32:
          return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
        default:
          return {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
      }
    }();
    fits = read.ec == std::errc() && read.ptr == end && low <= whole && whole <= high;
  }
  if (!fits)
    throw Error(ErrorCode::InvalidArgument, "input '" + name + "' can not be frozen with '" + text +
                                                "', which is no value of type " +
                                                std::string(toString(zeros.type)));
  for (std::int64_t i = 0; i < zeros.size(); ++i) {
    if (zeros.type == DataType::Int64)
      zeros.as<std::int64_t>()[static_cast<std::size_t>(i)] = whole;
    else
      zeros.setNumber(i, zeros.type == DataType::Float32 ? number : static_cast<double>(whole));
  }
  return zeros;
}

std::map<std::string, Shape> resolveInputShapes(const std::string& file, std::vector<DeclaredInput> inputs,
                                                const ImportOptions& options) {
  Resolver(file, inputs, options).run();
  std::map<std::string, Shape> shapes;
  for (const auto& input : inputs) {
    Shape& shape = shapes[input.name];
    for (const auto& extent : input.extents) shape.push_back(extent.value);
    try {
      elementCount(shape);
    } catch (const Error& e) {
      const bool given = options.inputShapes.count(input.name) || options.inputShapes.count("*");
      throw Error(given ? e.code() : ErrorCode::BadModel, file + ": input '" + input.name + "': " + e.what());
    }
  }
  return shapes;
}

}  // namespace tessera
