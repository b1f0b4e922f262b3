// q_pointwise: pointwise chains between codes and floats in different channel blocks, with one result or
// both.
#include <algorithm>

#include "clkernels/common/image.hpp"
#include "clkernels/common/in_chains.hpp"
#include "clkernels/embedded.hpp"
#include "clkernels/pointwise/pointwise_code.hpp"

namespace tessera {
namespace {

// The chain and how its operands broadcast, whatever their layouts are.
PointwiseJob layoutFreeJob(OpView op) {
  for (auto* operands : {&op.inputs, &op.outputs})
    for (TensorDesc& t : *operands) t.layout = {};
  return pointwiseJob(op);
}

// Channels of a work-item: the block that operands have, if they have any.
int lanesOf(const OpView& op) {
  int lanes = 1;
  for (const auto* operands : {&op.inputs, &op.outputs})
    for (const TensorDesc& t : *operands) lanes = std::max(lanes, t.present() ? t.layout.block : 1);
  return lanes;
}

constexpr int kRun = 32;  // neighbouring items, as q_pointwise.cl has it

int preferredBlock(const DeviceCaps& device) { return device.isCpu() ? 16 : 4; }

std::string memory(const TensorDesc& t) { return t.type == DataType::Int8 ? "Codes" : "Floats"; }

/// Element of the work-item's first channel in a tensor of the output's shape.
std::string place(const std::string& i, int block) {
  return " + (o" + i + " + n * b" + i + " + " +
         (block > 1 ? "(k * plane + p) * T_L)" : "k * T_L * plane + p)");
}

/// The work-item's channels of operand `index`.
std::string readText(const PointwiseOperand& operand, const TensorDesc& t, const std::string& index) {
  const std::string x = "x" + index;
  if (operand.kind == OperandKind::Scalar) return "(VALUE)((float)" + x + "[o" + index + "])";
  if (operand.kind == OperandKind::Channel)
    return "channels" + memory(t) + "(" + x + " + (o" + index + " + n * b" + index + " + k * T_L), left)";
  if (t.layout.block > 1) return "whole" + memory(t) + "(" + x + place(index, t.layout.block) + ")";
  return "lane" + memory(t) + "(" + x + place(index, 1) + ", plane, left)";
}

/// The codes of `value`, still as floats. Padding lanes hold the code 0, whatever value that is.
std::string encodedValue(const PointwiseJob& job, bool tail) {
  const std::string code = "encodechain(value, " + rateNames(job) + ")";
  return " const VALUE encoded = " +
         (job.zeros && tail ? "LANES < left ? " + code + " : (VALUE)(0.0f)" : code) + ";";
}

class QPointwiseFamily final : public KernelFamily, public InChains {
 public:
  FamilyId id() const override { return {"q_pointwise", 2}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (op.outputs[0].shape.size() < 3) return Verdict::no("the tensor has no channels");
    if (device.isCpu() && op.outputs.size() == 1) return Verdict::no("CPUs want runs of elements");
    try {
      for (const PointwiseOperand& operand : layoutFreeJob(op).operands) {
        const TensorDesc& t = op.inputs[operand.input];
        if (operand.kind == OperandKind::Strided) return Verdict::no("an operand is broadcast along space");
        if (operand.kind != OperandKind::Full && t.layout.block != 1)
          return Verdict::no("an operand with values per channel is blocked");
        // Layouts speak of a tensor's own first extents.
        if (t.shape.size() < op.outputs[0].shape.size() && !t.dense())
          return Verdict::no("a slice of lower rank is not read");
      }
    } catch (const Error& error) {
      return Verdict::no(error.what());
    }
    const int lanes = lanesOf(op);
    if (lanes != 4 && lanes != 16) return Verdict::no("no operand is in blocks of 4 or 16 channels");
    for (const auto* operands : {&op.inputs, &op.outputs})
      for (const TensorDesc& t : *operands) {
        if (!t.present() || t.layout.block == 1) continue;
        if (t.layout.block != lanes) return Verdict::no("operands are in blocks of different sizes");
        if (t.layout.offset % lanes != 0 || t.batchStride() % lanes != 0)
          return Verdict::no("a slice does not begin at a whole block");
      }
    return Verdict::yes();
  }

  // Codes in blocks; floats in blocks or planar, each on its own, since a concat may force one of them.
  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps& device) const override {
    BlockChoice blocked = BlockChoice::uniform(op, preferredBlock(device));
    for (std::size_t i = 0; i < op.inputs.size(); ++i)
      if (op.inputs[i].shape != op.outputs[0].shape) blocked.inputs[i] = 1;
    std::vector<BlockChoice> choices{blocked};
    const auto vary = [&](bool output, std::size_t i, const TensorDesc& t) {
      const Shape& shape = op.outputs[0].shape;
      if (t.type != DataType::Float32 || !t.blockable() || t.shape != shape || choices.size() >= 8) return;
      const std::size_t count = choices.size();
      for (std::size_t c = 0; c < count; ++c) {
        BlockChoice planar = choices[c];
        (output ? planar.outputs : planar.inputs)[i] = 1;
        choices.push_back(std::move(planar));
      }
    };
    for (std::size_t i = 0; i < op.inputs.size(); ++i) vary(false, i, op.inputs[i]);
    for (std::size_t i = 0; i < op.outputs.size(); ++i) vary(true, i, op.outputs[i]);
    return choices;
  }

