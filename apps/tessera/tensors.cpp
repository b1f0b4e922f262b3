// Input tensors for commands.
#include "apps/tessera/tensors.hpp"

#include <algorithm>
#include <filesystem>
#include <random>

#include "apps/common/npy.hpp"

namespace tessera::app {

HostTensor randomTensor(const Binding& binding, unsigned seed) {
  HostTensor tensor(binding.type, binding.shape);
  std::mt19937 random(seed + 1);
  const bool isFloat = binding.type == DataType::Float32 || binding.type == DataType::Float16;
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (std::int64_t i = 0; i < tensor.size(); ++i)
    tensor.setNumber(i, isFloat ? uniform(random) : static_cast<double>(random() & 1u));
  return tensor;
}

InputArguments::Split InputArguments::split(const std::string& text,
                                            const std::vector<std::string>& inputs) const {
  const auto isFile = [](const std::string& file) {
    std::error_code ignored;
    return std::filesystem::exists(file, ignored);
  };
  const auto isInput = [&](const std::string& name) {
    return std::find(inputs.begin(), inputs.end(), name) != inputs.end();
  };
  std::vector<Split> ways;
  for (auto at = text.find('='); at != std::string::npos; at = text.find('=', at + 1))
    ways.push_back({text.substr(0, at), text.substr(at + 1)});
  for (const Split& way : ways)
    if (isInput(way.name) && isFile(way.file)) return way;
  if (ways.empty() || isFile(text)) return {"", text};
  for (const Split& way : ways)
    if (isFile(way.file) || isInput(way.name)) return way;
  return ways.front();
}

std::optional<Shape> InputArguments::shapeFor(const std::string& input) const {
  for (const std::string& text : texts_) {
    const Split way = split(text, {input});
    std::error_code ignored;
    if ((way.name == input || (way.name.empty() && texts_.size() == 1)) &&
        std::filesystem::exists(way.file, ignored))
      return readNpyShape(way.file);
  }
  return std::nullopt;
}

std::map<std::string, std::string> InputArguments::files(const std::vector<std::string>& names,
                                                         const char* what) const {
  std::map<std::string, std::string> files;
  for (const std::string& text : texts_) {
    Split way = split(text, names);
    if (way.name.empty() && names.size() != 1)
      throw Error(ErrorCode::InvalidArgument, "The network has " + std::to_string(names.size()) + " " + what +
                                                  "s: give each as NAME=FILE.npy.");
    if (way.name.empty()) way.name = names.front();
    if (std::find(names.begin(), names.end(), way.name) == names.end()) {
      std::string list;
      for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
      throw Error(ErrorCode::InvalidArgument,
                  "The network has no " + std::string(what) + " '" + way.name + "'; it has: " + list + ".");
    }
    if (!files.emplace(way.name, way.file).second)
      throw Error(ErrorCode::InvalidArgument,
                  "The " + std::string(what) + " '" + way.name + "' is given twice.");
  }
  return files;
}

TensorMap InputArguments::read(const Engine& engine) const {
  std::vector<std::string> inputs;
  for (const Binding& binding : engine.bindings())
    if (binding.isInput) inputs.push_back(binding.name);
  TensorMap tensors;
  for (const auto& [name, file] : files(inputs, "input")) {
    const Binding& binding = engine.binding(name);
    const NpyArray array = readNpyArray(file);
    const auto range = engine.shapes().find(name);
    if (array.shape != binding.shape &&
        (range == engine.shapes().end() || !range->second.contains(array.shape)))
      throw Error(
          ErrorCode::InvalidArgument,
          file + " is " + toString(array.shape) + " (" + array.typeText() + "), the input '" + name +
              "' wants " + std::string(toString(binding.type)) + ":" + toString(binding.shape) +
              (range == engine.shapes().end() ? "." : ", or from " + toString(range->second.min) + " on."));
    tensors[name] = array.tensor(binding.type);
  }
  return tensors;
}

}  // namespace tessera::app
