/// \file
/// The order in which a tensor's axes are stored. TensorFlow's images are N, H, W, C, the graph's N, C, H, W:
/// values keep the model's axes, their tensors stand in whatever order costs no transpose.
#pragma once

#include <optional>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera::tensorflow {

/// order[i]: the model's axis that the tensor has as its axis i. Empty: the model's own order.
using Order = std::vector<std::int64_t>;

/// A value of the model: a tensor, and the order that it is stored in.
struct Held {
  TensorId id = kNoTensor;
  Order order = {};
  bool operator==(const Held&) const = default;
};

/// Empty where the order is that of the model.
Order normalized(Order order);
/// The order with all axes listed.
Order listed(const Order& order, std::size_t rank);
/// N, C, then the spatial axes, of a model whose channels are last.
Order channelsSecond(std::size_t rank);
/// Which axis of the tensor holds axis `axis` of the model.
std::int64_t storedAxis(const Order& order, std::int64_t axis);
/// A list with one entry per axis of the model, in the order of the tensor's axes.
template <class T>
std::vector<T> stored(const Order& order, std::vector<T> values) {
  if (order.empty()) return values;
  std::vector<T> out;
  for (const std::int64_t axis : order) out.push_back(values.at(static_cast<std::size_t>(axis)));
  return out;
}
/// The shape in the model's axes of a tensor of shape `tensor`.
Shape modelShape(const Order& order, const Shape& tensor);
/// The order of a result that lacks some axes of the model.
Order withoutAxes(const Order& order, std::size_t rank, const std::vector<std::int64_t>& removed);

/// How to come from one order to another: the perm of a Transpose; empty where nothing has to be done.
std::vector<std::int64_t> between(const Order& from, const Order& to, std::size_t rank);
/// Whether a Transpose by `perm` moves nothing in memory, since axes longer than 1 keep their order.
bool movesNothing(const std::vector<std::int64_t>& perm, const Shape& shape);

/// The order of a reshaped value, where its tensor can be reshaped without a transpose: every group of axes
/// that becomes another group lies together in the tensor. Nothing where it can not. Shapes are the model's,
/// of equal size.
std::optional<Order> reshapedOrder(const Order& order, const Shape& from, const Shape& to);

}  // namespace tessera::tensorflow