  TacticSpace space(const Problem&, const DeviceCaps&) const override { return {{{"V", {1, 2, 4}}}, {}}; }
  Tactic fallback(const Problem&, const DeviceCaps&) const override { return {{"V", 1}}; }
  std::optional<Tactic> chained(const Problem& p, const DeviceCaps& device) const override {
    const std::int64_t enough = kChainItemsPerUnit * device.computeUnits;
    int positions = 4;
    while (positions > 1 && p.outputs[0].size() / (lanesOf(p) * positions) < enough) positions /= 2;
    return Tactic{{"V", positions}};
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const PointwiseJob job = layoutFreeJob(p);
    const int lanes = lanesOf(p);
    KernelCall call{"q_pointwise/q_pointwise.cl", "q_pointwise", tacticDefines(tactic)};
    addDefine(call.defines, "T_L", lanes);
    addDefine(call.defines, "P_TAIL", p.outputs[0].shape[1] % lanes != 0);
    std::string parameters, value = "chain(", shared, store;  // shared: what all positions take
    for (std::size_t i = 0; i < job.operands.size(); ++i) {
      const PointwiseOperand& operand = job.operands[i];
      const TensorDesc& t = p.inputs[operand.input];
      const std::string index = std::to_string(i), x = "x" + index;
      parameters += "__global const " + clType(t.type) + "* " + x + ", int o" + index + ", int b" + index +
                    ", " + declareScale(job, i);
      call.args.push_back(KernelArg::input(operand.input));
      call.args.push_back(KernelArg::ofInt(t.layout.offset));
      // One value per channel, or the whole tensor: `batch` is 0 where all items share the operand.
      call.args.push_back(KernelArg::ofInt(operand.batch ? t.batchStride() : 0));
      addScaleArgs(job, i, call.args);
      const std::string read = decodedText(job, i, readText(operand, t, index));
      const bool full = operand.kind == OperandKind::Full;
      if (!full) shared += " const VALUE v" + index + " = " + read + ";";
      value += (i ? ", " : "") + (full ? read : "v" + index);
    }
    for (std::size_t i = 0; i < p.outputs.size(); ++i) {
      const TensorDesc& t = p.outputs[i];
      const std::string index = "y" + std::to_string(i);
      parameters +=
          "__global " + clType(t.type) + "* " + index + ", int o" + index + ", int b" + index + ", ";
      call.args.push_back(KernelArg::output(static_cast<int>(i)));
      addLayoutArgs(call.args, t);
      const std::string result = t.type == DataType::Int8 ? "encoded" : "value";
      store +=
          t.layout.block > 1
              ? " storeWhole" + memory(t) + "(" + result + ", " + index + place(index, t.layout.block) + ");"
              : " storeLane" + memory(t) + "(" + result + ", " + index + place(index, 1) + ", plane, left);";
    }
    parameters += declareRate(job);
    addRateArgs(job, call.args);
    if (job.rate > 0) store = encodedValue(job, p.outputs[0].shape[1] % lanes != 0) + store;
    call.prologue = "#pragma OPENCL FP_CONTRACT OFF\n" + kernelSource("q_pointwise/lanes.cl") +
                    chainFunction(job, "chain", lanes) + "#define P_PARAMETERS " + parameters +
                    "\n#define P_SHARED" + shared + "\n#define P_VALUE " + value +
                    ")\n#define P_STORE(value)" + store + "\n";
    const std::int64_t plane = planeSize(p.outputs[0]);
    call.args.push_back(KernelArg::ofInt(p.outputs[0].shape[1]));
    call.args.push_back(KernelArg::ofInt(plane));
    const int positions = tactic.get("V");
    setFlat(call, positions == 1 ? plane : roundUp(ceilDiv(plane, positions), kRun), device);
    call.global.push_back(static_cast<std::size_t>(ceilDiv(p.outputs[0].shape[1], lanes)));
    call.global.push_back(static_cast<std::size_t>(p.outputs[0].shape[0]));
    call.local.resize(3, 1);
    return {{call}, {}, {}};
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.efficiency = 0.2;
    return cost;
  }
};

}  // namespace

void addFamilies_q_pointwise(FamilyList& list) {
  static const QPointwiseFamily family;
  list.add(family, {"QPointwise"});
}

}  // namespace tessera
