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
