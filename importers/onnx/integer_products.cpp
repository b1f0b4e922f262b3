// Exact products of integers, and the operators of dynamic quantisation that are made of them.
#include <algorithm>
#include <cmath>

#include "importers/onnx/quantize.hpp"
#include "importers/onnx/window.hpp"

namespace tessera::onnx {
namespace {

constexpr std::int64_t kExact = std::int64_t{1} << 24;  ///< f32 holds every integer up to here

/// Integers that f32 layers have to add exactly: no kernel may transform them, no pass code them.
Attributes exact(Attributes attrs) {
  attrs.set("exact_sums", 1);
  return attrs;
}

TensorId slice(Node& node, TensorId x, std::size_t axis, std::int64_t start, std::int64_t size) {
  Shape sizes = node.shapeOf(x);
  if (sizes[axis] == size) return x;
  std::vector<std::int64_t> starts(sizes.size(), 0), steps(sizes.size(), 1);
  starts[axis] = start;
  sizes[axis] = size;
  return node.add("Slice", {x}, {{"starts", starts}, {"sizes", sizes}, {"steps", steps}}, "part");
}

TensorId sum(Node& node, TensorId a, TensorId b) {
  return a == kNoTensor ? b : node.add("Add", {a, b}, {}, "sum");
}

/// Largest absolute value of each slice along `axis`; `most` where the values are computed.
std::vector<std::int64_t> largestAlong(Node& node, const Integers& x, std::size_t axis) {
  const Shape& shape = node.shapeOf(x.values);
  std::vector<std::int64_t> largest(static_cast<std::size_t>(shape[axis]), x.most);
  const HostTensor* value = node.valueOf(x.values);
  if (!value) return largest;
  std::fill(largest.begin(), largest.end(), 0);
  const auto values = value->as<float>();
  std::int64_t inner = 1;
  for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto& most = largest[i / static_cast<std::size_t>(inner) % largest.size()];
    most = std::max(most, static_cast<std::int64_t>(std::abs(values[i])));
  }
  return largest;
}

/// Lengths of consecutive parts whose sums f32 adds exactly; `each` products of up to terms[i] lie in slice
/// i. Empty where one slice alone is too much.
std::vector<std::int64_t> exactParts(const std::vector<std::int64_t>& largest, std::int64_t other,
                                     std::int64_t each) {
  std::vector<std::int64_t> parts;
  std::int64_t bound = 0, length = 0;
  for (const std::int64_t most : largest) {
    const std::int64_t term = most * other * each;
    if (term > kExact) return {};
    if (bound + term > kExact) {
      parts.push_back(length);
      bound = length = 0;
    }
    bound += term;
    ++length;
  }
  parts.push_back(length);
  return parts;
}

/// Weights as digits of `base`, the lowest first; all but the highest from 0 to base - 1.
std::vector<Integers> digits(Node& node, Integers x, std::int64_t base) {
  std::vector<Integers> found;
  while (x.most >= base) {
    const double unit = 1.0 / static_cast<double>(base);
    const TensorId shifted = node.add("Affine", {x.values}, {{"alpha", unit}, {"beta", 0.0}}, "shift");
    const TensorId high = node.add("Floor", {shifted}, {}, "high");
    const TensorId back =
        node.add("Affine", {high}, {{"alpha", static_cast<double>(base)}, {"beta", 0.0}}, "back");
    found.push_back({node.add("Sub", {x.values, back}, {}, "low"), base - 1});
    x = {high, (x.most + base - 1) / base};
  }
  found.push_back(x);
  return found;
}

/// The convolution of digits of the weights: for windows over which even one channel's sums are too long, and
/// for groups, whose channels are not parts that lie together.
TensorId convolutionOfDigits(Node& node, const Integers& x, const Integers& weights,
                             const Attributes& attrs) {
  const Shape& extents = node.shapeOf(weights.values);
  const std::int64_t terms = elementCount(extents) / std::max<std::int64_t>(extents[0], 1);
  std::int64_t base = 256;
  while (base > 2 && terms * x.most * base > kExact) base /= 2;
  if (terms * x.most * base > kExact)
    node.unsupported("its sums of " + std::to_string(terms) + " integer products are too long to be exact");
  TensorId total = kNoTensor;
  std::int64_t unit = 1;
  for (const Integers& digit : digits(node, weights, base)) {
    const TensorId y =
        node.cast(node.add("Convolution", {x.values, digit.values}, exact(attrs), "digit"), DataType::Int32);
    const TensorId factor = node.scalar(DataType::Int32, static_cast<double>(unit), "unit");
    total = sum(node, total, unit == 1 ? y : node.add("Mul", {y, factor}, {}, "digit"));
    unit *= base;
  }
  return total;
}

}  // namespace

Integers centred(Node& node, TensorId codes, TensorId zero, const Shape& zeroShape) {
  const bool isSigned = node.typeOf(codes) == DataType::Int8;
  if (!isSigned && node.typeOf(codes) != DataType::UInt8)
    node.unsupported("its factors are " + std::string(toString(node.typeOf(codes))) +
                     "; i8 and u8 are supported");
  const std::int64_t low = isSigned ? -128 : 0, high = low + 255;
  Integers x{node.cast(codes, DataType::Float32), std::max(-low, high)};
  if (zero != kNoTensor) {
    TensorId point = scalarOrList(node, zero);
    if (node.shapeOf(point).size() == 1) point = node.reshape(point, zeroShape, "zero");
    x.values = node.add("Sub", {x.values, node.cast(point, DataType::Float32)}, {}, "centre");
    x.most = 255;
    if (const HostTensor* value = node.valueOf(point); value && value->size() == 1)
      x.most = std::max(value->integer(0) - low, high - value->integer(0));
  }
  if (const HostTensor* value = node.valueOf(x.values)) {
    x.most = 0;
    for (const float v : value->as<float>())
      x.most = std::max(x.most, static_cast<std::int64_t>(std::abs(v)));
  }
  return x;
}

