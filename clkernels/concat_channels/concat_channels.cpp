// concat_channels: Concat along channels whose parts do not begin at whole blocks of the output.
#include "clkernels/common/strided.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr std::size_t kMostParts = 8;  // of a call, as its kernel

class ConcatChannels final : public KernelFamily {
 public:
  FamilyId id() const override { return {"concat_channels", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.outputs[0].shape.size() < 3) return Verdict::no("the tensor has no channels");
    if (normalAxis(op.attrs.integer("axis"), op.outputs[0].shape.size()) != 1)
      return Verdict::no("it joins along channels only");
    return Verdict::yes();
  }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    Launch launch;
    std::int64_t start = 0;
    for (std::size_t i = 0; i < p.inputs.size();) {
      std::vector<int> parts;
      const int block = p.inputs[i].layout.block;
      for (; i < p.inputs.size() && parts.size() < kMostParts && p.inputs[i].layout.block == block; ++i)
        if (p.inputs[i].size() > 0) parts.push_back(static_cast<int>(i));
      if (!parts.empty()) launch.calls.push_back(callFor(p, parts, start, device));
    }
    return launch;
  }
  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.bytes *= 1.5;  // lanes are written one by one
    return cost;
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples = KernelFamily::samples();
    // More parts than a call takes, several of them within a block.
    std::vector<TensorDesc> parts;
    for (const std::int64_t channels : {3, 1, 2, 5, 1, 1, 17, 2, 9, 4})
      parts.push_back(f32({2, channels, 3, 5}));
    samples.push_back(makeSample("Concat", {{"axis", std::int64_t{1}}}, parts));
    return samples;
  }

 private:
  // Inputs `parts`, from channel `start` of the output on, which moves to their end.
  static KernelCall callFor(const Problem& p, const std::vector<int>& parts, std::int64_t& start,
                            const DeviceCaps& device) {
    const TensorDesc& y = p.outputs[0];
    const std::int64_t plane = planeSize(y), block = y.layout.block, begin = start;
    KernelCall call{"concat_channels/concat_channels.cl", "concat_channels"};
    call.defines.emplace_back("P_TYPE", rawType(y.type));
    addDefine(call.defines, "P_XBLOCK", p.inputs[parts.front()].layout.block);
    addDefine(call.defines, "P_YBLOCK", block);
    addDefine(call.defines, "P_PARTS", static_cast<std::int64_t>(parts.size()));
    for (const int part : parts) {
      const TensorDesc& x = p.inputs[part];
      call.args.push_back(KernelArg::input(part));
      call.args.push_back(KernelArg::ofInt(x.shape[1]));
      addLayoutArgs(call.args, x);
      start += x.shape[1];
    }
    call.args.push_back(KernelArg::output(0));
    addInts(call.args, {plane, begin, start, std::int64_t{start == y.shape[1]}});
    addLayoutArgs(call.args, y);
    setGrid(call, plane, ceilDiv(start, block) - begin / block, y.shape[0], device);
    return call;
  }
};

}  // namespace

void addFamilies_concat_channels(FamilyList& list) { list.add<ConcatChannels>({"Concat"}); }

}  // namespace tessera
