// Slice and StridedSlice: every range is known once the network is imported.
#include <algorithm>

#include "importers/tensorflow/node.hpp"

namespace tessera::tensorflow {
namespace {

struct Range {
  std::int64_t start, size, step;
};

/// What begin:end:step picks of an extent, as Python does; `noBegin`, `noEnd`: from the first, to the last.
Range picked(std::int64_t begin, std::int64_t end, std::int64_t step, std::int64_t extent, bool noBegin,
             bool noEnd) {
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? extent : extent - 1;
  const auto bounded = [&](std::int64_t at) {
    if (at < 0) at = std::max<std::int64_t>(at + extent, -1 - kMostElements);
    return std::clamp(at, low, high);
  };
  const std::int64_t from = noBegin ? (step > 0 ? 0 : extent - 1) : bounded(begin);
  const std::int64_t to = noEnd ? (step > 0 ? extent : -1) : bounded(end);
  const std::int64_t length = step > 0 ? to - from : from - to, stride = step > 0 ? step : -step;
  const std::int64_t size = length > 0 ? (length - 1) / stride + 1 : 0;
  return {size > 0 ? from : 0, size, size > 1 ? step : 1};
}

/// Slice of a value by ranges of the model's axes.
Held taken(Node& node, const Held& x, const std::vector<Range>& ranges, const std::string& part) {
  std::vector<std::int64_t> starts, steps;
  Shape sizes;
  for (const Range& range : stored(x.order, ranges)) {
    starts.push_back(range.start);
    sizes.push_back(range.size);
    steps.push_back(range.step);
  }
  const bool all =
      sizes == node.shapeOf(x.id) && std::all_of(steps.begin(), steps.end(), [](auto s) { return s == 1; });
  if (all) return x;
  return {node.add("Slice", {x.id}, {{"starts", starts}, {"sizes", sizes}, {"steps", steps}}, part), x.order};
}

void slice(Node& node) {
  const Shape shape = node.shape(0);
  const auto begin = node.constantInts(1, "begin"), size = node.constantInts(2, "size");
  if (begin.size() != shape.size() || size.size() != shape.size())
    node.bad("begin and size want one entry per axis");
  std::vector<Range> ranges;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (begin[i] < 0 || begin[i] > shape[i]) node.bad("it begins outside its input");
    const std::int64_t count = size[i] == -1 ? shape[i] - begin[i] : size[i];
    if (count < 0 || count > shape[i] - begin[i]) node.bad("it ends outside its input");
    ranges.push_back({begin[i], count, 1});
  }
  node.set(0, taken(node, node.held(0), ranges, ""));
}

bool bit(std::int64_t mask, std::size_t i) { return i < 62 && (mask >> i & 1) != 0; }

/// What the entries of a StridedSlice ask of the axes.
struct Picks {
  std::vector<Range> ranges;  ///< of the input's axes
  Shape result;               ///< with new axes, and without those of a single index
};

Picks picksOf(Node& node) {
  const Shape shape = node.shape(0);
  const auto begin = node.constantInts(1, "begin"), end = node.constantInts(2, "end"),
             strides =
                 node.has(3) ? node.constantInts(3, "strides") : std::vector<std::int64_t>(begin.size(), 1);
  if (end.size() != begin.size() || strides.size() != begin.size())
    node.bad("begin, end and strides differ in length");
  if (begin.size() > 62) node.bad("it has more entries than any tensor has axes");
  const auto mask = [&](const char* name) { return node.attributes().integer(name); };
  const std::int64_t newAxis = mask("new_axis_mask"), shrink = mask("shrink_axis_mask"),
                     ellipsis = mask("ellipsis_mask");
  std::size_t used = 0;
  for (std::size_t i = 0; i < begin.size(); ++i) used += !bit(newAxis, i) && !bit(ellipsis, i);
  if (used > shape.size()) node.bad("it has more entries than its input has axes");
  Picks picks;
  const auto whole = [&](std::size_t count) {
    for (; count > 0; --count) {
      picks.result.push_back(shape[picks.ranges.size()]);
      picks.ranges.push_back({0, picks.result.back(), 1});
    }
  };
  bool widened = false;
  for (std::size_t i = 0; i < begin.size(); ++i) {
    if (bit(ellipsis, i)) {
      if (widened) node.bad("it has more than one ellipsis");
      widened = true;
      whole(shape.size() - used);
    } else if (bit(newAxis, i)) {
      picks.result.push_back(1);
    } else {
      const std::int64_t extent = shape[picks.ranges.size()];
      if (strides[i] == 0 || strides[i] > kMostElements || strides[i] < -kMostElements)
        node.bad("a stride is impossible");
      if (bit(shrink, i)) {
        const std::int64_t at = begin[i] < 0 ? begin[i] + extent : begin[i];
        if (at < 0 || at >= extent) node.bad("index " + std::to_string(begin[i]) + " lies outside its input");
        picks.ranges.push_back({at, 1, 1});
        continue;
      }
      picks.ranges.push_back(
          picked(begin[i], end[i], strides[i], extent, bit(mask("begin_mask"), i), bit(mask("end_mask"), i)));
      picks.result.push_back(picks.ranges.back().size);
    }
  }
  whole(shape.size() - picks.ranges.size());
  return picks;
}

void stridedSlice(Node& node) {
  const Picks picks = picksOf(node);
  Shape sizes;
  for (const Range& range : picks.ranges) sizes.push_back(range.size);
  const bool same = sizes == picks.result;
  node.set(0, node.reshaped(taken(node, node.held(0), picks.ranges, same ? "" : "taken"), picks.result));
}

}  // namespace

void addRows_slicing(RowList& rows) {
  rows.push_back({"Slice", slice, "ranges known at import"});
  rows.push_back({"StridedSlice", stridedSlice, "ranges known at import; all masks"});
}

}  // namespace tessera::tensorflow