TensorId integerMatMul(Node& node, const Integers& a, const Integers& b) {
  const std::size_t aAxis = node.shapeOf(a.values).size() - 1;
  const std::size_t bRank = node.shapeOf(b.values).size(), bAxis = bRank < 2 ? 0 : bRank - 2;
  if (node.shapeOf(a.values).empty() || bRank == 0) node.bad("its factors have no extents");
  if (node.shapeOf(a.values)[aAxis] != node.shapeOf(b.values)[bAxis])
    node.bad("its factors do not fit each other");
  TensorId total = kNoTensor;
  std::int64_t start = 0;
  for (const std::int64_t length : exactParts(largestAlong(node, b, bAxis), a.most, 1)) {
    const TensorId y = node.add(
        "MatMul", {slice(node, a.values, aAxis, start, length), slice(node, b.values, bAxis, start, length)},
        exact({}), "product");
    total = sum(node, total, node.cast(y, DataType::Int32));
    start += length;
  }
  return total;
}

TensorId integerConvolution(Node& node, const Integers& x, const Integers& weights, const Attributes& attrs) {
  const Shape extents = node.shapeOf(weights.values);
  std::int64_t window = 1;
  for (std::size_t i = 2; i < extents.size(); ++i) window *= extents[i];
  const auto parts = exactParts(largestAlong(node, weights, 1), x.most, window);
  const bool grouped = attrs.integer("group", 1) != 1;
  if (parts.empty() || (grouped && parts.size() > 1)) return convolutionOfDigits(node, x, weights, attrs);
  TensorId total = kNoTensor;
  std::int64_t start = 0;
  for (const std::int64_t length : parts) {
    const bool whole = parts.size() == 1;
    const TensorId y = node.add("Convolution",
                                {whole ? x.values : slice(node, x.values, 1, start, length),
                                 slice(node, weights.values, 1, start, length)},
                                exact(attrs), "product");
    total = sum(node, total, node.cast(y, DataType::Int32));
    start += length;
  }
  return total;
}

namespace {

void convInteger(Node& node) {
  const Shape& extents = node.shape(1);
  if (extents.size() < 3) node.bad("the weights have too few extents");
  const SlidingWindow window = slidingWindow(node, {extents.begin() + 2, extents.end()});
  Shape perChannel(extents.size(), 1);
  perChannel[0] = extents[0];
  const Integers x = centred(node, node.in(0), node.optional(2), {}),
                 weights = centred(node, node.in(1), node.optional(3), perChannel);
  node.set(0, integerConvolution(node, x, weights,
                                 {{"strides", window.strides},
                                  {"dilations", window.dilations},
                                  {"pads", window.pads},
                                  {"group", node.integer("group", 1)}}));
}

/// a * b in i32; zero points of a count along its rows, those of b along its columns.
TensorId product(Node& node, TensorId a, TensorId aZero, TensorId b, TensorId bZero) {
  const Shape aShape = node.shapeOf(a), bShape = node.shapeOf(b);
  if (aShape.empty() || bShape.empty()) node.bad("its factors have no extents");
  const Shape rows{aShape.size() > 1 ? aShape[aShape.size() - 2] : 1, 1}, columns{bShape.back()};
  return integerMatMul(node, centred(node, a, aZero, rows), centred(node, b, bZero, columns));
}

void matMulInteger(Node& node) {
  node.set(0, product(node, node.in(0), node.optional(2), node.in(1), node.optional(3)));
}

/// i32 sums times the scales of both factors, plus a bias.
void setScaled(Node& node, TensorId sums, TensorId aScale, TensorId bScale, TensorId bias) {
  const TensorId scale =
      node.add("Mul", {scalarOrList(node, aScale), scalarOrList(node, bScale)}, {}, "scale");
  TensorId y =
      node.add("Mul", {node.cast(sums, DataType::Float32), scale}, {}, bias == kNoTensor ? "" : "scaled");
  if (bias != kNoTensor) y = node.add("Add", {y, bias});
  node.set(0, y);
}

void matMulIntegerToFloat(Node& node) {
  setScaled(node, product(node, node.in(0), node.optional(4), node.in(1), node.optional(5)), node.in(2),
            node.in(3), node.optional(6));
}

void dynamicQuantizeMatMul(Node& node) {
  const Coded a = quantizedByRange(node, node.in(0), "a");
  setScaled(node, product(node, a.codes, a.zero, node.in(1), node.optional(3)), a.scale, node.in(2),
            node.optional(4));
}

}  // namespace

void addRows_integer_products(RowList& rows) {
  rows.push_back({"ConvInteger", 10, kNewest, convInteger});
  rows.push_back({"MatMulInteger", 10, kNewest, matMulInteger});
  rows.push_back({"com.microsoft.MatMulIntegerToFloat", 1, kNewest, matMulIntegerToFloat});
  rows.push_back({"com.microsoft.DynamicQuantizeMatMul", 1, kNewest, dynamicQuantizeMatMul});
}

}  // namespace tessera::onnx
