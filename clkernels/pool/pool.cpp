// pool: Pool on any channel block, in f32, f16, and (maximum) on integers and INT8 codes.
#include <cstdlib>

#include "clkernels/common/pooling.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kMostUnrolled = 27;  // cells of a window

// PTX's max.s16x2: Hopper's, and of PTX 8.0, which drivers know from 525 on.
bool hasMax16(const DeviceCaps& device) {
  constexpr int kCapability = 90, kDriver = 525;
  return device.nvidia && device.nvidiaComputeCapability >= kCapability &&
         std::atoi(device.driver.c_str()) >= kDriver;
}

class PoolFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"pool", 1}; }
  int channelBlock(const OpView& op, const DeviceCaps&) const override {
    return op.outputs.size() > 1 ? 1 : 0;
  }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.outputs.size() > 1 && (op.outputs[0].layout.block != 1 || !op.outputs[1].dense()))
      return Verdict::no("indices are planar and dense");
    return sameBlock(op);
  }

  TacticSpace space(const Problem& p, const DeviceCaps&) const override {
    const int block = p.inputs[0].layout.block;
    return {{{"V", block > 1 && block <= 16 ? std::vector<int>{1, block} : std::vector<int>{1}}}, {}};
  }
  Tactic fallback(const Problem& p, const DeviceCaps&) const override {
    const int block = p.inputs[0].layout.block;
    return {{"V", block > 1 && block <= 16 ? block : 1}};
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    const std::int64_t block = x.layout.block, lanes = block / tactic.get("V");
    const bool real = isFloat(x.type);
    KernelCall call{"pool/pool.cl", "pool", tacticDefines(tactic)};
    call.defines.emplace_back("P_TYPE", clType(x.type));
    addDefine(call.defines, "P_MODE", poolMode(p));
    addDefine(call.defines, "P_INDICES", p.attrs.integer("indices"));
    addDefine(call.defines, "P_WHOLE", !real);
    addDefine(call.defines, "P_CODES", x.type == DataType::Int8);
    addDefine(call.defines, "D_MAX16", hasMax16(device));
    setFlat(call, w.outVolume() * lanes, device);
    call.global.push_back(static_cast<std::size_t>(ceilDiv(x.shape[1], block)));
    call.global.push_back(static_cast<std::size_t>(w.batch));
    call.local.resize(3, 1);
    call.args = {KernelArg::input(0), KernelArg::output(0),
                 p.outputs.size() > 1 ? KernelArg::output(1) : KernelArg::none(), KernelArg::ofInt(block),
                 KernelArg::ofInt(x.shape[1])};
    // On CPUs compiling costs more than loops do: one program for all windows.
    const bool fixed = !device.isCpu() && w.kernelVolume() <= kMostUnrolled;
    addDefine(call.defines, "P_FIXED", fixed);
    if (fixed)
      addWindowDefines(call.defines, w);
    else
      addWindowArgs(call.args, w);
    call.args.push_back(KernelArg::ofInt(p.attrs.integer("count_include_pad")));
    call.args.push_back(KernelArg::ofFloat(static_cast<float>(p.attrs.integer("p", 2))));
    addLayoutArgs(call.args, x);
    addLayoutArgs(call.args, y);
    return {{call}, {}, {}};
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    // Planar on a CPU: an output at a time, with a test for each tap.
    const bool slow = device.isCpu() && p.inputs[0].layout.block == 1;
    return poolingCost(KernelFamily::cost(p, device), p, slow ? 0.003 : 0.1);
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    const Attributes window{{"mode", std::string("max")},
                            {"kernel", List{3, 3}},
                            {"strides", List{2, 2}},
                            {"pads", List{1, 1, 1, 1}}};
    return {makeSample("Pool", window, {{DataType::Int8, {2, 19, 9, 11}, {}}}, {Fill::integers(-127, 127)})};
  }
};

}  // namespace

void addFamilies_pool(FamilyList& list) { list.add<PoolFamily>({"Pool"}); }

}  // namespace tessera
