// Layers of one node, under names of their own.
#include "importers/common/layer_maker.hpp"

#include <algorithm>

namespace tessera {

void LayerMaker::unsupported(const std::string& reason) const { throw Error(ErrorCode::Unsupported, reason); }
void LayerMaker::bad(const std::string& reason) const { throw Error(ErrorCode::BadModel, reason); }

std::vector<TensorId> LayerMaker::addAll(const std::string& op, std::vector<TensorId> operands,
                                         Attributes attrs, const std::string& part) {
  const std::string layer = layerNames_.unique(part.empty() ? name_ : name_ + "/" + part);
  auto made = builder_.addAll(op, layer, std::move(operands), std::move(attrs));
  for (TensorId id : made) {
    auto& tensor = builder_.graph.tensor(id);
    tensor.name = tensorNames_.unique(tensor.name);
  }
  return made;
}

TensorId LayerMaker::constantOf(HostTensor value, const std::string& part) {
  return builder_.constant(tensorNames_.unique(name_ + "/" + part), std::move(value));
}

TensorId LayerMaker::cast(TensorId id, DataType to) {
  if (typeOf(id) == to) return id;
  return add("Cast", {id}, {{"to", std::string(toString(to))}}, "cast");
}

TensorId LayerMaker::reshape(TensorId id, Shape shape, const std::string& part) {
  if (shapeOf(id) == shape) return id;
  return add("Reshape", {id}, {{"shape", std::move(shape)}}, part);
}

TensorId LayerMaker::scalar(DataType type, double value, const std::string& part) {
  HostTensor tensor(type, {});
  tensor.setNumber(0, value);
  return constantOf(std::move(tensor), part);
}

const HostTensor& LayerMaker::known(TensorId id, std::size_t i, std::string_view what) const {
  if (const HostTensor* value = valueOf(id)) return *value;
  unsupported("input " + std::to_string(i) + " (" + std::string(what) + ", tensor '" +
              builder_.graph.tensor(id).name +
              "') is computed at run time; it has to be known at import: " + builder_.howToFix(id));
}

std::vector<std::int64_t> LayerMaker::knownInts(TensorId id, std::size_t i, std::string_view what) const {
  const HostTensor& value = known(id, i, what);
  if (value.type == DataType::Float32)
    bad("input " + std::to_string(i) + " (" + std::string(what) + ") is not integral");
  std::vector<std::int64_t> out;
  for (std::int64_t k = 0; k < value.size(); ++k) out.push_back(value.integer(k));
  return out;
}

std::int64_t LayerMaker::knownInt(TensorId id, std::size_t i, std::string_view what) const {
  const auto values = knownInts(id, i, what);
  if (values.size() != 1)
    bad("input " + std::to_string(i) + " (" + std::string(what) + ") has to be a single number");
  return values[0];
}

std::int64_t LayerMaker::axis(std::int64_t value, std::int64_t rank) const {
  if (value < -rank || value >= rank)
    bad("axis " + std::to_string(value) + " lies outside a tensor of " + std::to_string(rank) + " extents");
  return value < 0 ? value + rank : value;
}

std::vector<std::int64_t> LayerMaker::axes(std::vector<std::int64_t> values, std::int64_t rank) const {
  for (auto& value : values) value = axis(value, rank);
  std::sort(values.begin(), values.end());
  if (std::adjacent_find(values.begin(), values.end()) != values.end()) bad("an axis is given twice");
  return values;
}

}  // namespace tessera
