// q_conv_naive, q_deconv_naive, q_fc_naive: INT8, a work-item per output element. A fully connected layer
// runs as a convolution of a one-pixel image.
#include "clkernels/common/image.hpp"
#include "clkernels/common/quant.hpp"

namespace tessera {
namespace {

// The window of a quantised operator; a fully connected one has all its input as channels.
Window quantisedWindow(const Problem& p) {
  if (traitsOf(p.op).window) return windowOf(p);
  Window w;
  w.batch = p.outputs[0].shape[0];
  w.outChannels = p.outputs[0].shape[1];
  w.channels = p.inputs[1].shape[1];
  return w;
}

class NaiveQuantised final : public KernelFamily {
 public:
  NaiveQuantised(const char* name, const char* entry) : name_(name), entry_(entry) {}
  FamilyId id() const override { return {name_, 1}; }
  int channelBlock(const OpView& op, const DeviceCaps&) const override {
    return traitsOf(op.op).window ? 0 : 1;
  }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (const std::string why = whyNoQuantEpilogue(op); !why.empty()) return Verdict::no(why);
    if (!traitsOf(op.op).window && (op.inputs[0].layout.block != 1 || !op.inputs[0].dense()))
      return Verdict::no("a fully connected layer reads a planar, dense input");
    return Verdict::yes();
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const Window w = quantisedWindow(p);
    KernelCall call{"q_conv_naive/q_conv_naive.cl", entry_};
    addQuantDefines(call.defines, p, device);
    const std::int64_t padded = roundUp(w.outChannels, p.outputs[0].layout.block);
    const std::int64_t count = w.batch * padded * w.outVolume();
    setFlat(call, count, device);
    call.args = {KernelArg::input(0), KernelArg::input(1)};
    addEpilogueArgs(call.args, p);
    call.args.push_back(KernelArg::input(kMultiplierArgInput));
    call.args.push_back(KernelArg::output(0));
    addQuantArgs(call.args, p);
    for (const std::int64_t value : {count, w.outChannels, w.groupOutputs(), w.groupChannels()})
      call.args.push_back(KernelArg::ofInt(value));
    for (const Extents& extents : {w.in, w.out, w.kernel, w.stride, w.dilation, w.padBegin})
      for (const std::int64_t extent : extents) call.args.push_back(KernelArg::ofInt(extent));
    for (const TensorDesc& t :
         {p.inputs[0], p.outputs[0], p.has(kResidualInput) ? p.inputs[kResidualInput] : p.outputs[0]})
      for (const std::int64_t value : {t.layout.offset, t.batchStride(), std::int64_t{t.layout.block}})
        call.args.push_back(KernelArg::ofInt(value));
    return {{call}, {}, {}};
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2 * traitsOf(p.op).multiplyAdds(p);
    cost.efficiency = 0.005;
    return cost;
  }

 private:
  const char *name_, *entry_;
};

}  // namespace

void addFamilies_q_conv_naive(FamilyList& list) {
  static const NaiveQuantised conv("q_conv_naive", "q_conv_naive"),
      deconv("q_deconv_naive", "q_deconv_naive"), fc("q_fc_naive", "q_conv_naive");
  list.add(conv, {"QConvolution"});
  list.add(deconv, {"QDeconvolution"});
  list.add(fc, {"QFullyConnected"});
}

}  // namespace tessera
