// Pool and GlobalPool: maximum, mean or p-norm of the cells under a window. GlobalPool's window is the whole
// plane. Attributes: mode (max, average, lp), kernel, strides, pads, dilations, ceil_mode, count_include_pad,
// p (2), indices (0; 1: second output, flat i64 index of the maximum; 2: the same, spatial extents in
// column-major order). Padded cells never take part; an average divides by the cells inside, or with
// count_include_pad by those inside input and pads. A window without cells (dilation can make one) gives
// -infinity, 0 and index 0.
#include <cmath>
#include <limits>

#include "ops/epilogue.hpp"
#include "ops/evaluation_work.hpp"
#include "ops/follow.hpp"
#include "ops/geometry.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

using List = std::vector<std::int64_t>;

/// What one window holds.
struct Cells {
  double best = -std::numeric_limits<double>::infinity(), sum = 0, powers = 0;
  std::int64_t at = -1, count = 0;
};

Cells collect(const Window& w, const double* plane, const Extents& out, double p) {
  Cells cells;
  for (std::int64_t kd = 0; kd < w.kernel[0]; ++kd)
    for (std::int64_t kh = 0; kh < w.kernel[1]; ++kh)
      for (std::int64_t kw = 0; kw < w.kernel[2]; ++kw) {
        const std::int64_t d = out[0] * w.stride[0] - w.padBegin[0] + kd * w.dilation[0];
        const std::int64_t h = out[1] * w.stride[1] - w.padBegin[1] + kh * w.dilation[1];
        const std::int64_t v = out[2] * w.stride[2] - w.padBegin[2] + kw * w.dilation[2];
        if (d < 0 || d >= w.in[0] || h < 0 || h >= w.in[1] || v < 0 || v >= w.in[2]) continue;
        const std::int64_t at = (d * w.in[1] + h) * w.in[2] + v;
        ++cells.count;
        cells.sum += plane[at];
        cells.powers += std::pow(std::fabs(plane[at]), p);
        // The first NaN is the maximum.
        if (cells.at < 0 || plane[at] > cells.best || (std::isnan(plane[at]) && !std::isnan(cells.best))) {
          cells.best = plane[at];
          cells.at = at;
        }
      }
  return cells;
}

void checkMode(const Attributes& attrs, DataType type) {
  const std::string mode = attrs.string("mode", "max");
  if (mode != "max" && mode != "average" && mode != "lp") refuse("there is no pooling mode '" + mode + "'");
  if (!isFloat(type) && (mode != "max" || !isInteger(type)))
    refuse("cannot pool " + std::string(toString(type)));
  if (mode == "lp" && attrs.integer("p", 2) < 1) refuse("p must be at least 1");
}

