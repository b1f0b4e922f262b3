// Rows: Eltwise, Axpy, ArgMax, Reduction.
#include "importers/caffe/layers.hpp"

namespace tessera::caffe {
namespace {

using Values = std::vector<std::int64_t>;
using Tops = std::vector<TensorId>;

Tops eltwise(const LayerContext& c) {
  const auto& p = c.layer.eltwise_param();
  const int count = static_cast<int>(c.bottomCount());
  const bool sum = p.operation() == EltwiseParameter::SUM;
  if (p.coeff_size() && !sum) c.bad("only a sum takes coefficients");
  if (p.coeff_size() && p.coeff_size() != count)
    c.bad(std::to_string(p.coeff_size()) + " coefficients for " + std::to_string(count) + " inputs");
  for (int i = 1; i < count; ++i)
    if (c.shape(i) != c.shape(0))
      c.bad("its inputs differ: " + toString(c.shape(0)) + " and " + toString(c.shape(i)));

  const std::string op = sum ? "Add" : p.operation() == EltwiseParameter::PROD ? "Mul" : "Max";
  const auto term = [&](int i) {
    const double factor = p.coeff_size() ? p.coeff(i) : 1.f;
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

/// Class indices are i64, where Caffe has floats.
Tops argMax(const LayerContext& c) {
  const auto& p = c.layer.argmax_param();
  if (p.top_k() != 1)
    c.refuse("top_k is " + std::to_string(p.top_k()) + "; only the best index is supported");
  if (p.out_max_val() && p.has_axis())
    return c.result(
        "Reduce", {c.bottom()},
        {{"mode", std::string("max")}, {"axes", Values{c.axis(p.axis())}}, {"keepdims", std::int64_t{1}}});
  if (p.out_max_val())
    c.refuse("pairs of index and maximum are not supported; set an axis, or out_max_val: false");
  const auto attrs = [](std::int64_t axis) {
    return Attributes{{"mode", std::string("max")}, {"axis", axis}, {"keepdims", std::int64_t{1}}};
  };
  if (p.has_axis()) return c.result("ArgReduce", {c.bottom()}, attrs(c.axis(p.axis())));
  const std::int64_t items = c.shape().at(0), rest = elementCount(c.shape()) / items;
  const TensorId flat = c.step("Reshape", "flat", {c.bottom()}, {{"shape", Values{items, 1, rest}}});
  return c.result("ArgReduce", {flat}, attrs(2));
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
