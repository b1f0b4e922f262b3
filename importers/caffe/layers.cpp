// The context of a layer being imported, and the table of all rows.
#include "importers/caffe/layers.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace tessera::caffe {
namespace {
/// Without extents of 1: legacy blobs have them in front, forks behind.
Shape squeezed(Shape shape) {
  std::erase(shape, 1);
  return shape;
}
}  // namespace

const Shape& LayerContext::blobShape(std::size_t i, std::string_view what) const {
  if (i >= blobs_.size())
    bad("the caffemodel has " + std::to_string(blobs_.size()) + " blobs for it; its " + std::string(what) +
        " (blob " + std::to_string(i) + ") is missing");
  return blobs_[i].shape;
}

HostTensor LayerContext::blob(std::size_t i, const Shape& wanted, std::string_view what) const {
  const Shape& stored = blobShape(i, what);
  if (squeezed(stored) != squeezed(wanted))
    bad("its " + std::string(what) + " (blob " + std::to_string(i) + ") should be " + toString(wanted) +
        ", but is " + toString(stored));
  HostTensor value = blobs_[i];
  value.shape = wanted;
  return value;
}

TensorId LayerContext::constant(std::string_view what, HostTensor value) const {
  return build.constant(layer.name() + "/" + std::string(what), std::move(value));
}

TensorId LayerContext::weights(std::size_t i, const Shape& wanted, std::string_view what) const {
  return constant(what, blob(i, wanted, what));
}

std::vector<TensorId> LayerContext::result(const std::string& op, std::vector<TensorId> inputs,
                                           Attributes attrs) const {
  return {build.add(op, layer.name(), std::move(inputs), std::move(attrs), tops_)};
}

TensorId LayerContext::step(const std::string& op, const std::string& suffix, std::vector<TensorId> inputs,
                            Attributes attrs) const {
  return build.add(op, layer.name() + "/" + suffix, std::move(inputs), std::move(attrs));
}

std::int64_t LayerContext::axis(std::int64_t value, std::int64_t limit) const {
  const std::int64_t end = limit < 0 ? rank() : limit;
  const std::int64_t found = value < 0 ? value + end : value;
  if (found < 0 || found >= end)
    bad("axis " + std::to_string(value) + " does not exist in an input of " + toString(shape()));
  return found;
}

void LayerContext::refuse(const std::string& reason) const { throw Error(ErrorCode::Unsupported, reason); }

void LayerContext::bad(const std::string& reason) const {
  throw Error(ErrorCode::BadModel,
              build.file() + ": layer '" + layer.name() + "' (" + layer.type() + "): " + reason);
}

const std::vector<LayerRow>& allRows() {
  static const auto rows = [] {
    std::vector<LayerRow> all;
    for (const auto& list : {convolutionRows(), activationRows(), poolingRows(), normalizationRows(),
                             arithmeticRows(), shapeRows(), detectionRows()})
      all.insert(all.end(), list.begin(), list.end());
    return all;
  }();
  return rows;
}

const LayerRow* findRow(std::string_view type) {
  static const auto rows = [] {
    std::map<std::string_view, const LayerRow*> byType;
    for (const auto& row : allRows()) byType.emplace(row.type, &row);
    return byType;
  }();
  const auto found = rows.find(type);
  return found == rows.end() ? nullptr : found->second;
}

}  // namespace tessera::caffe