class Pool : public Operator {
 public:
  explicit Pool(bool global) : global_(global) {}
  std::string_view name() const override { return global_ ? "GlobalPool" : "Pool"; }
  AttributeNames attributes() const override {
    if (global_) return {"mode", "p"};
    return {"ceil_mode", "count_include_pad", "dilations", "indices", "kernel", "mode", "p", "pads",
            "strides"};
  }

  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    checkMode(attrs, inputs[0].type);
    const OpView view{std::string(name()), attrs, {inputs[0]}, {}};
    const TensorDesc y{inputs[0].type, windowOf(view).outputShape(), {}};
    if (global_ || attrs.integer("indices") == 0) return {y};
    if (attrs.string("mode", "max") != "max") refuse("only maximum pooling gives indices");
    return {y, {DataType::Int64, y.shape, {}}};
  }

  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Window w = windowOf(view);
    const auto x = toDoubles(inputs[0]);
    const std::string mode = view.attrs.string("mode", "max");
    const auto p = static_cast<double>(view.attrs.integer("p", 2));
    const bool padded = view.attrs.integer("count_include_pad") != 0;
    std::int64_t index = 0;
    for (std::int64_t plane = 0; plane < w.batch * w.channels; ++plane)
      for (std::int64_t d = 0; d < w.out[0]; ++d)
        for (std::int64_t h = 0; h < w.out[1]; ++h)
          for (std::int64_t v = 0; v < w.out[2]; ++v, ++index) {
            const Cells cells = collect(w, &x[plane * w.inVolume()], {d, h, v}, p);
            double count = static_cast<double>(cells.count);
            if (padded)
              count = static_cast<double>(poolRange(w, 0, d).padded * poolRange(w, 1, h).padded *
                                          poolRange(w, 2, v).padded);
            double y = cells.best;
            if (mode == "average") y = count > 0 ? cells.sum / count : 0;
            if (mode == "lp") y = std::pow(cells.powers, 1 / p);
            outputs[0].setNumber(index, y);
            if (outputs.size() > 1)
              outputs[1].as<std::int64_t>()[index] =
                  flatIndex(w, plane, std::max<std::int64_t>(cells.at, 0), view.attrs.integer("indices"));
          }
  }

  Tolerance tolerance(const OpView& view) const override {
    if (view.attrs.string("mode", "max") == "max") return {0, 0};
    return sumTolerance(windowOf(view).kernelVolume());
  }
  QuantRule quantRule(const OpView& view) const override {
    const std::string mode = view.attrs.string("mode", "max");
    return mode == "max"       ? QuantRule::SameScale
           : mode == "average" ? QuantRule::Requantise
                               : QuantRule::Float;
  }
  OperatorTraits traits() const override {
    return {.window = !global_,
            .integerTwin = "QAveragePool",
            .multiplyAdds = windowWork,
            .follow = followItems,
            .bits = bits};
  }
  std::vector<OpInstance> samples() const override { return global_ ? globalSamples() : windowSamples(); }

 private:
  static OperatorTraits::Bits bits(const OpView& op) {
    const std::string mode = op.attrs.string("mode", "max");
    if (mode == "lp" && op.attrs.integer("p", 2) > 2) return OperatorTraits::Bits::Device;  // pow
    return op.op == "GlobalPool" && mode != "max" ? OperatorTraits::Bits::Ordered
                                                  : OperatorTraits::Bits::Defined;
  }
  static std::int64_t flatIndex(const Window& w, std::int64_t plane, std::int64_t at, std::int64_t order) {
    if (order == 2) {
      const std::int64_t v = at % w.in[2], h = at / w.in[2] % w.in[1], d = at / (w.in[2] * w.in[1]);
      at = (v * w.in[1] + h) * w.in[0] + d;
    }
    return plane * w.inVolume() + at;
  }
  static std::vector<OpInstance> globalSamples();
  static std::vector<OpInstance> windowSamples();

  bool global_;
};

std::vector<OpInstance> Pool::globalSamples() {
  std::vector<OpInstance> samples;
  for (const Shape& x : {Shape{1, 20, 7, 7}, Shape{2, 3, 5, 9}, Shape{1, 16, 1, 1}, Shape{2, 6, 11},
                         Shape{1, 5, 3, 4, 5}, Shape{1, 2, 40, 33}}) {
    for (const char* mode : {"average", "max"})
      samples.push_back(makeSample("GlobalPool", {{"mode", std::string(mode)}}, {f32(x)}));
    samples.push_back(makeSample("GlobalPool", {{"mode", std::string("lp")}, {"p", 2}}, {f32(x)}));
  }
  for (const Shape& x : {Shape{2, 20, 7, 9}, Shape{1, 3, 40, 33}})
    samples.push_back(makeSample("GlobalPool", {{"mode", std::string("max")}}, {{DataType::Int8, x, {}}}));
  for (const int p : {1, 3})
    samples.push_back(makeSample("GlobalPool", {{"mode", std::string("lp")}, {"p", p}}, {f32({1, 7, 5, 6})}));
  return samples;
}

