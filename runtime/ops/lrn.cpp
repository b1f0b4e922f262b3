// Lrn: local response normalisation, y = x / (bias + alpha / cells * sum of squares)^beta.
// Attributes: size, alpha (1e-4), beta (0.75), bias (1), region: across (size channels around this one, one
// more after it than before where size is even; cells = size) or within (size x size window in the plane;
// cells = size * size).
#include <algorithm>
#include <cmath>

#include "ops/epilogue.hpp"
#include "ops/evaluation_work.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class Lrn final : public Operator {
 public:
  std::string_view name() const override { return "Lrn"; }
  AttributeNames attributes() const override { return {"alpha", "beta", "bias", "region", "size"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const std::string region = attrs.string("region", "across");
    if (!isFloat(inputs[0].type)) refuse("wants a floating-point input");
    if (region != "across" && region != "within") refuse("there is no region '" + region + "'");
    if (attrs.integer("size") < 1 || attrs.integer("size") > INT32_MAX)
      refuse("attribute size must be at least 1, of 32 bits");
    if (inputs[0].shape.size() < 2 || (region == "within" && inputs[0].shape.size() != 4))
      refuse("cannot normalise " + toString(inputs[0].shape) + " " + region + " channels");
    return {{inputs[0].type, inputs[0].shape, {}}};
  }

  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto x = toDoubles(inputs[0]);
    const Shape& shape = inputs[0].shape;
    const bool within = view.attrs.string("region", "across") == "within";
    const std::int64_t size = view.attrs.integer("size"), before = (size - 1) / 2;
    const std::int64_t channels = shape[1], plane = extentProduct(shape, 2, shape.size());
    const std::int64_t height = within ? shape[2] : 1, width = within ? shape[3] : plane;
    const double cells = static_cast<double>(within ? size * size : size);
    const double alpha = view.attrs.number("alpha", 1e-4) / cells, beta = view.attrs.number("beta", 0.75);
    const double bias = view.attrs.number("bias", 1);
    const auto clip = [](std::int64_t v, std::int64_t end) { return std::clamp<std::int64_t>(v, 0, end); };
    std::vector<double> y(x.size());
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(x.size()); ++i) {
      const std::int64_t c = i / plane % channels, p = i % plane,
                         item = i / (plane * channels) * plane * channels;
      double sum = 0;
      if (within) {
        for (std::int64_t h = clip(p / width - before, height); h < clip(p / width - before + size, height);
             ++h)
          for (std::int64_t w = clip(p % width - before, width); w < clip(p % width - before + size, width);
               ++w)
            sum += std::pow(x[item + c * plane + h * width + w], 2);
      } else {
        for (std::int64_t k = clip(c - before, channels); k < clip(c - before + size, channels); ++k)
          sum += std::pow(x[item + k * plane + p], 2);
      }
      y[i] = x[i] / std::pow(bias + alpha * sum, beta);
    }
    storeDoubles(outputs[0], y);
  }
  Tolerance tolerance(const OpView&) const override { return sumTolerance(8); }
  OperatorTraits traits() const override {
    return {.otherWork = work, .bits = [](const OpView& op) {
              const double beta = op.attrs.number("beta", 0.75);
              const bool roots = beta == 0.75 || beta == 0.5 || beta == 1;
              return roots ? OperatorTraits::Bits::Defined : OperatorTraits::Bits::Device;  // pow
            }};
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    const auto add = [&](Attributes attrs, Shape x) {
      samples.push_back(makeSample("Lrn", std::move(attrs), {f32(std::move(x))}, {Fill::uniform(-2, 2)}));
    };
    add({{"size", 5}, {"alpha", 0.5}, {"beta", 0.75}, {"bias", 2.0}}, {1, 19, 4, 5});
    add({{"size", 4}, {"alpha", 1.0}}, {2, 7, 3, 3});
    add({{"size", 1}, {"alpha", 1.0}, {"beta", 0.5}}, {1, 16, 2, 2});
    add({{"size", 9}, {"alpha", 2.0}}, {1, 3, 5, 2});
    add({{"size", 3}, {"alpha", 1.0}}, {2, 6, 7});
    add({{"size", 3}}, {2, 9});
    add({{"size", 3}, {"alpha", 1.0}, {"region", std::string("within")}}, {1, 18, 5, 6});
    add({{"size", 5}, {"alpha", 2.0}, {"beta", 0.5}, {"region", std::string("within")}}, {2, 3, 4, 3});
    return samples;
  }

 private:
  static double work(const OpView& op) {
    const auto size = static_cast<double>(op.attrs.integer("size"));
    const bool within = op.attrs.string("region", "across") == "within";
    return kElementWork * (2 + (within ? size * size : size)) * elements(op.inputs[0].shape);
  }
};

}  // namespace

void addOperators_lrn(OperatorList& list) {
  static const Lrn lrn;
  list.push_back(&lrn);
}

}  // namespace tessera
