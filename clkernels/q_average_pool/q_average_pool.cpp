// q_average_pool: averages of codes, any geometry, any channel block.
#include "clkernels/q_average_pool/q_average_pool.hpp"

#include <algorithm>

#include "clkernels/common/pooling.hpp"
#include "clkernels/common/quant.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

// Work-items of a group whose lanes share positions: a power of two.
std::int64_t groupItems(const DeviceCaps& device) {
  std::int64_t items = 64;
  while (items > static_cast<std::int64_t>(device.maxWorkGroup)) items /= 2;
  return items;
}

class QAveragePoolFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"q_average_pool", 2}; }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    const int block = op.inputs[0].layout.block;
    if (block != 1 && block != 4 && block != 8 && block != 16 && block != 32)
      return Verdict::no("the channel block is none of 1, 4, 8, 16 and 32");
    if (hasZeroPoints(op.attrs) && op.inputs[0].shape[1] % block != 0)
      return Verdict::no("padding lanes would not stay 0");
    return sameBlock(op);
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    const std::int64_t cells = windowOf(p).kernelVolume(), most = groupItems(device);
    TacticSpace space{{{"LANES", {1, 4, 8, 16, 32}}}, {}};
    space.constraints.push_back(
        {"every work-item has a cell to add", [cells](const Tactic& t) { return t.get("LANES") <= cells; }});
    space.constraints.push_back({"work-items that share a position are one work-group",
                                 [most](const Tactic& t) { return t.get("LANES") <= most; }});
    return space;
  }

  // Large windows have few positions: GPUs want their cells shared.
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    Tactic best{{"LANES", 1}};
    if (device.isCpu()) return best;
    const Window w = windowOf(p);
    for (const int lanes : {4, 8, 16, 32})
      if (4 * lanes <= w.kernelVolume() && lanes <= groupItems(device) &&
          p.outputs[0].size() / 4 * lanes <= std::int64_t{4096} * device.computeUnits)
        best = Tactic{{"LANES", lanes}};
    return best;
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    const int lanes = tactic.get("LANES");
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    const int block = x.layout.block, width = std::min(block, 16);
    const bool global = p.attrs.integer("global") != 0;
    Launch launch;
    launch.packed = {packedAverageFactors(p)};
    KernelCall call{"q_average_pool/q_average_pool.cl", "q_average_pool"};
    addDefine(call.defines, "PW_WIDTH", width);
    addDefine(call.defines, "P_BLOCK", block);
    // All cells of a global pool are inside the image.
    addDefine(call.defines, "P_CELLS", !global && p.attrs.integer("count_include_pad") != 0);
    addDefine(call.defines, "P_CODED", y.type == DataType::Int8);
    addDefine(call.defines, "P_ZEROS", hasZeroPoints(p.attrs));
    const std::int64_t vectors = roundUp(y.shape[1], block) / width;
    addDefine(call.defines, "T_LANES", lanes);
    setFlat(call, w.outVolume() * vectors * lanes, device);
    if (lanes > 1) {
      const std::int64_t group = groupItems(device);
      call.local = {static_cast<std::size_t>(group)};
      call.global = {static_cast<std::size_t>(roundUp(w.outVolume() * vectors * lanes, group))};
    }
    addDefine(call.defines, "T_GROUP", static_cast<std::int64_t>(call.local[0]));
    call.global.push_back(static_cast<std::size_t>(w.batch));
    call.local.push_back(1);
    call.args = {KernelArg::input(0), KernelArg::packed(0), KernelArg::output(0)};
    addRateArgs(call.args, p);
    addInts(call.args, {p.attrs.integer("x_zero"), w.outVolume(), vectors});
    addLayoutArgs(call.args, x);
    addLayoutArgs(call.args, y);
    addWindowArgs(call.args, w);
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    return poolingCost(KernelFamily::cost(p, device), p, p.inputs[0].layout.block >= 16 ? 0.2 : 0.05);
  }
};

}  // namespace

PackedConstant packedAverageFactors(const OpView& op) {
  const auto scale = static_cast<float>(op.attrs.number("scale"));
  const std::int64_t cells = windowOf(op).kernelVolume();
  return {"q_average_pool " + floatLiteral(scale) + " up to " + std::to_string(cells),
          [scale, cells](const std::vector<const HostTensor*>&) {
            HostTensor factors(DataType::Float32, {cells + 1});
            for (std::int64_t i = 1; i <= cells; ++i)
              factors.as<float>()[i] =
                  static_cast<float>(static_cast<double>(scale) / static_cast<double>(i));
            return factors;
          }};
}

void addFamilies_q_average_pool(FamilyList& list) { list.add<QAveragePoolFamily>({"QAveragePool"}); }

}  // namespace tessera
