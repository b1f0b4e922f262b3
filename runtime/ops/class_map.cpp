// ClassMap: the class with the highest score at each pixel, the lowest of equals. Inputs: scores f32 [1, C,
// H, W].
#include "ops/image.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class ClassMap final : public Operator {
 public:
  std::string_view name() const override { return "ClassMap"; }
  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const Shape& x = inputs[0].shape;
    if (inputs[0].type != DataType::Float32 || x.size() != 4 || x[0] != 1)
      refuse("wants scores f32, 1 x classes x height x width");
    if (x[1] < 1 || x[1] > kPaletteSize) refuse("has 1 to 256 classes, not " + std::to_string(x[1]));
    return {{DataType::UInt8, {1, 1, x[2], x[3]}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto x = inputs[0].as<float>();
    const auto y = outputs[0].as<std::uint8_t>();
    const std::int64_t classes = view.inputs[0].shape[1], pixels = outputs[0].size();
    for (std::int64_t i = 0; i < pixels; ++i) {
      std::int64_t best = 0;
      for (std::int64_t c = 1; c < classes; ++c)
        if (x[c * pixels + i] > x[best * pixels + i]) best = c;
      y[i] = static_cast<std::uint8_t>(best);
    }
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  std::vector<OpInstance> samples() const override {
    return {makeSample("ClassMap", {}, {f32({1, 19, 7, 9})}, {Fill::integers(-3, 3)}),
            makeSample("ClassMap", {}, {f32({1, 12, 16, 33})}),
            makeSample("ClassMap", {}, {f32({1, 1, 2, 3})}),
            makeSample("ClassMap", {}, {f32({1, 256, 1, 5})})};
  }
};

}  // namespace

void addOperators_class_map(OperatorList& list) {
  static const ClassMap op;
  list.push_back(&op);
}

}  // namespace tessera
