// Concatenation, splitting, gathering, padding, tiling.
#include <algorithm>

#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

/// Values joined along an axis of the model, in the order of the largest of them.
void join(Node& node, const std::vector<Held>& parts, std::int64_t axis) {
  Held largest = parts.at(0);
  for (const Held& part : parts) {
    if (node.shapeOf(part.id).size() != node.shapeOf(largest.id).size())
      node.bad("its operands differ in rank");
    if (elementCount(node.shapeOf(part.id)) > elementCount(node.shapeOf(largest.id))) largest = part;
  }
  std::vector<TensorId> ids;
  for (const Held& part : parts)
    if (elementCount(node.shapeOf(part.id)) > 0 || ids.empty())
      ids.push_back(node.ordered(part, largest.order));
  if (ids.size() == 1) return node.set(0, ids[0], largest.order);
  node.result("Concat", std::move(ids), {{"axis", storedAxis(largest.order, axis)}}, largest.order);
}

void concat(Node& node) {
  const bool first = node.type() == "Concat";
  const std::size_t axisAt = first ? 0 : node.inputCount() - 1;
  if (node.inputCount() < 2) node.bad("it joins nothing");
  std::vector<Held> parts;
  for (std::size_t i = 0; i < node.inputCount(); ++i)
    if (i != axisAt) parts.push_back(node.held(i));
  const auto rank = static_cast<std::int64_t>(node.shapeOf(parts[0].id).size());
  join(node, parts, node.axis(node.constantInt(axisAt, "axis"), rank));
}

void pack(Node& node) {
  std::vector<Held> parts;
  const std::int64_t axis = node.axis(node.attributes().integer("axis"), node.rank(0) + 1);
  for (std::size_t i = 0; i < node.inputCount(); ++i) {
    Shape shape = node.shape(i);
    if (shape != node.shape(0)) node.bad("its operands differ in shape");
    shape.insert(shape.begin() + axis, 1);
    parts.push_back(node.reshaped(node.held(i), shape, "part"));
  }
  join(node, parts, axis);
}

/// A part of a value along an axis of the model.
Held sliced(Node& node, const Held& x, std::int64_t axis, std::int64_t start, std::int64_t size,
            const std::string& part) {
  const Shape shape = node.shapeOf(x.id);
  const auto at = static_cast<std::size_t>(storedAxis(x.order, axis));
  std::vector<std::int64_t> starts(shape.size(), 0);
  Shape sizes = shape;
  starts[at] = start;
  sizes[at] = size;
  if (sizes == shape) return x;
  return {
      node.add("Slice", {x.id},
               {{"starts", starts}, {"sizes", sizes}, {"steps", std::vector<std::int64_t>(shape.size(), 1)}},
               part),
      x.order};
}

void splitInto(Node& node, const Held& x, std::int64_t axis, std::vector<std::int64_t> parts) {
  const std::int64_t extent = node.shapeOf(x)[static_cast<std::size_t>(axis)];
  std::int64_t known = 0, open = -1;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == -1 && open < 0)
      open = static_cast<std::int64_t>(i);
    else if (parts[i] < 0 || parts[i] > extent - known)
      node.bad("the parts do not sum up to the extent");
    else
      known += parts[i];
  }
  if (open >= 0) parts[static_cast<std::size_t>(open)] = extent - known;
  if (open < 0 && known != extent) node.bad("the parts do not sum up to the extent");
  std::int64_t start = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    node.set(i, sliced(node, x, axis, start, parts[i], i ? std::to_string(i) : std::string()));
    start += parts[i];
  }
}

/// Inputs: axis, value.
void split(Node& node) {
  const Held x = node.held(1);
  const std::int64_t axis = node.axis(node.constantInt(0, "axis"), node.rank(1));
  const auto count = static_cast<std::int64_t>(node.outputCount());
  const std::int64_t extent = node.shape(1)[static_cast<std::size_t>(axis)];
  if (count < 1 || extent % count != 0)
    node.bad("an extent of " + std::to_string(extent) + " does not split into " + std::to_string(count) +
             " parts");
  splitInto(node, x, axis, std::vector<std::int64_t>(static_cast<std::size_t>(count), extent / count));
}

