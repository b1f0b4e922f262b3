// One node of a TensorFlow graph while it is imported.
#include "importers/tensorflow/node.hpp"

#include <algorithm>

namespace tessera::tensorflow {

Node::Node(ImportState& state, const SourceNode& source, std::vector<Held> inputs)
    : LayerMaker(state.builder, state.tensorNames, state.layerNames, source.name),
      state_(state),
      source_(source),
      inputs_(std::move(inputs)),
      outputs_(source.outputs.size()) {}

const Held& Node::held(std::size_t i) const {
  if (!has(i)) bad("input " + std::to_string(i) + " is missing");
  return inputs_[i];
}

TensorId Node::ordered(const Held& value, const Order& order) {
  const Shape& shape = shapeOf(value.id);
  const auto perm = between(value.order, order, shape.size());
  if (perm.empty()) return value.id;
  if (const auto made = state_.reordered.find({value.id, perm}); made != state_.reordered.end())
    return made->second;
  if (const auto from = state_.reorderedFrom.find(value.id); from != state_.reorderedFrom.end()) {
    Order both;
    for (const std::int64_t axis : perm) both.push_back(from->second.second[static_cast<std::size_t>(axis)]);
    if (normalized(both).empty()) return from->second.first;
  }
  Shape turned;
  for (const std::int64_t axis : perm) turned.push_back(shape[static_cast<std::size_t>(axis)]);
  const TensorId id = movesNothing(perm, shape) ? add("Reshape", {value.id}, {{"shape", turned}}, "order")
                                                : add("Transpose", {value.id}, {{"perm", perm}}, "order");
  state_.reordered[{value.id, perm}] = id;
  state_.reorderedFrom[id] = {value.id, perm};
  return id;
}

bool Node::channelsLast() const {
  const std::string format = attributes().string("data_format", "NHWC");
  if (format.rfind("NC", 0) == 0) return false;
  if (format.empty() || format[0] != 'N' || format.back() != 'C')
    unsupported("its data_format is " + format + "; NHWC and NCHW are supported");
  return true;
}

Order Node::imageOrder(std::size_t i) const {
  return channelsLast() ? channelsSecond(static_cast<std::size_t>(rank(i))) : Order{};
}

const HostTensor& Node::constant(std::size_t i, std::string_view what) { return known(in(i), i, what); }

std::vector<std::int64_t> Node::constantInts(std::size_t i, std::string_view what) {
  return knownInts(in(i), i, what);
}

std::int64_t Node::constantInt(std::size_t i, std::string_view what) { return knownInt(in(i), i, what); }

double Node::constantNumber(std::size_t i, std::string_view what) {
  const HostTensor& value = constant(i, what);
  if (value.size() != 1)
    bad("input " + std::to_string(i) + " (" + std::string(what) + ") has to be a single number");
  return value.number(0);
}

std::vector<std::int64_t> Node::spatial(std::string_view name, std::size_t rank,
                                        std::int64_t fallback) const {
  const std::size_t count = rank - 2;
  auto values = attributes().integers(name);
  if (values.empty()) return std::vector<std::int64_t>(count, fallback);
  if (values.size() == rank) {
    const std::size_t channel = channelsLast() ? rank - 1 : 1;
    if (values[0] != 1 || values[channel] != 1)
      unsupported("its " + std::string(name) + " reach over batch or channels");
    values.erase(values.begin() + static_cast<std::ptrdiff_t>(channel));
    values.erase(values.begin());
  }
  if (values.size() != count)
    bad("attribute " + std::string(name) + " has " + std::to_string(values.size()) + " entries");
  for (const std::int64_t value : values)
    if (value < 1 || value > (1 << 30))
      bad("attribute " + std::string(name) + " has the impossible entry " + std::to_string(value));
  return values;
}

DataType Node::dataType(std::string_view name, DataType fallback) const {
  if (!attributes().has(name)) return fallback;
  const std::string text = attributes().string(name);
  try {
    return parseDataType(text);
  } catch (const Error&) {
    unsupported("its " + std::string(name) + " is " + text + ", a type that Tessera lacks");
  }
}

void Node::set(std::size_t i, TensorId id, Order order) {
  if (i < outputs_.size()) outputs_[i] = {id, normalized(std::move(order))};
}

Held Node::reshaped(const Held& value, const Shape& shape, const std::string& part) {
  const Shape from = shapeOf(value);
  if (elementCount(from) != elementCount(shape))
    bad(toString(from) + " can not be reshaped to " + toString(shape));
  if (from == shape) return value;
  if (const auto order = reshapedOrder(value.order, from, shape)) {
    Shape target = stored(*order, shape);
    if (target == shapeOf(value.id)) return {value.id, *order};
    return {add("Reshape", {value.id}, {{"shape", std::move(target)}}, part), *order};
  }
  const TensorId plain = ordered(value, {});
  return {add("Reshape", {plain}, {{"shape", shape}}, part), {}};
}

const Layer* Node::recentMaker(TensorId id) const {
  constexpr std::size_t kRecent = 64;
  const auto& layers = state_.builder.graph.layers();
  for (std::size_t back = 1; back <= std::min(kRecent, layers.size()); ++back) {
    const Layer& layer = layers[layers.size() - back];
    if (std::find(layer.outputs.begin(), layer.outputs.end(), id) != layer.outputs.end()) return &layer;
  }
  return nullptr;
}

}  // namespace tessera::tensorflow
