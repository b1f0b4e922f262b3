// From operator to chain and operand kinds.
#include "clkernels/pointwise/pointwise_job.hpp"

#include <algorithm>

#include "clkernels/common/work_size.hpp"
#include "ops/quantised.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

[[noreturn]] void decline(const std::string& why) { throw Error(ErrorCode::Unsupported, why); }

ComputeType computeTypeOf(DataType type) {
  if (isFloat(type)) return ComputeType::Float;
  return type == DataType::Int64 ? ComputeType::Long : ComputeType::Int;
}

/// The chain of an operator of the catalogue.
PointwiseChain chainOf(const OpView& op) {
  if (op.op == "Pointwise") return PointwiseChain::parse(op.attrs.string("expression"));
  PointwiseChain chain;
  if (op.op == "Cast") return chain;
  if (op.op == "QPointwise") {
    const std::string expression = op.attrs.string("expression");
    return expression.empty() ? chain : PointwiseChain::parse(expression);
  }
  std::vector<ChainOperand> operands;
  for (std::size_t i = 0; i < op.inputs.size(); ++i)
    operands.push_back(ChainOperand::input(static_cast<int>(i)));
  if (op.op == "Scale") {
    const auto scaled = chain.append("Mul", {operands[0], operands[1]});
    if (op.has(2)) chain.append("Add", {scaled, operands[2]});
  } else if (op.op == "BatchNorm") {
    const auto epsilon = ChainOperand::constant(static_cast<float>(op.attrs.number("epsilon", 1e-5)));
    const auto centred = chain.append("Sub", {operands[0], operands[3]});
    const auto deviation = chain.append("Sqrt", {chain.append("Add", {operands[4], epsilon})});
    const auto normal = chain.append("Mul", {chain.append("Div", {centred, deviation}), operands[1]});
    chain.append("Add", {normal, operands[2]});
  } else {
    chain.append(op.op, operands, op.attrs);
  }
  return chain;
}

/// Shape of input `i` with ones appended, where the operator aligns it with an axis instead of the last
/// extent.
Shape alignedShape(const OpView& op, std::size_t i) {
  Shape shape = op.inputs[i].shape;
  const std::size_t rank = op.outputs[0].shape.size();
  if (i == 0 || (op.op != "Scale" && op.op != "BatchNorm") || op.inputs[i].size() == 1) return shape;
  if (op.op == "BatchNorm") shape = {op.inputs[i].size()};
  const auto axis = op.op == "Scale" ? normalAxis(op.attrs.integer("axis", 1), rank) : 1;
  while (static_cast<std::size_t>(axis) + shape.size() < rank) shape.push_back(1);
  return shape;
}

void classifyOperand(PointwiseOperand& operand, const TensorDesc& y) {
  const TensorDesc& t = operand.desc;
  const std::size_t rank = y.shape.size();
  if (t.size() == 1) {
    operand.kind = OperandKind::Scalar;
    return;
  }
  operand.kind = OperandKind::Strided;
  if (t.shape.size() > rank) return;
  Shape shape(rank - t.shape.size(), 1);
  shape.insert(shape.end(), t.shape.begin(), t.shape.end());
  const bool sameRank = t.shape.size() == rank;
  // Layouts speak of a tensor's own first extents: one of lower rank must lie planar and dense to be
  // reinterpreted.
  if (!sameRank && (t.layout.block != 1 || !t.dense())) return;
  const bool everyItem = rank > 0 && shape[0] == y.shape[0] && (sameRank || shape[0] == 1);
  if (!everyItem && shape[0] != 1) return;
  operand.batch = sameRank && shape[0] == y.shape[0] && shape[0] > 1 ? t.batchStride() : 0;
  const auto sameFrom = [&](std::size_t first) {
    return std::equal(shape.begin() + static_cast<long>(first), shape.end(),
                      y.shape.begin() + static_cast<long>(first));
  };
  if (sameFrom(1) && t.layout.block == y.layout.block)
    operand.kind = OperandKind::Full;
  else if (rank >= 3 && shape[1] == y.shape[1] &&
           std::all_of(shape.begin() + 2, shape.end(), [](std::int64_t extent) { return extent == 1; }))
    operand.kind = OperandKind::Channel;
}