/// Inputs: value, sizes, axis.
void splitV(Node& node) {
  const auto sizes = node.constantInts(1, "sizes");
  if (sizes.size() != node.outputCount()) node.bad("it has as many sizes as outputs");
  splitInto(node, node.held(0), node.axis(node.constantInt(2, "axis"), node.rank(0)), sizes);
}

void unpack(Node& node) {
  const Held x = node.held(0);
  const std::int64_t axis = node.axis(node.attributes().integer("axis"), node.rank(0));
  Shape shape = node.shape(0);
  if (shape[static_cast<std::size_t>(axis)] != static_cast<std::int64_t>(node.outputCount()))
    node.bad("it has another number of outputs than its axis has extents");
  shape.erase(shape.begin() + axis);
  for (std::size_t i = 0; i < node.outputCount(); ++i) {
    const Held part = sliced(node, x, axis, static_cast<std::int64_t>(i), 1, "part" + std::to_string(i));
    node.set(i, node.reshaped(part, shape, i ? std::to_string(i) : std::string()));
  }
}

/// Mirrored with the border: known positions are picked, axis by axis.
TensorId mirrored(Node& node, TensorId x, const std::vector<std::int64_t>& begins,
                  const std::vector<std::int64_t>& ends) {
  for (std::size_t d = 0; d < begins.size(); ++d) {
    const std::int64_t extent = node.shapeOf(x)[d], before = begins[d], after = ends[d];
    if (before == 0 && after == 0) continue;
    if (before > extent || after > extent) node.bad("it mirrors more than there is");
    HostTensor picked = node.allocate(DataType::Int64, {before + extent + after});
    auto cells = picked.as<std::int64_t>();
    for (std::int64_t i = 0; i < picked.size(); ++i) {
      const std::int64_t at = i - before;
      cells[static_cast<std::size_t>(i)] = at < 0 ? -1 - at : at < extent ? at : 2 * extent - 1 - at;
    }
    const std::string part = "mirrored" + std::to_string(d);
    x = node.add("Gather", {x, node.constantOf(std::move(picked), part + "/cells")},
                 {{"axis", static_cast<std::int64_t>(d)}}, part);
  }
  return x;
}

void pad(Node& node) {
  const Held x = node.held(0);
  const auto rank = static_cast<std::size_t>(node.rank(0));
  const auto given = node.constantInts(1, "paddings");
  if (given.size() != 2 * rank) node.bad("paddings wants a begin and an end per axis");
  double value = 0;
  std::string mode = "constant";
  if (node.type() == "PadV2" && node.has(2)) value = node.constantNumber(2, "constant_values");
  if (node.type() == "MirrorPad") {
    mode = node.attributes().string("mode", "REFLECT");
    if (mode != "REFLECT" && mode != "SYMMETRIC") node.bad("attribute mode has the unknown value " + mode);
  }
  std::vector<std::int64_t> begins, ends;
  for (std::size_t i = 0; i < rank; ++i) {
    begins.push_back(given[2 * i]);
    ends.push_back(given[2 * i + 1]);
    if (begins[i] < 0 || ends[i] < 0 || begins[i] > kMostElements || ends[i] > kMostElements)
      node.bad("its paddings are negative or impossible");
  }
  begins = stored(x.order, begins);
  ends = stored(x.order, ends);
  // The border itself is repeated: of one cell that is what edge does.
  if (mode == "SYMMETRIC" && std::any_of(given.begin(), given.end(), [](auto p) { return p > 1; }))
    return node.set(0, Held{mirrored(node, x.id, begins, ends), x.order});
  std::vector<std::int64_t> pads = begins;
  pads.insert(pads.end(), ends.begin(), ends.end());
  if (std::all_of(pads.begin(), pads.end(), [](auto p) { return p == 0; })) return node.set(0, x);
  mode = mode == "REFLECT" ? "reflect" : mode == "SYMMETRIC" ? "edge" : mode;
  node.result("Pad", {x.id}, {{"pads", pads}, {"mode", mode}, {"value", value}}, x.order);
}

void tile(Node& node) {
  const Held x = node.held(0);
  const auto repeats = node.constantInts(1, "multiples");
  if (repeats.size() != node.shape(0).size()) node.bad("multiples wants one entry per axis");
  for (const std::int64_t repeat : repeats)
    if (repeat < 0 || repeat > kMostElements) node.bad("its multiples are impossible");
  node.result("Tile", {x.id}, {{"repeats", stored(x.order, repeats)}}, x.order);
}

