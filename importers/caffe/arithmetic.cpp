// Rows: Eltwise, Axpy, ArgMax, Reduction.
#include <algorithm>

#include "importers/caffe/layers.hpp"

namespace tessera::caffe {
namespace {

using Values = std::vector<std::int64_t>;
using Tops = std::vector<TensorId>;

Tops eltwise(const LayerContext& c) {
  const auto& p = c.layer.eltwise_param();
  const int count = static_cast<int>(c.bottomCount());
  const bool sum = p.operation() == EltwiseParameter::SUM;
  if (p.coeff_size() && p.operation() == EltwiseParameter::PROD) c.bad("a product takes no coefficients");
  if (p.coeff_size() && sum && p.coeff_size() != count)
    c.bad(std::to_string(p.coeff_size()) + " coefficients for " + std::to_string(count) + " inputs");
  for (int i = 1; i < count; ++i)
    if (c.shape(i) != c.shape(0))
      c.bad("its inputs differ: " + toString(c.shape(0)) + " and " + toString(c.shape(i)));

  const std::string op = sum ? "Add" : p.operation() == EltwiseParameter::PROD ? "Mul" : "Max";
  const auto term = [&](int i) {
    const double factor = sum && p.coeff_size() ? p.coeff(i) : 1.f;  // Caffe has none for a maximum
    if (factor == 1) return c.bottom(i);
    return c.step("Affine", "term" + std::to_string(i), {c.bottom(i)}, {{"alpha", factor}, {"beta", 0.0}});
  };
  TensorId total = term(0);
  for (int i = 1; i + 1 < count; ++i) total = c.step(op, "partial" + std::to_string(i), {total, term(i)});
  return c.result(op, {total, term(count - 1)});
}

/// scale * x + y, one scale per item and channel.
Tops axpy(const LayerContext& c) {
  if (c.rank(1) != 4 || c.shape(1) != c.shape(2))
    c.bad("its second and third inputs must be images of one shape");
  Shape wide = {c.shape(1)[0], c.shape(1)[1], 1, 1};
  if (elementCount(c.shape()) != elementCount(wide)) c.bad("it needs one scale per item and channel");
  TensorId scale = c.bottom();
  if (c.shape() != wide) scale = c.step("Reshape", "scale", {scale}, {{"shape", Values(wide)}});
  return c.result("Add", {c.step("Mul", "product", {c.bottom(1), scale}), c.bottom(2)});
}

/// Part of an ArgMax: the k largest along an axis of x, best first, or where they are.
struct Best {
  TensorId x;
  std::int64_t axis, k;
};

/// TopK of x from its other end: of equal ones TopK takes the first and Caffe the last.
std::vector<TensorId> topK(const LayerContext& c, const Best& of, const std::string& name,
                           std::vector<std::string> outputs = {}) {
  const Shape shape = c.build.shape(of.x);
  Values starts(shape.size(), 0), steps(shape.size(), 1);
  starts[of.axis] = shape[of.axis] - 1, steps[of.axis] = -1;
  const TensorId mirrored = c.build.add("Slice", name + "/mirrored", {of.x},
                                        {{"starts", starts}, {"sizes", Values(shape)}, {"steps", steps}});
  return c.build.addAll("TopK", name, {mirrored}, {{"k", of.k}, {"axis", of.axis}}, std::move(outputs));
}

TensorId bestValues(const LayerContext& c, const Best& of, const std::string& name,
                    const std::vector<std::string>& outputs = {}) {
  if (of.k > 1) return topK(c, of, name, outputs)[0];
  return c.build.add("Reduce", name, {of.x},
                     {{"mode", std::string("max")}, {"axes", Values{of.axis}}, {"keepdims", std::int64_t{1}}},
                     outputs);
}

TensorId bestIndices(const LayerContext& c, const Best& of, const std::string& name,
                     const std::vector<std::string>& outputs = {}) {
  if (of.k > 1) {
    const std::int64_t extent = c.build.shape(of.x)[of.axis];
    const TensorId last = c.constant("last", HostTensor::of<std::int64_t>({}, {extent - 1}));
    return c.build.add("Sub", name, {last, topK(c, of, name + "/best")[1]}, {}, outputs);
  }
  return c.build.add("ArgReduce", name, {of.x},
                     {{"mode", std::string("max")},
                      {"axis", of.axis},
                      {"keepdims", std::int64_t{1}},
                      {"select_last", std::int64_t{1}}},
                     outputs);
}

/// Class indices are i64 where they stand alone; Caffe has floats.
Tops argMax(const LayerContext& c) {
  const auto& p = c.layer.argmax_param();
  const std::int64_t k = c.positive(p.top_k(), "top_k"), axis = c.axis(p.has_axis() ? p.axis() : 0);
  const std::int64_t items = c.shape()[0], rest = elementCount(c.shape()) / items;
  if (k > (p.has_axis() ? c.shape()[axis] : rest))
    c.bad("top_k is " + std::to_string(k) + ", more than its input of " + toString(c.shape()) + " has");
  const std::string& name = c.layer.name();
  if (p.has_axis()) {
    const Best best{c.bottom(), axis, k};
    return {p.out_max_val() ? bestValues(c, best, name, c.tops()) : bestIndices(c, best, name, c.tops())};
  }
  // Without an axis each item is one list, and the output has three extents, or as many as the input.
  Values shape(std::max<std::size_t>(c.shape().size(), 3), 1);
  shape[0] = items, shape[1] = p.out_max_val() ? 2 : 1, shape[2] = k;
  const Best best{c.step("Reshape", "flat", {c.bottom()}, {{"shape", Values{items, 1, rest}}}), 2, k};
  TensorId found = bestIndices(c, best, name + "/index");
  if (p.out_max_val()) {
    found = c.step("Cast", "index_as_float", {found}, {{"to", std::string("f32")}});
    found =
        c.step("Concat", "pairs", {found, bestValues(c, best, name + "/value")}, {{"axis", std::int64_t{1}}});
  }
  return c.result("Reshape", {found}, {{"shape", shape}});
}

Tops reduction(const LayerContext& c) {
  const auto& p = c.layer.reduction_param();
  const std::int64_t axis = c.axis(p.axis());
  std::string mode = "sum";
  if (p.operation() == ReductionParameter::ASUM) mode = "l1";
  if (p.operation() == ReductionParameter::SUMSQ) mode = "sum_square";
  if (p.operation() == ReductionParameter::MEAN) mode = "mean";
  Values axes;
  for (std::int64_t i = axis; i < c.rank(); ++i) axes.push_back(i);
  const Attributes attrs = {{"mode", mode}, {"axes", axes}, {"keepdims", std::int64_t{0}}};
  if (p.coeff() == 1) return c.result("Reduce", {c.bottom()}, attrs);
  return c.result("Affine", {c.step("Reduce", "total", {c.bottom()}, attrs)},
                  {{"alpha", static_cast<double>(p.coeff())}, {"beta", 0.0}});
}

}  // namespace

std::vector<LayerRow> arithmeticRows() {
  return {{"Eltwise", 2, 1024, eltwise},
          {"Axpy", 3, 3, axpy},
          {"ArgMax", 1, 1, argMax},
          {"Reduction", 1, 1, reduction}};
}

}  // namespace tessera::caffe
