// Convolutions, and the blocks of batches that older models write for dilated ones (space.cpp).
#include "importers/tensorflow/conv.hpp"

#include <algorithm>
#include <numeric>

#include "importers/tensorflow/quantize.hpp"

namespace tessera::tensorflow {

TensorId turned(Node& node, TensorId weights, const std::vector<std::int64_t>& perm) {
  return changedWeights(
      node, weights,
      [&](TensorId id) {
        return node.add("Transpose", {id}, {{"perm", perm}}, "weights");
      },
      [&](std::int64_t axis) { return storedAxis(perm, axis); });
}

TensorId convolution(Node& node, TensorId image, TensorId weights, TensorId bias) {
  const Shape x = node.shapeOf(image), w = node.shapeOf(weights);
  const Window window = windowOf(node, {w.begin() + 2, w.end()}, x);
  if (w[1] < 1 || x[1] % w[1] != 0 || w[0] % std::max<std::int64_t>(x[1] / w[1], 1) != 0)
    node.bad("weights of " + std::to_string(w[1]) + " channels do not fit an image of " +
             std::to_string(x[1]));
  std::vector<TensorId> operands{image, weights};
  if (bias != kNoTensor) operands.push_back(bias);
  return node.add("Convolution", std::move(operands),
                  {{"strides", window.strides},
                   {"dilations", window.dilations},
                   {"pads", window.pads},
                   {"group", x[1] / w[1]}});
}

TensorId depthwiseWeights(Node& node, TensorId weights) {
  const Shape w = node.shapeOf(weights);
  const TensorId perChannel = turned(node, weights, {2, 3, 0, 1});
  return node.reshape(perChannel, {w[2] * w[3], 1, w[0], w[1]}, "weights");
}

TensorId deconvolution(Node& node, TensorId image, TensorId weights, TensorId bias, const Shape& result) {
  const Shape x = node.shapeOf(image), w = node.shapeOf(weights);
  const Window window = windowOf(node, {w.begin() + 2, w.end()}, result);
  const std::size_t n = window.spatial();
  std::vector<std::int64_t> extra(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
    const std::int64_t least =
        (x[i + 2] - 1) * window.strides[i] + reach - window.pads[i] - window.pads[i + n];
    extra[i] = result[i + 2] - least;
    if (extra[i] < 0)
      node.bad("its result " + toString(result) + " does not belong to an input " + toString(x));
  }
  std::vector<TensorId> operands{image, weights};
  if (bias != kNoTensor) operands.push_back(bias);
  return node.add("Deconvolution", std::move(operands),
                  {{"strides", window.strides},
                   {"dilations", window.dilations},
                   {"pads", window.pads},
                   {"output_padding", extra},
                   {"group", std::int64_t{1}}});
}

namespace {

void wantRank(Node& node, std::size_t i, std::int64_t rank, const char* what) {
  if (node.rank(i) != rank)
    node.bad(std::string(what) + " has " + std::to_string(node.rank(i)) + " axes, " + std::to_string(rank) +
             " are wanted");
}

/// Conv2D and Conv3D: weights kernel.., C, K.
void conv(Node& node) {
  const std::int64_t rank = node.type() == "Conv3D" ? 5 : 4;
  wantRank(node, 0, rank, "the image");
  wantRank(node, 1, rank, "the weights");
  std::vector<std::int64_t> perm(static_cast<std::size_t>(rank));
  std::iota(perm.begin(), perm.end(), -2);
  perm[0] = rank - 1;
  perm[1] = rank - 2;
  const Order order = node.imageOrder(0);
  const TensorId weights = turned(node, node.in(1), perm);
  node.set(0, convolution(node, node.image(0), weights, kNoTensor), order);
}

void depthwise(Node& node) {
  wantRank(node, 0, 4, "the image");
  wantRank(node, 1, 4, "the weights");
  const Order order = node.imageOrder(0);
  const TensorId weights = depthwiseWeights(node, node.in(1));
  node.set(0, convolution(node, node.image(0), weights, kNoTensor), order);
}

/// Inputs: the result's shape, weights kernel.., K, C, image.
void convBackprop(Node& node) {
  const std::int64_t rank = node.type() == "Conv3DBackpropInputV2" ? 5 : 4;
  wantRank(node, 1, rank, "the weights");
  wantRank(node, 2, rank, "the image");
  const Order order = node.imageOrder(2);
  Shape result = node.constantInts(0, "the shape of its result");
  const Shape image = node.shape(2);
  if (static_cast<std::int64_t>(result.size()) == rank - 2) {  // without batch and channels
    result.insert(result.begin(), image[0]);
    result.insert(node.channelsLast() ? result.end() : result.begin() + 1,
                  node.shape(1)[static_cast<std::size_t>(rank) - 2]);
  }
  if (static_cast<std::int64_t>(result.size()) != rank) node.bad("the shape of its result has another rank");
  if (result[0] < 0) result[0] = image[0];
  for (const std::int64_t extent : result)
    if (extent < 1 || extent > (std::int64_t{1} << 30)) node.bad("the shape of its result is impossible");
  std::vector<std::int64_t> perm(static_cast<std::size_t>(rank));
  std::iota(perm.begin(), perm.end(), -2);
  perm[0] = rank - 1;
  perm[1] = rank - 2;
  const TensorId weights = turned(node, node.in(1), perm);
  if (node.shapeOf(weights)[0] != stored(order, image)[1] ||
      node.shapeOf(weights)[1] != stored(order, result)[1] || result[0] != image[0])
    node.bad("image, weights and the shape of its result contradict each other");
  node.set(0, deconvolution(node, node.image(2), weights, kNoTensor, stored(order, result)), order);
}

}  // namespace

void addRows_conv(RowList& rows) {
  rows.push_back({"Conv2D", conv, "NHWC, NCHW; padding SAME, VALID, EXPLICIT; dilations; groups"});
  rows.push_back({"Conv3D", conv, "NDHWC, NCDHW"});
  rows.push_back({"DepthwiseConv2dNative", depthwise});
  rows.push_back({"Conv2DBackpropInput", convBackprop, "transposed convolution"});
  rows.push_back({"Conv3DBackpropInputV2", convBackprop});
}

}  // namespace tessera::tensorflow
