// Sliding windows of convolutions and poolings, and the window functions of signal processing.
#include "importers/onnx/window.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tessera::onnx {

SlidingWindow unpaddedWindow(const Node& node, std::vector<std::int64_t> kernel) {
  const auto given = node.integers("kernel_shape");
  if (kernel.empty()) kernel = given;
  if (!given.empty() && given != kernel) node.bad("attribute kernel_shape contradicts the weights' extents");
  const auto n = kernel.size();
  if (n == 0) node.bad("attribute kernel_shape is missing");
  if (static_cast<std::size_t>(node.rank(0)) != n + 2)
    node.bad("a window over " + std::to_string(n) + " extents wants an input of " + std::to_string(n + 2) +
             ", this one has " + std::to_string(node.rank(0)));
  const auto list = [&](const char* name, std::size_t count, std::int64_t fallback, std::int64_t least) {
    auto values = node.integers(name);
    if (values.empty()) values.assign(count, fallback);
    if (values.size() != count)
      node.bad("attribute " + std::string(name) + " has " + std::to_string(values.size()) + " entries, " +
               std::to_string(count) + " are wanted");
    for (auto value : values)
      if (value < least || value > (1 << 30))
        node.bad("attribute " + std::string(name) + " has the impossible entry " + std::to_string(value));
    return values;
  };
  for (auto extent : kernel)
    if (extent < 1 || extent > (1 << 30))
      node.bad("the window has the impossible extent " + std::to_string(extent));
  SlidingWindow window{std::move(kernel), list("strides", n, 1, 1), list("dilations", n, 1, 1),
                       list("pads", 2 * n, 0, 0)};
  const std::string mode = node.string("auto_pad", "NOTSET");
  if (mode != "NOTSET" && mode != "SAME_UPPER" && mode != "SAME_LOWER" && mode != "VALID")
    node.bad("attribute auto_pad has the unknown value " + mode);
  if (mode != "NOTSET") window.pads.assign(2 * n, 0);
  return window;
}

SlidingWindow slidingWindow(const Node& node, std::vector<std::int64_t> kernel) {
  return slidingWindow(node, std::move(kernel), node.shape(0));
}

SlidingWindow slidingWindow(const Node& node, std::vector<std::int64_t> kernel, const Shape& input) {
  SlidingWindow window = unpaddedWindow(node, std::move(kernel));
  const std::string mode = node.string("auto_pad", "NOTSET");
  if (mode != "SAME_UPPER" && mode != "SAME_LOWER") return window;
  const auto n = window.spatial();
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t in = input[i + 2];
    const std::int64_t out = (in + window.strides[i] - 1) / window.strides[i];
    const std::int64_t total = std::max<std::int64_t>(
        (out - 1) * window.strides[i] + window.dilations[i] * (window.kernel[i] - 1) + 1 - in, 0);
    const std::int64_t less = total / 2, more = total - less;
    window.pads[i] = mode == "SAME_UPPER" ? less : more;
    window.pads[i + n] = total - window.pads[i];
  }
  return window;
}

namespace {

/// HannWindow, HammingWindow, BlackmanWindow: sums of cosines over a length known at import.
void windowFunction(Node& node) {
  const std::int64_t size = node.constantInt(0, "size");
  if (size < 0 || size > (1 << 24))
    node.bad("the window's size " + std::to_string(size) + " is out of range");
  std::vector<double> weights;
  if (node.type() == "HannWindow") weights = {0.5, -0.5};
  if (node.type() == "HammingWindow") weights = {25.0 / 46, -21.0 / 46};
  if (node.type() == "BlackmanWindow") weights = {0.42, -0.5, 0.08};
  const auto period = static_cast<double>(node.flag("periodic", true) ? size : size - 1);
  HostTensor out = node.allocate(DataType::Float32, {size});
  for (std::int64_t i = 0; i < size; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < weights.size(); ++k)
      sum += weights[k] * std::cos(2 * std::numbers::pi * static_cast<double>(k) * static_cast<double>(i) /
                                   std::max(period, 1.0));
    out.as<float>()[static_cast<std::size_t>(i)] = static_cast<float>(sum);
  }
  node.set(0, node.constantOf(std::move(out), "window"));
}

}  // namespace

void addRows_window(RowList& rows) {
  for (const char* type : {"HannWindow", "HammingWindow", "BlackmanWindow"})
    rows.push_back({type, 17, kNewest, windowFunction});
}

}  // namespace tessera::onnx
