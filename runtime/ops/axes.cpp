// Splitting a tensor's axes.
#include "ops/axes.hpp"

#include <algorithm>
#include <numeric>

#include "ops/shape_tools.hpp"

namespace tessera {

std::vector<std::int64_t> reducedAxes(const OpView& op) {
  const Shape& x = op.inputs[0].shape;
  const auto from = [&](std::int64_t first) {
    std::vector<std::int64_t> axes(x.size() - std::min<std::size_t>(first, x.size()));
    std::iota(axes.begin(), axes.end(), first);
    return axes;
  };
  if (op.op == "InstanceNorm" || op.op == "GlobalPool") return from(2);
  if (op.op == "LayerNorm") return from(normalAxis(op.attrs.integer("axis", -1), x.size()));
  if (op.op == "Softmax") return {normalAxis(op.attrs.integer("axis", -1), x.size())};
  auto axes = op.attrs.integers("axes");
  if (axes.empty()) refuse("attribute axes is missing");
  for (auto& axis : axes) axis = normalAxis(axis, x.size());
  std::ranges::sort(axes);
  if (std::ranges::adjacent_find(axes) != axes.end()) refuse("an axis is listed twice");
  return axes;
}

Groups groupsAlong(const Shape& shape, const std::vector<std::int64_t>& axes) {
  Groups groups;
  std::vector<std::int64_t> strides(shape.size(), 0);
  for (std::size_t d = shape.size(); d-- > 0;) {
    if (std::ranges::find(axes, static_cast<std::int64_t>(d)) != axes.end()) {
      groups.size *= shape[d];
    } else {
      strides[d] = groups.count;
      groups.count *= shape[d];
    }
  }
  groups.of.resize(elementCount(shape));
  forEachIndex(shape,
               [&](std::int64_t i, std::span<const std::int64_t> at) { groups.of[i] = dot(at, strides); });
  return groups;
}

}  // namespace tessera
