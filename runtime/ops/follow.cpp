// Extents that several operators pass on alike.
#include "ops/follow.hpp"

#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {

std::optional<std::size_t> followBroadcast(const OpView& op, std::size_t input, std::size_t axis) {
  const Shape &x = op.inputs.at(input).shape, &y = op.outputs.at(0).shape;
  const std::size_t to = axis + y.size() - x.size();
  return y[to] == x[axis] ? std::optional(to) : std::nullopt;
}

std::optional<std::size_t> followItems(const OpView&, std::size_t input, std::size_t axis) {
  return input == 0 && axis == 0 ? std::optional<std::size_t>(0) : std::nullopt;
}

std::optional<std::size_t> followItemsAndResidual(const OpView& op, std::size_t input, std::size_t axis) {
  return followItems(op, input == kResidualInput ? 0 : input, axis);
}

std::optional<std::size_t> followReduced(const OpView& op, std::vector<std::int64_t> axes, std::size_t axis) {
  const bool keeps = op.attrs.integer("keepdims", 1) != 0;
  const auto at = static_cast<std::int64_t>(axis);
  for (auto& a : axes) a = normalAxis(a, op.inputs.at(0).shape.size());
  if (axes.empty() || std::ranges::find(axes, at) != axes.end()) return {};
  const auto before = std::ranges::count_if(axes, [&](std::int64_t a) { return a < at; });
  return keeps ? axis : axis - static_cast<std::size_t>(before);
}

std::size_t axisAttribute(const OpView& op, std::int64_t fallback) {
  return static_cast<std::size_t>(
      normalAxis(op.attrs.integer("axis", fallback), op.inputs.at(0).shape.size()));
}

}  // namespace tessera
