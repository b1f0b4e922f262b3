// The naive convolutions and deconvolutions, of floats (conv_naive, deconv_naive) and of codes (q_conv_naive,
// q_deconv_naive, q_fc_naive): a work-item per output element.
#include "clkernels/common/finish.hpp"
#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

// A fully connected layer is a convolution of a one-pixel image, which has all its input as channels.
Window windowOfAny(const OpView& op) {
  if (traitsOf(op.op).window) return windowOf(op);
  Window w;
  w.batch = op.outputs[0].shape[0];
  w.outChannels = op.outputs[0].shape[1];
  w.channels = op.inputs[1].shape[1];
  return w;
}

class NaiveWindow final : public KernelFamily {
 public:
  NaiveWindow(const char* name, bool codes) : name_(name), codes_(codes) {}
  FamilyId id() const override { return {name_, 1}; }
  bool ordersSums() const override { return true; }
  int channelBlock(const OpView& op, const DeviceCaps&) const override {
    return codes_ && traitsOf(op.op).window ? 0 : 1;
  }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (!codes_) {
      if (const std::string why = whyNoEpilogue(op); !why.empty()) return Verdict::no(why);
      return allOf({sameFloatType(op, {0, 1, kResidualInput}), allPlanar(op)});
    }
    if (const std::string why = whyNoQuantEpilogue(op); !why.empty()) return Verdict::no(why);
    if (!traitsOf(op.op).window && (op.inputs[0].layout.block != 1 || !op.inputs[0].dense()))
      return Verdict::no("a fully connected layer reads a planar, dense input");
    return Verdict::yes();
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const Window w = windowOfAny(p);
    Launch launch;
    KernelCall call{"conv_naive/conv_naive.cl", "conv_naive"};
    addDefine(call.defines, "P_TRANSPOSED", traitsOf(p.op).transposed());
    addFinishDefines(call.defines, p, device);
    const std::int64_t count = w.batch * roundUp(w.outChannels, p.outputs[0].layout.block) * w.outVolume();
    setFlat(call, count, device);
    call.args = {KernelArg::input(0), KernelArg::input(1)};
    addPlainFinishArgs(launch, call.args, p);
    call.args.push_back(KernelArg::output(0));
    addInts(call.args, {count, w.outChannels, w.groupOutputs(), w.groupChannels()});
    for (const Extents& extents : {w.in, w.out, w.kernel, w.stride, w.dilation, w.padBegin})
      addExtentArgs(call.args, extents);
    for (const TensorDesc& t :
         {p.inputs[0], p.outputs[0], p.has(kResidualInput) ? p.inputs[kResidualInput] : p.outputs[0]}) {
      addLayoutArgs(call.args, t);
      call.args.push_back(KernelArg::ofInt(t.layout.block));
    }
    launch.calls = {std::move(call)};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2 * traitsOf(p.op).multiplyAdds(p);
    cost.efficiency = codes_ ? 0.005 : 0.01;
    return cost;
  }

 private:
  const char* name_;
  bool codes_;
};

}  // namespace

void addFamilies_conv_naive(FamilyList& list) {
  list.add<NaiveWindow>({"Convolution"}, "conv_naive", false);
  list.add<NaiveWindow>({"Deconvolution"}, "deconv_naive", false);
  list.add<NaiveWindow>({"QConvolution"}, "q_conv_naive", true);
  list.add<NaiveWindow>({"QDeconvolution"}, "q_deconv_naive", true);
  list.add<NaiveWindow>({"QFullyConnected"}, "q_fc_naive", true);
}

}  // namespace tessera
