// Poolings: windows, whole planes, and unpooling.
#include <numeric>

#include "importers/onnx/window.hpp"

namespace tessera::onnx {
namespace {

void pool(Node& node) {
  const SlidingWindow window = slidingWindow(node, {});
  const bool max = node.type() == "MaxPool";
  Attributes attrs{{"mode", max                       ? "max"
                            : node.type() == "LpPool" ? "lp"
                                                      : "average"},
                   {"kernel", window.kernel},
                   {"strides", window.strides},
                   {"dilations", window.dilations},
                   {"pads", window.pads},
                   {"ceil_mode", node.integer("ceil_mode", 0)}};
  if (node.type() == "AveragePool") attrs.set("count_include_pad", node.integer("count_include_pad", 0));
  if (node.type() == "LpPool") attrs.set("p", node.integer("p", 2));
  const bool indices = max && node.wants(1);
  if (indices) attrs.set("indices", node.integer("storage_order", 0) ? 2 : 1);
  const DataType type = node.typeOf(node.in(0));  // 8-bit codes are exact in f32
  const auto made = node.addAll("Pool", {node.cast(node.in(0), DataType::Float32)}, std::move(attrs));
  node.set(0, node.cast(made.at(0), type));
  if (indices) node.set(1, made.at(1));
}

TensorId moved(Node& node, TensorId x, std::size_t from, std::size_t to, const char* part) {
  std::vector<std::int64_t> perm(node.shapeOf(x).size());
  std::iota(perm.begin(), perm.end(), 0);
  const std::int64_t axis = perm[from];
  perm.erase(perm.begin() + static_cast<std::ptrdiff_t>(from));
  perm.insert(perm.begin() + static_cast<std::ptrdiff_t>(to), axis);
  return node.add("Transpose", {x}, {{"perm", perm}}, part);
}

/// Codes whose channels come last, as ONNX Runtime's optimiser lays them out.
void channelsLastPool(Node& node) {
  if (node.rank(0) < 3) node.bad("the input has no spatial extents");
  const std::size_t last = static_cast<std::size_t>(node.rank(0)) - 1;
  const DataType type = node.typeOf(node.in(0));
  const TensorId x = moved(node, node.cast(node.in(0), DataType::Float32), last, 1, "channels first");
  const SlidingWindow window = slidingWindow(node, {}, Shape(node.shapeOf(x)));
  const TensorId y = node.add("Pool", {x},
                              {{"mode", "max"},
                               {"kernel", window.kernel},
                               {"strides", window.strides},
                               {"dilations", window.dilations},
                               {"pads", window.pads},
                               {"ceil_mode", node.integer("ceil_mode", 0)}});
  node.set(0, node.cast(moved(node, y, 1, last, "channels last"), type));
}

void globalPool(Node& node) {
  if (node.rank(0) < 3) node.bad("the input has no spatial extents");
  const bool lp = node.type() == "GlobalLpPool";
  Attributes attrs{{"mode", lp ? "lp" : node.type() == "GlobalMaxPool" ? "max" : "average"}};
  if (lp) attrs.set("p", node.integer("p", 2));
  node.result("GlobalPool", {node.in(0)}, std::move(attrs));
}

void maxUnpool(Node& node) {
  const SlidingWindow window = unpaddedWindow(node, {});
  const auto n = window.spatial();
  // Indices count in the tensor the pooling read, whose shape follows from the window; a larger output_shape
  // pads that.
  Shape pooled = node.shape(0);
  for (std::size_t i = 0; i < n; ++i)
    pooled[i + 2] =
        (pooled[i + 2] - 1) * window.strides[i] + window.kernel[i] - window.pads[i] - window.pads[i + n];
  const TensorId spread =
      node.add("Unpool", {node.in(0), node.cast(node.in(1), DataType::Int64)}, {{"output_shape", pooled}});
  if (!node.has(2)) return node.set(0, spread);
  const Shape wanted = node.constantInts(2, "output_shape");
  if (wanted.size() != pooled.size()) node.bad("output_shape wants one entry per extent");
  std::vector<std::int64_t> pads(2 * wanted.size(), 0);
  for (std::size_t i = 0; i < wanted.size(); ++i) pads[wanted.size() + i] = wanted[i] - pooled[i];
  if (wanted == pooled) return node.set(0, spread);
  node.set(0, node.add("Pad", {spread}, {{"pads", pads}, {"mode", "constant"}, {"value", 0.0}}, "pad"));
}

}  // namespace

void addRows_pooling(RowList& rows) {
  rows.push_back({"MaxPool", 1, kNewest, pool});
  rows.push_back({"com.microsoft.NhwcMaxPool", 1, kNewest, channelsLastPool});
  rows.push_back({"AveragePool", 1, kNewest, pool});
  rows.push_back({"LpPool", 2, kNewest, pool});
  rows.push_back({"GlobalMaxPool", 1, kNewest, globalPool});
  rows.push_back({"GlobalAveragePool", 1, kNewest, globalPool});
  rows.push_back({"GlobalLpPool", 2, kNewest, globalPool});
  rows.push_back({"MaxUnpool", 9, kNewest, maxUnpool});
}

}  // namespace tessera::onnx
