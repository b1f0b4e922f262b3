// Work of the scalar references: of most operators it follows from their operands' sizes, others state more.
#include "ops/evaluation_work.hpp"

#include "ops/geometry.hpp"

namespace tessera {

double elements(const Shape& shape) {
  double count = 1;
  for (const auto extent : shape) count *= static_cast<double>(extent);
  return count;
}

double windowWork(const OpView& op) {
  const Window w = windowOf(op);
  const OperatorTraits traits = traitsOf(op.op);
  const Extents& slots = traits.transposed() ? w.in : w.out;
  const double slices =
      traits.weights ? elements({w.outChannels, w.groupChannels()}) : static_cast<double>(w.channels);
  return elements({w.batch, slots[0], slots[1], slots[2]}) * slices *
         elements({w.kernel[0], w.kernel[1], w.kernel[2]});
}

double rowWork(const OpView& op) {
  return elements(op.outputs[0].shape) * static_cast<double>(op.inputs[1].shape.back());
}

double evaluationWork(const OpView& op) {
  double work = 0;
  for (const auto* operands : {&op.inputs, &op.outputs})
    for (const TensorDesc& operand : *operands)
      if (operand.present()) work += kElementWork * elements(operand.shape);
  const OperatorTraits traits = traitsOf(op.op);
  for (const auto more : {traits.multiplyAdds, traits.otherWork})
    if (more) work += more(op);
  return work;
}

}  // namespace tessera
