// concat_lanes: Concat along channels on CPUs, whole channel blocks at a time, wherever the members begin.
#include <algorithm>

#include "clkernels/common/image.hpp"
#include "clkernels/concat_lanes/lane_runs.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr int kBlock = 16;       // of all layers on CPUs
constexpr int kMostMembers = 8;  // of a call: each is three arguments
constexpr int kMostBlocks = 16;  // of a call: its code is as long

std::vector<std::vector<LaneRun>> runsOf(const OpView& op) {
  std::vector<std::int64_t> channels;
  for (const TensorDesc& x : op.inputs) channels.push_back(x.shape[1]);
  return laneRuns(channels, kBlock);
}

class ConcatLanes final : public KernelFamily {
 public:
  FamilyId id() const override { return {"concat_lanes", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (!device.isCpu()) return Verdict::no("it is for CPUs");
    if (op.outputs[0].shape.size() < 3) return Verdict::no("the tensor has no channels");
    if (normalAxis(op.attrs.integer("axis"), op.outputs[0].shape.size()) != 1)
      return Verdict::no("it joins along channels only");
    for (const auto* operands : {&op.inputs, &op.outputs})
      for (const TensorDesc& t : *operands) {
        if (t.layout.block != kBlock) return Verdict::no("operands are not in blocks of 16 channels");
        if (t.layout.offset % kBlock != 0 || t.batchStride() % kBlock != 0)
          return Verdict::no("a slice does not begin at a whole block");
      }
    for (const LaneGroup& group : laneGroups(runsOf(op), kMostBlocks, kMostMembers))
      if (group.members.size() > kMostMembers) return Verdict::no("more than 8 inputs share a channel block");
    return Verdict::yes();
  }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return kBlock; }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc& y = p.outputs[0];
    const auto runs = runsOf(p);
    const std::int64_t plane = planeSize(y);
    Launch launch;
    for (const LaneGroup& group : laneGroups(runs, kMostBlocks, kMostMembers)) {
      KernelCall call{"concat_lanes/concat_lanes.cl", "concat_lanes"};
      call.defines.emplace_back("P_TYPE", rawType(y.type));
      addDefine(call.defines, "P_BLOCK", kBlock);
      std::string parameters, advance;
      for (std::size_t i = 0; i < group.members.size(); ++i) {
        const std::string k = std::to_string(i);
        parameters += "__global const P_TYPE* restrict x" + k + ", int o" + k + ", int b" + k + ", ";
        advance += "x" + k + " += o" + k + " + n * b" + k + "; ";
        call.args.push_back(KernelArg::input(group.members[i]));
        addLayoutArgs(call.args, p.inputs[group.members[i]]);
      }
      call.prologue = "#define P_PARAMETERS " + parameters + "\n#define P_ADVANCE(n) " + advance +
                      "\n#define P_MOVE " + laneStatements(runs, group, kBlock) + "\n";
      call.args.push_back(KernelArg::output(0));
      call.args.push_back(KernelArg::ofInt(plane));
      addLayoutArgs(call.args, y);
      setFlat(call, plane, device);
      call.global.push_back(static_cast<std::size_t>(plane > 0 ? y.shape[0] : 0));
      call.local.push_back(1);
      launch.calls.push_back(std::move(call));
    }
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.efficiency = 0.5;
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    const auto join = [&](DataType type, std::vector<std::int64_t> channels, std::int64_t batch) {
      std::vector<TensorDesc> parts;
      for (const std::int64_t c : channels) parts.push_back(TensorDesc{type, {batch, c, 3, 7}, {}});
      samples.push_back(
          makeSample("Concat", {{"axis", std::int64_t{1}}}, parts,
                     std::vector<Fill>(parts.size(), type == DataType::Int8 ? Fill::integers(-127, 127)
                                                                            : Fill::uniform(-2, 2))));
    };
    join(DataType::Float32, {28, 25, 25, 25, 25}, 1);
    join(DataType::Int8, {16, 12, 12, 12, 12}, 2);
    join(DataType::Float16, {5, 33, 1}, 2);
    join(DataType::Int64, {7, 20}, 1);
    // Several members within a block, then several calls: by members, and by blocks.
    join(DataType::Float32, {3, 1, 2, 5, 1, 1, 17, 2, 9, 4}, 2);
    join(DataType::Int8, {1, 1, 1, 1, 1, 1, 1, 1, 15, 15, 15, 15, 15, 15, 15, 15, 15, 31}, 1);
    join(DataType::Int8, {8, 250, 40}, 2);
    return samples;
  }
};

}  // namespace

void addFamilies_concat_lanes(FamilyList& list) { list.add<ConcatLanes>({"Concat"}); }

}  // namespace tessera
