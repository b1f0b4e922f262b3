// Identity: y = x. Inputs: x. Dropout is imported as Identity's twin and removed by the same pass.
#include <array>

#include "ops/follow.hpp"
#include "ops/operator.hpp"

namespace tessera {
namespace {

class Identity final : public Operator {
 public:
  explicit Identity(std::string_view name) : name_(name) {}
  std::string_view name() const override { return name_; }
  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    if (inputs.size() != 1) throw Error(ErrorCode::InvalidArgument, "wants one input");
    return {{inputs[0].type, inputs[0].shape, {}}};
  }
  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    outputs[0] = inputs[0];
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  QuantRule quantRule(const OpView&) const override { return QuantRule::SameScale; }
  OperatorTraits traits() const override {
    return {.view = OperatorTraits::View::Same, .broadcasts = true, .follow = followBroadcast};
  }
  std::vector<OpInstance> samples() const override {
    return {makeSample(std::string(name_), {}, {f32({2, 3, 5})}),
            makeSample(std::string(name_), {}, {f32({})})};
  }

 private:
  std::string_view name_;
};

}  // namespace

void addOperators_identity(OperatorList& list) {
  static const Identity identity("Identity"), dropout("Dropout");
  list.push_back(&identity);
  list.push_back(&dropout);
}

}  // namespace tessera
