// Layers that cost nothing: reshapes and slices that are views, concats whose inputs were written in place.
#include <algorithm>

#include "lower/lowering.hpp"

namespace tessera {
namespace {

std::int64_t plane(const Shape& shape) {
  std::int64_t n = 1;
  for (std::size_t i = 2; i < shape.size(); ++i) n *= shape[i];
  return n;
}

}  // namespace

bool Lowering::lowerAsView(const Layer& layer) {
  if (layer.outputs.size() != 1 || layer.inputs.empty() || layer.inputs[0] == kNoTensor) return false;
  const TensorId from = layer.inputs[0], to = layer.outputs[0];
  const auto &input = graph_.tensor(from), &output = graph_.tensor(to);
  if (input.isConstant() || concatOf_.count(to)) return false;

  using View = OperatorTraits::View;
  const View view = traitsOf(layer.op).view;
  if (view == View::Same || (view == View::Reshaped && input.shape == output.shape)) {
    for (const int value : std::vector<int>(valuesOf_[from]))
      addValue(to, out_.values[value].desc, out_.values[value].storage);
    return true;
  }
  if (view == View::Reshaped) {
    const int value = needValue(from, 1, true);
    addValue(to, output.desc(), out_.values[value].storage);
    return true;
  }
  if (view == View::Part && input.shape.size() >= 3) {
    // A range of channels with everything else whole lies in one piece per batch item.
    const auto starts = layer.attrs.integers("starts"),
               steps = layer.attrs.integers("steps", Shape(input.shape.size(), 1));
    for (std::size_t axis = 0; axis < input.shape.size(); ++axis)
      if (steps.at(axis) != 1 ||
          (axis != 1 && (starts.at(axis) != 0 || output.shape[axis] != input.shape[axis])))
        return false;
    for (const int value : std::vector<int>(valuesOf_[from])) {
      const TensorDesc source = out_.values[value].desc;
      const int block = source.layout.block;
      const bool ends = starts[1] + output.shape[1] == input.shape[1];
      if (starts[1] % block != 0 || (output.shape[1] % block != 0 && !ends)) continue;
      TensorDesc desc = output.desc();
      desc.layout = {block, source.layout.offset + starts[1] * plane(input.shape), source.batchStride()};
      addValue(to, desc, out_.values[value].storage);
    }
    return !valuesOf_[to].empty();
  }
  return false;
}

void Lowering::findSharedConcats() {
  int index = 0;
  for (const Layer& layer : graph_.layers()) {
    const int at = index++;
    if (!traitsOf(layer.op).joins || layer.attrs.integer("in_place") == 0 || layer.attrs.integer("axis") != 1)
      continue;
    if (graph_.tensor(layer.outputs[0]).shape.size() < 3) continue;
    const auto free = [&](TensorId id) {
      return id != kNoTensor && !concatOf_.count(id) && graph_.producer(id) >= 0 && !graph_.isOutput(id) &&
             std::count(layer.inputs.begin(), layer.inputs.end(), id) == 1;
    };
    if (!std::all_of(layer.inputs.begin(), layer.inputs.end(), free)) continue;
    concats_[at].layer = at;
    for (const TensorId id : layer.inputs) concatOf_[id] = at;
  }
}

std::optional<Layout> Lowering::sliceLayout(TensorId tensor, int block) const {
  const auto member = concatOf_.find(tensor);
  if (member == concatOf_.end()) return std::nullopt;
  const SharedConcat& concat = concats_.at(member->second);
  if (concat.block != 0 && concat.block != block) return std::nullopt;
  const Layer& layer = graph_.layers()[concat.layer];
  std::int64_t channel = 0, mine = -1;
  for (const TensorId id : layer.inputs) {
    if (channel % block != 0) return std::nullopt;
    if (id == tensor) mine = channel;
    channel += graph_.tensor(id).shape[1];
  }
  TensorDesc whole = graph_.tensor(layer.outputs[0]).desc();
  whole.layout.block = block;
  return Layout{block, mine * plane(whole.shape), whole.itemElements()};
}

int Lowering::sliceStorage(TensorId tensor, int block) {
  SharedConcat& concat = concats_.at(concatOf_.at(tensor));
  if (concat.storage < 0) {
    const auto& output = graph_.tensor(graph_.layers()[concat.layer].outputs[0]);
    TensorDesc whole = output.desc();
    whole.layout.block = block;
    concat.block = block;
    concat.storage = addStorage(Storage::Kind::Arena, output.name, whole.bytes());
  }
  concat.written.push_back(tensor);
  return concat.storage;
}

bool Lowering::lowerSharedConcat(const Layer& layer) {
  const auto it = concats_.find(layerIndex_);
  if (it == concats_.end() || it->second.storage < 0) return false;
  SharedConcat& concat = it->second;
  for (const TensorId id :
       layer.inputs) {  // members whose producer could not write into the slice are copied
    if (std::find(concat.written.begin(), concat.written.end(), id) != concat.written.end()) continue;
    TensorDesc desc = graph_.tensor(id).desc();
    desc.layout = *sliceLayout(id, concat.block);
    const int from = valuesOf_.at(id).front();
    const int to = addValue(kNoTensor, desc, concat.storage);
    reformat(from, to, graph_.tensor(id).name);
  }
  TensorDesc whole = graph_.tensor(layer.outputs[0]).desc();
  whole.layout.block = concat.block;
  addValue(layer.outputs[0], whole, concat.storage);
  return true;
}

}  // namespace tessera
