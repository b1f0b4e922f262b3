// CountedRows: rows of which only the first `count` mean something. Inputs: x [N, ..], count i32 [1].
// Outputs: x, whose first extent is from here on only a bound (graph/counted_extents.hpp), and count i64 [1].
#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class CountedRows final : public Operator {
 public:
  std::string_view name() const override { return "CountedRows"; }
  bool takesHalf(std::size_t) const override { return false; }
  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    if (inputs[0].shape.empty()) refuse("wants rows, got a single number");
    if (inputs[1].type != DataType::Int32 || inputs[1].shape != Shape{1})
      refuse("wants a count i32 [1], got " + std::string(toString(inputs[1].type)) + " " +
             toString(inputs[1].shape));
    return {{inputs[0].type, inputs[0].shape, {}}, {DataType::Int64, {1}, {}}};
  }
  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    outputs[0] = inputs[0];
    outputs[1].as<std::int64_t>()[0] = inputs[1].integer(0);
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override { return {.countedExtent = 0}; }
  std::vector<OpInstance> samples() const override {
    const auto sample = [](TensorDesc x) {
      return makeSample("CountedRows", {}, {std::move(x), {DataType::Int32, {1}, {}}},
                        {{}, Fill::integers(0, 5)});
    };
    return {sample(f32({6, 3})), sample({DataType::Int32, {70}, {}})};
  }
};

}  // namespace

void addOperators_counted_rows(OperatorList& list) {
  static const CountedRows countedRows;
  list.push_back(&countedRows);
}

}  // namespace tessera
