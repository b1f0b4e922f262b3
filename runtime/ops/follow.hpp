/// \file
/// How extents pass through operators (OperatorTraits::follow), where several have it in common.
#pragma once

#include "ops/operator.hpp"

namespace tessera {

/// Operators that broadcast: the extent at the same place, counted from the end.
std::optional<std::size_t> followBroadcast(const OpView& op, std::size_t input, std::size_t axis);
/// Operators that compute every item of a batch for itself.
std::optional<std::size_t> followItems(const OpView& op, std::size_t input, std::size_t axis);
/// The same of those with weights, whose residual has items, too.
std::optional<std::size_t> followItemsAndResidual(const OpView& op, std::size_t input, std::size_t axis);
/// Operators that mix entries along one axis only: the others stay.
inline std::optional<std::size_t> followUnless(std::size_t mixed, std::size_t axis) {
  return mixed == axis ? std::optional<std::size_t>() : axis;
}
/// Reductions along `axes`, none listed: along all of them.
std::optional<std::size_t> followReduced(const OpView& op, std::vector<std::int64_t> axes, std::size_t axis);
/// Attribute `axis` of an operator, counted from the first extent of input 0.
std::size_t axisAttribute(const OpView& op, std::int64_t fallback);

}  // namespace tessera
