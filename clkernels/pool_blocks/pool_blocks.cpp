// pool_blocks: maximum pooling over blocks of 16 channels of floats, halves or codes, for CPUs.
#include <algorithm>

#include "clkernels/common/finish.hpp"
#include "clkernels/common/pooling.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kMostCells = 64;  // of a window, whose loop is unrolled

class PoolBlocks final : public KernelFamily {
 public:
  FamilyId id() const override { return {"pool_blocks", 1}; }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 16; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const auto why = whyNoTiles(device); !why.empty()) return Verdict::no(why);
    const DataType type = op.inputs[0].type;
    if (!isFloat(type) && type != DataType::Int8) return Verdict::no("it pools floats and codes");
    if (op.outputs.size() > 1) return Verdict::no("it stores no indices");
    if (poolMode(op) != 0) return Verdict::no("it computes the maximum");
    const Window w = windowOf(op);
    if (w.rank > 2) return Verdict::no("it has a third spatial extent");
    if (w.kernelVolume() > kMostCells) return Verdict::no("the window has more than 64 cells to unroll");
    return inBlocksOf16(op);
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    const DataType type = p.inputs[0].type;
    KernelCall call{"pool_blocks/pool_blocks.cl", "pool_blocks"};
    call.defines.emplace_back("P_TYPE", clType(type));
    addDefine(call.defines, "P_KH", w.kernel[1]);
    addDefine(call.defines, "P_KW", w.kernel[2]);
    addDefine(call.defines, "P_WHOLE", !isFloat(type));
    // Enough work-items to keep every core busy to the end.
    const std::int64_t blocks = ceilDiv(w.channels, 16) * w.batch;
    const std::int64_t rows = std::clamp<std::int64_t>(
        w.out[1] * blocks / (16 * std::int64_t{std::max(device.computeUnits, 1)}), 1, w.out[1]);
    setItems(call, {ceilDiv(w.out[1], rows), ceilDiv(w.channels, 16), w.batch});
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    addInts(call.args, {w.in[1], w.in[2], w.out[1], w.out[2], w.stride[1], w.stride[2], w.dilation[1],
                        w.dilation[2], w.padBegin[1], w.padBegin[2], rows});
    addLayoutArgs(call.args, p.inputs[0]);
    addLayoutArgs(call.args, p.outputs[0]);
    return {{call}, {}, {}};
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    return poolingCost(KernelFamily::cost(p, device), p, 0.3);
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    std::vector<OpInstance> samples;
    const auto add = [&](Attributes attrs, const Shape& x) {
      attrs.set("mode", std::string("max"));
      samples.push_back(makeSample("Pool", attrs, {f32(x)}));
      samples.push_back(makeSample("Pool", attrs, {{DataType::Int8, x, {}}}, {Fill::integers(-127, 127)}));
    };
    // Borders on both sides, channels that are not whole blocks; windows that overhang; none at all inside.
    add({{"kernel", List{3, 3}}, {"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}}, {2, 35, 9, 14});
    add({{"kernel", List{2, 2}}, {"strides", List{2, 2}}, {"ceil_mode", 1}}, {1, 16, 7, 9});
    add({{"kernel", List{3, 2}},
         {"strides", List{1, 3}},
         {"pads", List{2, 1, 2, 1}},
         {"dilations", List{4, 2}}},
        {1, 20, 5, 11});
    add({{"kernel", List{5}}, {"pads", List{2, 2}}}, {2, 17, 12});
    return samples;
  }
};

}  // namespace

void addFamilies_pool_blocks(FamilyList& list) { list.add<PoolBlocks>({"Pool"}); }

}  // namespace tessera
