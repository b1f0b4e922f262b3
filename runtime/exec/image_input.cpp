// Bindings for images.
#include "exec/image_input.hpp"

#include <algorithm>

namespace tessera {

const Binding& soleBinding(const std::vector<Binding>& bindings, const std::string& name, bool isInput) {
  const std::string side = isInput ? "input" : "output";
  const Binding* found = nullptr;
  std::string names;
  for (const Binding& binding : bindings) {
    if (!name.empty() && binding.name == name && binding.isInput != isInput)
      throw Error(ErrorCode::InvalidArgument, "'" + name + "' is no " + side + " of the network");
    if (binding.isInput != isInput) continue;
    names += (names.empty() ? "'" : ", '") + binding.name + "'";
    if (name.empty() || binding.name == name) found = &binding;
  }
  if (names.empty()) throw Error(ErrorCode::InvalidArgument, "the network has no " + side);
  if (!found)
    throw Error(ErrorCode::InvalidArgument,
                "the network has no " + side + " '" + name + "'; its " + side + "s are " + names);
  if (name.empty() && names != "'" + found->name + "'")
    throw Error(ErrorCode::InvalidArgument, "the network has several " + side + "s, name one of them (" +
                                                side + ".name in the model's description" +
                                                (isInput ? "" : ", or --output") + "): " + names);
  return *found;
}

namespace {

// What no image fills would be computed with as it lies in memory.
void requireNoOtherInput(const std::vector<Binding>& bindings, const Binding& image,
                         const std::set<std::string>& filled) {
  std::string others;
  for (const Binding& binding : bindings)
    if (binding.isInput && binding.name != image.name && !filled.count(binding.name))
      others += (others.empty() ? "'" : ", '") + binding.name + "' (" + std::string(toString(binding.type)) +
                ":" + toString(binding.shape) + ")";
  if (others.empty()) return;
  throw Error(ErrorCode::InvalidArgument,
              "images fill the network's input '" + image.name + "' only, and nothing fills " + others +
                  ": make it a constant when the model is imported (--freeze NAME=VALUE)");
}

}  // namespace

Binding imageInputOf(const std::vector<Binding>& bindings, const std::string& name, ImagePreprocess& how,
                     const std::set<std::string>& filled) {
  const bool allFilled = std::ranges::all_of(
      bindings, [&](const Binding& binding) { return !binding.isInput || filled.count(binding.name); });
  if (allFilled && !filled.empty()) {
    Binding input = soleBinding(bindings, name, true);
    const auto place = imagePlaceOf(input.shape, how.channels());
    if (place && how.height == 0 && how.width == 0) how.height = place->height, how.width = place->width;
    return input;
  }
  std::vector<Binding> candidates;
  for (const Binding& binding : bindings)
    if (!binding.isInput || !filled.count(binding.name)) candidates.push_back(binding);
  Binding input = soleBinding(candidates, name, true);
  requireNoOtherInput(bindings, input, filled);
  const std::string described =
      "'" + input.name + "' is " + std::string(toString(input.type)) + ":" + toString(input.shape);
  const auto place = imagePlaceOf(input.shape, how.channels());
  if (input.type != DataType::Float32 || !place) {
    const std::string channels = std::to_string(how.channels());
    throw Error(
        ErrorCode::InvalidArgument,
        "the network's input " + described + "; " +
            (how.channels() == 1 ? "images of one channel" : "colour images") + " go into f32:Nx" + channels +
            "xHEIGHTxWIDTH or f32:NxHEIGHTxWIDTHx" + channels +
            (imagePlaceOf(input.shape, 1) ? " (input.channels GREY in the description: one channel)" : ""));
  }
  how.channelsLast = place->channelsLast;
  if (how.height == 0 && how.width == 0) {
    how.height = place->height;
    how.width = place->width;
  }
  if (how.height != place->height || how.width != place->width)
    throw Error(ErrorCode::InvalidArgument, "images are to become " + std::to_string(how.height) + "x" +
                                                std::to_string(how.width) + ", but the network's input " +
                                                described);
  return input;
}

}  // namespace tessera