/// Whether f is 0 where all operands are 0, as padding lanes are.
bool keepsZero(const PointwiseJob& job) {
  if (job.has(OperandKind::Scalar) || job.zeros) return false;  // its value is not known
  if (job.chain.steps.empty()) return true;
  if (job.compute != ComputeType::Float) {
    const ChainStep& step = job.chain.steps.front();
    return !step.row ||
           step.row->integer(0, 0, saturatedInteger(step.alpha), saturatedInteger(step.beta)) == 0;
  }
  return job.chain.evaluateSingle(std::vector<float>(job.operands.size(), 0.0f)) == 0;
}

void chooseMode(PointwiseJob& job) {
  const TensorDesc& y = job.output;
  job.tail = y.layout.block > 1 && y.shape[1] % y.layout.block != 0;
  job.mask = job.tail && !keepsZero(job);
  if (job.has(OperandKind::Strided)) {
    if (y.layout.block != 1) decline("an operand's broadcast needs planar layouts");
    for (const auto& operand : job.operands)
      if (operand.desc.layout.block != 1) decline("an operand's broadcast needs planar layouts");
    job.mode = PointwiseJob::Mode::Strided;
  } else if (job.mask || job.has(OperandKind::Channel)) {
    job.mode = PointwiseJob::Mode::Channel;
  } else {
    job.oneItem =
        y.dense() && std::all_of(job.operands.begin(), job.operands.end(), [&](const PointwiseOperand& o) {
          return o.kind == OperandKind::Scalar ||
                 (o.desc.dense() && (y.shape.empty() || y.shape[0] == 1 || o.batch != 0));
        });
  }
}

}  // namespace

bool PointwiseJob::has(OperandKind kind) const {
  return std::any_of(operands.begin(), operands.end(),
                     [&](const auto& operand) { return operand.kind == kind; });
}

PointwiseJob pointwiseJob(const OpView& op) {
  PointwiseJob job;
  job.chain = chainOf(op);
  job.output = op.outputs[0];
  if (job.output.shape.size() > 8) decline("it takes rank 8 at most");
  const std::size_t valued = op.op == "Where" ? 1 : 0;  // the operand whose type decides what to compute in
  job.compute = computeTypeOf(op.inputs[valued].type);
  if (op.op == "Cast" && isFloat(job.output.type)) job.compute = ComputeType::Float;
  if (op.op == "Cast" && job.output.type == DataType::Int64 && job.compute == ComputeType::Int)
    job.compute = ComputeType::Long;
  const bool quantised = op.op == "QPointwise";
  const auto scales = quantised ? op.attrs.numbers("scales") : std::vector<double>();
  auto zeros = op.attrs.integers("zeros");
  zeros.resize(op.inputs.size());
  if (quantised) {
    job.compute = ComputeType::Float;
    job.rate = static_cast<float>(op.attrs.number("rate"));
    job.zeros = hasZeroPoints(op.attrs);
    job.zero = static_cast<float>(op.attrs.integer("zero"));
  }
  for (const ChainStep& step : job.chain.steps)  // Not takes bool, but is a condition on floats
    if (step.row && !step.row->integer) job.compute = ComputeType::Float;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    if (!op.inputs[i].present()) continue;
    PointwiseOperand operand;
    operand.input = static_cast<int>(i);
    operand.desc = op.inputs[i];
    operand.desc.shape = alignedShape(op, i);
    if (quantised) operand.scale = static_cast<float>(scales.at(i));
    operand.zero = static_cast<float>(zeros[i]);
    classifyOperand(operand, job.output);
    job.operands.push_back(std::move(operand));
  }
  chooseMode(job);
  return job;
}

}  // namespace tessera
