// conv_naive and deconv_naive: a work-item per output element, any geometry, planar.
#include "clkernels/common/epilogue.hpp"
#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

class NaiveWindow final : public KernelFamily {
 public:
  explicit NaiveWindow(const char* name) : name_(name) {}
  FamilyId id() const override { return {name_, 1}; }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.inputs[1].type != DataType::Float32) return Verdict::no("weights are not f32");
    if (const std::string why = whyNoEpilogue(op); !why.empty()) return Verdict::no(why);
    return allOf({sameFloatType(op, {0, kResidualInput}), allPlanar(op)});
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    KernelCall call{std::string(name_) + "/" + name_ + ".cl", name_};
    addElementDefine(call.defines, p.outputs[0]);
    addEpilogueDefines(call.defines, p);
    setFlat(call, p.outputs[0].size(), device);
    call.args = {KernelArg::input(0), KernelArg::input(1)};
    addEpilogueArgs(call.args, p);
    call.args.push_back(KernelArg::output(0));
    for (const std::int64_t value : {p.outputs[0].size(), w.outChannels, w.groupOutputs(), w.groupChannels()})
      call.args.push_back(KernelArg::ofInt(value));
    for (const Extents& extents : {w.in, w.out, w.kernel, w.stride, w.dilation, w.padBegin})
      addExtentArgs(call.args, extents);
    addLayoutArgs(call.args, p.inputs[0]);
    addLayoutArgs(call.args, p.outputs[0]);
    addLayoutArgs(call.args, p.has(kResidualInput) ? p.inputs[kResidualInput] : p.outputs[0]);
    return {{call}, {}, {}};
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2 * traitsOf(p.op).multiplyAdds(p);
    cost.efficiency = 0.01;
    return cost;
  }

 private:
  const char* name_;
};

}  // namespace

void addFamilies_conv_naive(FamilyList& list) {
  static const NaiveWindow conv("conv_naive"), deconv("deconv_naive");
  list.add(conv, {"Convolution"});
  list.add(deconv, {"Deconvolution"});
}

}  // namespace tessera
