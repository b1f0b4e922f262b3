// Slice, Split and Pad: every extent's range is known once the graph is imported.
#include <algorithm>
#include <limits>

#include "importers/onnx/node.hpp"

namespace tessera::onnx {
namespace {

struct Range {
  std::int64_t start, size;
};

/// What start:end:step picks of an extent, by the format's clamping rules.
Range clamped(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t extent) {
  if (start < 0) start = std::max(start + extent, std::numeric_limits<std::int64_t>::min() / 2);
  if (end < 0) end += extent;
  if (step > 0) {
    start = std::clamp<std::int64_t>(start, 0, extent);
    end = std::clamp<std::int64_t>(end, 0, extent);
    return {start, end > start ? (end - start - 1) / step + 1 : 0};
  }
  start = std::clamp<std::int64_t>(start, -1, extent - 1);
  end = std::clamp<std::int64_t>(end, -1, extent - 1);
  // The smallest step can not be negated; one cell is all it picks.
  const std::int64_t stride =
      step == std::numeric_limits<std::int64_t>::min() ? std::numeric_limits<std::int64_t>::max() : -step;
  return {std::max<std::int64_t>(start, 0), start > end ? (start - end - 1) / stride + 1 : 0};
}

void slice(Node& node) {
  const bool attributes = node.opset() < 10;
  const auto starts = attributes ? node.integers("starts") : node.constantInts(1, "starts");
  const auto ends = attributes ? node.integers("ends") : node.constantInts(2, "ends");
  auto axes = attributes    ? node.integers("axes")
              : node.has(3) ? node.constantInts(3, "axes")
                            : std::vector<std::int64_t>{};
  auto steps = !attributes && node.has(4) ? node.constantInts(4, "steps") : std::vector<std::int64_t>{};
  if (axes.empty())
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    node.bad("starts, ends, axes and steps differ in length");
  const Shape shape = node.shape(0);
  std::vector<std::int64_t> from(shape.size(), 0), by(shape.size(), 1);
  Shape sizes = shape;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const auto axis = static_cast<std::size_t>(node.axis(axes[i], node.rank(0)));
    if (steps[i] == 0) node.bad("a step is 0");
    const Range range = clamped(starts[i], ends[i], steps[i], shape[axis]);
    from[axis] = range.start;
    sizes[axis] = range.size;
    by[axis] = range.size > 1 ? steps[i] : 1;
  }
  if (sizes == shape && std::all_of(by.begin(), by.end(), [](auto step) { return step == 1; }))
    return node.set(0, node.in(0));
  node.result("Slice", {node.in(0)}, {{"starts", from}, {"sizes", sizes}, {"steps", by}});
}

void split(Node& node) {
  const Shape shape = node.shape(0);
  const std::int64_t axis = node.axis(node.integer("axis", 0), node.rank(0));
  const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
  const auto count = static_cast<std::int64_t>(node.outputCount());
  std::vector<std::int64_t> parts;
  if (node.opset() < 13)
    parts = node.integers("split");
  else if (node.has(1))
    parts = node.constantInts(1, "split");
  if (parts.empty()) {
    if (node.opset() >= 18 && node.integer("num_outputs", count) != count)
      node.bad("num_outputs differs from the number of outputs");
    if (node.opset() < 18 && extent % count != 0)
      node.bad("an extent of " + std::to_string(extent) + " does not split into " + std::to_string(count) +
               " equal parts");
    const std::int64_t part = (extent + count - 1) / count;  // the last one may be smaller
    for (std::int64_t i = 0; i < count; ++i)
      parts.push_back(std::clamp<std::int64_t>(extent - i * part, 0, part));
  }
  if (static_cast<std::int64_t>(parts.size()) != count) node.bad("split wants one entry per output");
  std::int64_t start = 0;
  std::vector<std::int64_t> starts(shape.size(), 0);
  const std::vector<std::int64_t> steps(shape.size(), 1);
  Shape sizes = shape;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] < 0 || parts[i] > extent - start) node.bad("the parts do not sum up to the extent");
    starts[static_cast<std::size_t>(axis)] = start;
    sizes[static_cast<std::size_t>(axis)] = parts[i];
    start += parts[i];
    if (!node.wants(i)) continue;
    const std::string part = i ? std::to_string(i) : std::string();
    node.set(i, sizes == shape ? node.in(0)
                               : node.add("Slice", {node.in(0)},
                                          {{"starts", starts}, {"sizes", sizes}, {"steps", steps}}, part));
  }
  if (start != extent) node.bad("the parts do not sum up to the extent");
}

