// Ranges of shapes.
#include "apps/common/ranged_model.hpp"

#include <algorithm>

#include "apps/common/batch.hpp"

namespace tessera::app {

RangedModel rangedModel(const std::string& model, const ShapeRangeArguments& ranges,
                        const ShapeArguments& shapes, const GraphSource& importAt) {
  // Names of inputs come first: a shape that is given by name replaces what the model fixes.
  RangedModel ranged{ranges.profile(importAt(ranges.largest()), shapes.shapes()), {}};
  InputShapes most, single;
  std::int64_t items = 0;
  bool onlyItems = !ranged.profile.empty();
  for (const auto& [name, range] : ranged.profile) {
    most[name] = range.max;
    single[name] = range.min;
    onlyItems = onlyItems && !range.min.empty() && range.min[0] == 1 &&
                (items == 0 || items == range.max[0]) &&
                std::equal(range.min.begin() + 1, range.min.end(), range.max.begin() + 1);
    items = range.max.empty() ? 0 : range.max[0];
  }
  ranged.largest = importAt(most);
  // Where only the number of items changes, they must not be mixed.
  if (onlyItems) checkBatch(model, importAt(single), ranged.largest, items);
  return ranged;
}

}  // namespace tessera::app