void oneHot(Node& node) {
  const std::int64_t depth = node.constantInt(1, "depth");
  if (depth < 0 || depth > (1 << 24)) node.bad("its depth is impossible");
  std::int64_t axis = node.attributes().integer("axis", -1);
  axis = node.axis(axis, node.rank(0) + 1);
  const TensorId values =
      node.add("Concat", {node.reshape(node.in(3), {1}, "off"), node.reshape(node.in(2), {1}, "on")},
               {{"axis", std::int64_t{0}}}, "values");
  // TensorFlow leaves rows of negative indices at "off"; the graph counts them from the end.
  const TensorId indices = node.cast(node.in(0), DataType::Int64);
  const TensorId outside = node.scalar(DataType::Int64, static_cast<double>(depth), "outside");
  const TensorId negative =
      node.add("Less", {indices, node.scalar(DataType::Int64, 0, "zero")}, {}, "negative");
  const TensorId safe = node.add("Where", {negative, outside, indices}, {}, "indices");
  node.result("OneHot", {safe, values}, {{"depth", depth}, {"axis", axis}});
}

/// Each axis begins with its last `shift` entries.
void roll(Node& node) {
  const auto shifts = node.constantInts(1, "shift"), axes = node.constantInts(2, "axis");
  if (shifts.size() != axes.size()) node.bad("shift and axis differ in length");
  Held x = node.held(0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = node.axis(axes[i], node.rank(0)),
                       extent = node.shapeOf(x)[static_cast<std::size_t>(axis)];
    if (extent < 2) continue;
    const std::int64_t shift = (shifts[i] % extent + extent) % extent;
    if (shift == 0) continue;
    const Held last = sliced(node, x, axis, extent - shift, shift, "last"),
               first = sliced(node, x, axis, 0, extent - shift, "first");
    x.id = node.add("Concat", {last.id, first.id}, {{"axis", storedAxis(x.order, axis)}}, "rolled");
  }
  node.set(0, x);
}

/// Axes read backwards.
void reverse(Node& node) {
  const Held x = node.held(0);
  const Shape shape = node.shapeOf(x.id);
  std::vector<std::int64_t> starts(shape.size(), 0), steps(shape.size(), 1);
  for (const std::int64_t axis : node.axes(node.constantInts(1, "axis"), node.rank(0))) {
    const auto at = static_cast<std::size_t>(storedAxis(x.order, axis));
    if (shape[at] < 2) continue;
    starts[at] = shape[at] - 1;
    steps[at] = -1;
  }
  node.result("Slice", {x.id}, {{"starts", starts}, {"sizes", shape}, {"steps", steps}}, x.order);
}

/// Inputs: matrices, how many diagonals below and above the main one stay (negative: all of them).
void bandPart(Node& node) {
  const std::int64_t below = node.constantInt(1, "num_lower"), above = node.constantInt(2, "num_upper");
  if (node.rank(0) < 2) node.bad("its input is no matrix");
  TensorId x = node.in(0);
  const auto cut = [&](std::int64_t upper, std::int64_t k, const std::string& part) {
    k = std::clamp(k, -kMostElements, kMostElements);
    x = node.add("Trilu", {x}, {{"upper", upper}, {"k", k}}, part);
  };
  if (below >= 0) cut(1, -below, above >= 0 ? "above" : "");
  if (above >= 0) cut(0, above, "");
  node.set(0, x);
}

}  // namespace

void addRows_moving(RowList& rows) {
  for (const char* type : {"Concat", "ConcatV2"}) rows.push_back({type, concat});
  rows.push_back({"Pack", pack});
  rows.push_back({"Split", split});
  rows.push_back({"SplitV", splitV});
  rows.push_back({"Unpack", unpack});
  for (const char* type : {"Pad", "PadV2"}) rows.push_back({type, pad});
  rows.push_back({"MirrorPad", pad});
  rows.push_back({"MatrixBandPart", bandPart, "a band known at import"});
  rows.push_back({"Tile", tile});
  rows.push_back({"OneHot", oneHot});
  rows.push_back({"ReverseV2", reverse});
  rows.push_back({"Roll", roll, "shifts known at import"});
}

}  // namespace tessera::tensorflow