std::vector<OpInstance> Pool::windowSamples() {
  std::vector<OpInstance> samples;
  const auto add = [&](const char* mode, Attributes attrs, Shape x) {
    attrs.set("mode", std::string(mode));
    samples.push_back(makeSample("Pool", std::move(attrs), {f32(std::move(x))}));
  };
  for (const char* mode : {"max", "average", "lp"}) {
    add(mode, {{"kernel", List{2, 2}}, {"strides", List{2, 2}}}, {1, 18, 8, 10});
    add(mode, {{"kernel", List{3, 3}}, {"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}}, {2, 5, 13, 12});
    add(mode, {{"kernel", List{3, 2}}, {"strides", List{1, 3}}, {"pads", List{0, 1, 2, 0}}}, {1, 17, 9, 11});
    add(mode, {{"kernel", List{3, 3}}, {"strides", List{2, 2}}, {"ceil_mode", 1}}, {1, 3, 8, 6});
    add(mode, {{"kernel", List{3, 3}}, {"strides", List{3, 3}}, {"pads", List{1, 1, 1, 1}}, {"ceil_mode", 1}},
        {1, 16, 5, 2});
    add(mode, {{"kernel", List{5, 5}}, {"pads", List{2, 2, 2, 2}}}, {1, 4, 6, 7});
    add(mode, {{"kernel", List{3, 3}}, {"dilations", List{2, 3}}, {"pads", List{2, 1, 1, 2}}}, {1, 6, 9, 10});
    add(mode, {{"kernel", List{3}}, {"strides", List{2}}, {"pads", List{1, 0}}}, {2, 5, 11});
    add(mode, {{"kernel", List{2, 3, 2}}, {"strides", List{1, 2, 2}}, {"pads", List{0, 1, 0, 1, 1, 1}}},
        {1, 3, 4, 7, 5});
    add(mode, {{"kernel", List{1, 1}}, {"strides", List{2, 2}}}, {1, 8, 5, 5});
  }
  for (const int ceilMode : {0, 1}) {
    add("average",
        {{"kernel", List{3, 3}},
         {"strides", List{2, 2}},
         {"pads", List{1, 1, 1, 1}},
         {"count_include_pad", 1},
         {"ceil_mode", ceilMode}},
        {1, 18, 6, 8});
    add("average",
        {{"kernel", List{2, 3}},
         {"strides", List{2, 2}},
         {"pads", List{0, 2, 1, 1}},
         {"count_include_pad", 1},
         {"dilations", List{1, 2}},
         {"ceil_mode", ceilMode}},
        {2, 3, 7, 9});
  }
  for (const int p : {1, 3}) add("lp", {{"kernel", List{2, 2}}, {"p", p}}, {1, 3, 5, 5});
  for (const int order : {1, 2}) {
    add("max", {{"kernel", List{2, 2}}, {"strides", List{2, 2}}, {"indices", order}}, {2, 3, 6, 8});
    add("max",
        {{"kernel", List{3, 3}}, {"strides", List{1, 2}}, {"pads", List{1, 1, 1, 1}}, {"indices", order}},
        {1, 5, 7, 6});
    add("max", {{"kernel", List{2, 2, 2}}, {"indices", order}}, {1, 2, 3, 4, 5});
    add("max", {{"kernel", List{3}}, {"indices", order}}, {1, 2, 9});
  }
  // Codes.
  for (const DataType type : {DataType::Int8, DataType::UInt8}) {
    const Fill fill = type == DataType::Int8 ? Fill::integers(-127, 127) : Fill::integers(0, 255);
    samples.push_back(makeSample("Pool", {{"kernel", List{2, 2}}, {"strides", List{2, 2}}},
                                 {{type, {1, 18, 6, 8}, {}}}, {fill}));
    samples.push_back(
        makeSample("Pool", {{"kernel", List{3, 3}}, {"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}},
                   {{type, {2, 3, 7, 5}, {}}}, {fill}));
  }
  return samples;
}

}  // namespace

void addOperators_pool(OperatorList& list) {
  static const Pool pool(false), globalPool(true);
  list.push_back(&pool);
  list.push_back(&globalPool);
}

}  // namespace tessera