// What negative pads take away, which is not repeated: they become 0.
TensorId cropped(Node& node, std::vector<std::int64_t>& pads) {
  if (std::all_of(pads.begin(), pads.end(), [](auto p) { return p >= 0; })) return node.in(0);
  Shape starts = node.shape(0), sizes = starts;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    std::int64_t &before = pads[d], &after = pads[d + sizes.size()];
    starts[d] = std::max<std::int64_t>(-before, 0);
    sizes[d] -= starts[d] + std::max<std::int64_t>(-after, 0);
    if (sizes[d] < 0) node.bad("its pads take more away than there is");
    before = std::max<std::int64_t>(before, 0);
    after = std::max<std::int64_t>(after, 0);
  }
  return node.add("Slice", {node.in(0)}, {{"starts", starts}, {"sizes", sizes}}, "cropped");
}

void pad(Node& node) {
  const bool attributes = node.opset() < 11;
  const auto given = attributes ? node.integers(node.hasAttribute("paddings") ? "paddings" : "pads")
                                : node.constantInts(1, "pads");
  double value = attributes ? node.number("value", 0) : 0;
  if (!attributes && node.has(2)) {
    const auto values = node.constantNumbers(2, "constant_value");
    if (values.size() > 1) node.bad("constant_value has to be a single number");
    if (!values.empty()) value = values[0];
  }
  const auto rank = static_cast<std::size_t>(node.rank(0));
  std::vector<std::int64_t> axes;
  if (node.has(3))
    axes = node.constantInts(3, "axes");
  else
    for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (given.size() != 2 * axes.size()) node.bad("pads wants a begin and an end per extent");
  std::vector<std::int64_t> pads(2 * rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(node.axis(axes[i], node.rank(0)));
    pads[axis] = given[i];
    pads[axis + rank] = given[i + axes.size()];
  }
  if (std::all_of(pads.begin(), pads.end(), [](auto p) { return p == 0; })) return node.set(0, node.in(0));
  const std::string mode = node.string("mode", "constant");
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
    node.bad("attribute mode has the unknown value " + mode);
  const TensorId x = mode == "constant" ? node.in(0) : cropped(node, pads);
  node.result("Pad", {x}, {{"pads", pads}, {"mode", mode}, {"value", value}});
}

/// Keeps the middle of an extent that is too long and fills around one that is too short.
void centerCropPad(Node& node) {
  const auto wanted = node.constantInts(1, "shape");
  const Shape shape = node.shape(0);
  auto axes = node.integers("axes");
  if (!node.hasAttribute("axes"))
    for (std::size_t i = 0; i < shape.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (wanted.size() != axes.size()) node.bad("its shape wants one entry per axis");
  std::vector<std::int64_t> starts(shape.size(), 0), pads(shape.size() * 2, 0);
  Shape sizes = shape;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(node.axis(axes[i], node.rank(0)));
    const std::int64_t more = wanted[i] - shape[axis];
    if (wanted[i] < 0) node.bad("its shape has a negative entry");
    if (more < 0) {
      starts[axis] = -more / 2;
      sizes[axis] = wanted[i];
    } else {
      pads[axis] = more / 2;
      pads[axis + shape.size()] = more - more / 2;
    }
  }
  const TensorId middle = node.add("Slice", {node.in(0)}, {{"starts", starts}, {"sizes", sizes}}, "middle");
  node.result("Pad", {middle}, {{"pads", pads}, {"mode", "constant"}, {"value", 0.0}});
}

}  // namespace

void addRows_slicing(RowList& rows) {
  rows.push_back({"CenterCropPad", 18, kNewest, centerCropPad});
  rows.push_back({"Slice", 1, kNewest, slice});
  rows.push_back({"Split", 1, kNewest, split});
  rows.push_back({"Pad", 1, kNewest, pad});
}

}  // namespace tessera::onnx
