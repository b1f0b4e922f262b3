// Work of the scalar references: of most operators it follows from their operands' sizes, others are listed.
#include "ops/evaluation_work.hpp"

#include <algorithm>

#include "ops/geometry.hpp"

namespace tessera {
namespace {

constexpr double kEach = 8;  ///< an element costs its index and two conversions

/// Taps of all windows together, padding included.
double windows(const OpView& op) {
  const Window w = windowOf(op);
  const bool transposed = op.op == "Deconvolution" || op.op == "QDeconvolution";
  const bool pools = op.inputs.size() < 2;
  const Extents& slots = transposed ? w.in : w.out;
  const double slices =
      pools ? static_cast<double>(w.channels) : elements({w.outChannels, w.groupChannels()});
  return elements({w.batch, slots[0], slots[1], slots[2]}) * slices *
         elements({w.kernel[0], w.kernel[1], w.kernel[2]});
}

double rows(const OpView& op) {
  return elements(op.outputs[0].shape) * static_cast<double>(op.inputs[1].shape.back());
}

/// It walks down columns: most reads miss the caches.
double products(const OpView& op) {
  return 4 * elements(op.outputs[0].shape) * static_cast<double>(op.inputs[0].shape.back());
}

double localResponse(const OpView& op) {
  const auto size = static_cast<double>(op.attrs.integer("size"));
  const bool within = op.attrs.string("region", "across") == "within";
  return kEach * (2 + (within ? size * size : size)) * elements(op.inputs[0].shape);
}

double interpolation(const OpView& op) {
  const std::string mode = op.attrs.string("mode", "nearest");
  double each = kEach;
  for (std::size_t d = 0; d < op.inputs[0].shape.size(); ++d)
    if (op.inputs[0].shape[d] != op.outputs[0].shape[d])
      each *= mode == "nearest" ? 1 : mode == "linear" ? 2 : 4;
  return each * elements(op.outputs[0].shape);
}

double sorting(const OpView& op) { return 200 * elements(op.inputs[0].shape); }

struct Work {
  std::string_view op;
  double (*beyondOperands)(const OpView&);
};
constexpr Work kWork[] = {{"Convolution", windows},  {"Deconvolution", windows},
                          {"QConvolution", windows}, {"QDeconvolution", windows},
                          {"Pool", windows},         {"GlobalPool", windows},
                          {"QAveragePool", windows}, {"FullyConnected", rows},
                          {"QFullyConnected", rows}, {"MatMul", products},
                          {"Lrn", localResponse},    {"Resize", interpolation},
                          {"TopK", sorting}};

}  // namespace

double elements(const Shape& shape) {
  double count = 1;
  for (const auto extent : shape) count *= static_cast<double>(extent);
  return count;
}

double evaluationWork(const OpView& op) {
  double work = 0;
  for (const auto* operands : {&op.inputs, &op.outputs})
    for (const TensorDesc& operand : *operands)
      if (operand.present()) work += kEach * elements(operand.shape);
  for (const Work& row : kWork)
    if (row.op == op.op) work += row.beyondOperands(op);
  return work;
}

}  // namespace tessera
