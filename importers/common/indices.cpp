#include "importers/common/indices.hpp"

#include <algorithm>

namespace tessera {

void wantIndicesWithin(const LayerMaker& node, TensorId indices, const Shape& extents, bool fromEnd) {
  const HostTensor* known = node.valueOf(indices);
  if (!known || extents.empty()) return;
  for (std::int64_t i = 0; i < known->size(); ++i) {
    const std::int64_t extent = extents[static_cast<std::size_t>(i) % extents.size()];
    const double index = known->number(i);
    if (index < static_cast<double>(fromEnd ? -extent : 0) || index >= static_cast<double>(extent))
      node.bad("its index " + std::to_string(static_cast<std::int64_t>(index)) +
               " lies outside an extent of " + std::to_string(extent));
  }
}

void wantRowsWithin(const LayerMaker& node, TensorId indices, const Shape& x, std::size_t first,
                    bool fromEnd) {
  const Shape& shape = node.shapeOf(indices);
  const std::int64_t width = shape.empty() ? 0 : shape.back();
  if (width < 0 || width > static_cast<std::int64_t>(x.size() - std::min(first, x.size()))) return;
  const auto begin = x.begin() + static_cast<std::ptrdiff_t>(first);
  wantIndicesWithin(node, indices, Shape(begin, begin + width), fromEnd);
}

}  // namespace tessera
