// Conv and ConvTranspose.
#include <algorithm>

#include "importers/onnx/window.hpp"

namespace tessera::onnx {
namespace {

std::vector<std::int64_t> weightKernel(const Node& node) {
  if (node.rank(1) < 3)
    node.bad("the weights have " + std::to_string(node.rank(1)) + " extents, at least 3 are wanted");
  return {node.shape(1).begin() + 2, node.shape(1).end()};
}

void conv(Node& node) {
  const SlidingWindow window = slidingWindow(node, weightKernel(node));
  std::vector<TensorId> operands{node.in(0), node.in(1)};
  if (node.has(2)) operands.push_back(node.in(2));
  node.result("Convolution", std::move(operands),
              {{"strides", window.strides},
               {"dilations", window.dilations},
               {"pads", window.pads},
               {"group", node.integer("group", 1)}});
}

void convTranspose(Node& node) {
  SlidingWindow window = unpaddedWindow(node, weightKernel(node));
  const auto n = window.spatial();
  auto extra = node.integers("output_padding");
  if (extra.empty()) extra.assign(n, 0);
  auto wanted = node.integers("output_shape");
  const std::string mode = node.string("auto_pad", "NOTSET");
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (wanted.empty() && same)
    for (std::size_t i = 0; i < n; ++i) wanted.push_back(node.shape(0)[i + 2] * window.strides[i]);
  if (wanted.size() == n + 2)
    wanted.erase(wanted.begin(), wanted.begin() + 2);  // with N and C, as some exporters write
  if ((!wanted.empty() && wanted.size() != n) || extra.size() != n)
    node.bad("output_shape and output_padding want one entry per spatial extent");
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::int64_t full = window.strides[i] * (node.shape(0)[i + 2] - 1) + extra[i] +
                              (window.kernel[i] - 1) * window.dilations[i] + 1;
    const std::int64_t total = std::max<std::int64_t>(full - wanted[i], 0);
    if (wanted[i] > full) extra[i] += wanted[i] - full;
    window.pads[i] = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
    window.pads[i + n] = total - window.pads[i];
  }
  std::vector<TensorId> operands{node.in(0), node.in(1)};
  if (node.has(2)) operands.push_back(node.in(2));
  node.result("Deconvolution", std::move(operands),
              {{"strides", window.strides},
               {"dilations", window.dilations},
               {"pads", window.pads},
               {"output_padding", extra},
               {"group", node.integer("group", 1)}});
}

}  // namespace

void addRows_conv(RowList& rows) {
  rows.push_back({"Conv", 1, kNewest, conv});
  rows.push_back({"ConvTranspose", 1, kNewest, convTranspose});
}

}  // namespace tessera::onnx
