// QAveragePool: average pooling of codes: sums in 32 bits, y = float(sum) * float(double(scale) / count),
// then encoded. Input: x i8. Attributes: those of Pool (mode average), or global=1 for all spatial extents;
// scale (of x); rate (absent: the output is f32); x_zero, zero (ops/quantised.hpp): cells are code - x_zero,
// pads 0.
#include "ops/evaluation_work.hpp"
#include "ops/geometry.hpp"
#include "ops/quantised.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class QAveragePool final : public Operator {
 public:
  std::string_view name() const override { return "QAveragePool"; }
  bool takesHalf(std::size_t) const override { return false; }
  AttributeNames attributes() const override {
    return {"ceil_mode", "count_include_pad", "dilations", "global", "kernel", "mode", "pads", "rate",
            "scale",     "strides",           "x_zero",    "zero"};
  }

  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    if (inputs[0].type != DataType::Int8) refuse("wants codes");
    if (!(attrs.number("scale") > 0)) refuse("wants the scale of its input");
    const DataType type = attrs.has("rate") ? DataType::Int8 : DataType::Float32;
    if (attrs.integer("global")) {
      Shape shape = inputs[0].shape;
      for (std::size_t i = 2; i < shape.size(); ++i) shape[i] = 1;
      return {{type, shape, {}}};
    }
    Window w = poolWindow(attrs, inputs[0].shape);
    w.outChannels = w.channels;
    return {{type, w.outputShape(), {}}};
  }

  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Window w = windowOf(view);
    const auto x = inputs[0].as<std::int8_t>();
    const bool countPads = view.attrs.integer("count_include_pad") != 0,
               global = view.attrs.integer("global") != 0;
    const double scale = static_cast<float>(view.attrs.number("scale"));
    const Encoding encoding(view.attrs);
    const auto zero = static_cast<std::int32_t>(view.attrs.integer("x_zero"));
    std::int64_t index = 0;
    for (std::int64_t plane = 0; plane < w.batch * w.channels; ++plane)
      for (std::int64_t d = 0; d < w.out[0]; ++d)
        for (std::int64_t h = 0; h < w.out[1]; ++h)
          for (std::int64_t v = 0; v < w.out[2]; ++v, ++index) {
            std::int64_t count = 1;
            const Extents at{d, h, v};
            for (int axis = 0; axis < 3; ++axis) {
              const PoolRange range = poolRange(w, axis, at[axis]);
              count *= global ? w.in[axis] : countPads ? range.padded : range.inside;
            }
            const float y = static_cast<float>(sum(w, &x[plane * w.inVolume()], zero, at)) *
                            static_cast<float>(scale / static_cast<double>(std::max<std::int64_t>(count, 1)));
            if (outputs[0].type == DataType::Int8)
              outputs[0].as<std::int8_t>()[index] = encoding(y);
            else
              outputs[0].as<float>()[index] = y;
          }
  }

  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  QuantRule quantRule(const OpView&) const override { return QuantRule::Requantise; }
  OperatorTraits traits() const override {
    return {.window = true, .floatTwin = "Pool", .multiplyAdds = windowWork};
  }
  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    std::vector<OpInstance> samples;
    const auto add = [&](Attributes attrs, Shape shape) {
      attrs.set("scale", static_cast<double>(0.021f));
      if (samples.size() % 3 != 2) attrs.set("rate", static_cast<double>(60.0f));
      samples.push_back(
          makeSample("QAveragePool", attrs, {{DataType::Int8, shape, {}}}, {Fill::integers(-127, 127)}));
      attrs.set("x_zero", std::int64_t{shape[1] % 2 == 0 ? -128 : 21});
      attrs.set("zero", std::int64_t{shape[1] % 2 == 0 ? -128 : -3});
      samples.push_back(
          makeSample("QAveragePool", attrs, {{DataType::Int8, shape, {}}}, {Fill::integers(-128, 127)}));
    };
    add({{"mode", "average"}, {"kernel", List{3, 3}}, {"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}},
        {1, 19, 13, 12});
    add({{"mode", "average"},
         {"kernel", List{3, 3}},
         {"strides", List{2, 2}},
         {"pads", List{1, 1, 1, 1}},
         {"count_include_pad", 1}},
        {2, 5, 9, 8});
    add({{"mode", "average"}, {"kernel", List{2, 2}}, {"strides", List{2, 2}}}, {1, 16, 8, 8});
    add({{"mode", "average"}, {"kernel", List{2, 3}}, {"strides", List{2, 3}}, {"ceil_mode", 1}},
        {1, 7, 7, 8});
    add({{"global", 1}}, {2, 35, 7, 7});
    add({{"global", 1}}, {1, 16, 5, 9});
    return samples;
  }

 private:
  static std::int32_t sum(const Window& w, const std::int8_t* x, std::int32_t zero, const Extents& out) {
    std::int32_t total = 0;
    for (std::int64_t kd = 0; kd < w.kernel[0]; ++kd)
      for (std::int64_t kh = 0; kh < w.kernel[1]; ++kh)
        for (std::int64_t kw = 0; kw < w.kernel[2]; ++kw) {
          const std::int64_t d = out[0] * w.stride[0] - w.padBegin[0] + kd * w.dilation[0];
          const std::int64_t h = out[1] * w.stride[1] - w.padBegin[1] + kh * w.dilation[1];
          const std::int64_t v = out[2] * w.stride[2] - w.padBegin[2] + kw * w.dilation[2];
          if (d >= 0 && d < w.in[0] && h >= 0 && h < w.in[1] && v >= 0 && v < w.in[2])
            total += x[(d * w.in[1] + h) * w.in[2] + v] - zero;
        }
    return total;
  }
};

}  // namespace

void addOperators_q_average_pool(OperatorList& list) {
  static const QAveragePool pool;
  list.push_back(&pool);
}

}  // namespace tessera
