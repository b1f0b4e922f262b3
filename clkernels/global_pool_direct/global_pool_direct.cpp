// global_pool_direct: means and maxima of planes, planar or in blocks of 16 channels, for CPUs.
#include "clkernels/common/pooling.hpp"

namespace tessera {
namespace {

constexpr int kBlock = 16;

class GlobalPoolDirect final : public KernelFamily {
 public:
  FamilyId id() const override { return {"global_pool_direct", 1}; }
  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    return {BlockChoice::uniform(op, kBlock), BlockChoice::uniform(op, 1)};
  }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (!device.isCpu()) return Verdict::no("made for CPUs");
    const TensorDesc& x = op.inputs[0];
    if (x.shape.size() < 3) return Verdict::no("no spatial extent");
    if (x.layout.block != kBlock && x.layout.block != 1)
      return Verdict::no("not planar, nor in blocks of 16 channels");
    if (poolMode(op) == 2) return Verdict::no("p-norms are left to global_pool");
    return allOf({sameFloatType(op, {0}), sameBlock(op)});
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps&) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    KernelCall call{"global_pool_direct/global_pool_direct.cl", "global_pool_direct"};
    addDefine(call.defines, "P_MODE", poolMode(p));
    addDefine(call.defines, "P_RUN", 256);
    call.defines.emplace_back("P_TYPE", clType(x.type));
    addDefine(call.defines, "P_BLOCKED", x.layout.block == kBlock);
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    addInts(call.args, {planeSize(x), x.layout.offset, x.batchStride(), y.layout.offset, y.batchStride()});
    setItems(call, {ceilDiv(x.shape[1], x.layout.block), x.shape[0]});
    return {{call}, {}, {}};
  }

  std::vector<OpInstance> samples() const override {
    const TensorDesc x{DataType::Float32, {2, 35, 29, 31}, {}};
    return {makeSample("GlobalPool", {{"mode", "average"}}, {x}),
            makeSample("GlobalPool", {{"mode", "max"}}, {x})};
  }
};

}  // namespace

void addFamilies_global_pool_direct(FamilyList& list) { list.add<GlobalPoolDirect>({"GlobalPool"}); }

}  // namespace tessera
