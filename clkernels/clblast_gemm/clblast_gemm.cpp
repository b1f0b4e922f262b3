// clblast_gemm: fully connected layers and 1x1 convolutions as CLBlast's matrix product, where Tessera was
// built with it.
#include "clkernels/common/epilogue.hpp"
#include "clkernels/conv_gemm/gemm_shape.hpp"
#include "ops/geometry.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kMostItems = 16;  // products of a convolution: one per item of the batch

// Row-major products c[m][n] = sum over k of a[m][k] * b[k][n], one after the other; all sizes and offsets in
// floats.
struct Products {
  bool convolution = false;
  std::int64_t count = 1, m = 1, n = 1, k = 1;
  std::int64_t items = 1, channels = 1, pixels = 1;  ///< of the output

  explicit Products(const OpView& op) : convolution(traitsOf(op.op).window) {
    const Shape &y = op.outputs[0].shape, &w = op.inputs[1].shape;
    items = y[0], channels = w[0], pixels = op.outputs[0].size() / (items * channels);
    k = w[1];
    count = convolution
                ? items
                : 1;  // a convolution multiplies its weights by each image, the other way round otherwise
    m = convolution ? channels : items;
    n = convolution ? pixels : channels;
  }

  // What CLBlast may want to pad and transpose its operands: whole tiles of the largest it has.
  std::size_t scratchBytes() const {
    const std::int64_t rows = roundUp(m, 256), columns = roundUp(n, 256), depth = roundUp(k, 64);
    return static_cast<std::size_t>(rows * depth + columns * depth + rows * columns) * sizeof(float) + 4096;
  }
};

class ClblastGemm final : public KernelFamily {
 public:
  FamilyId id() const override { return {"clblast_gemm", 1}; }
  bool onlyMeasured(const OpView&) const override { return true; }
  bool usesLibrary() const override { return true; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
#ifndef TESSERA_HAS_CLBLAST
    return Verdict::no("Tessera was built without CLBlast");
#else
    for (std::size_t i = 0; i < op.inputs.size(); ++i)
      if (op.has(i) && (op.inputs[i].type != DataType::Float32 || op.inputs[i].layout.block != 1))
        return Verdict::no("it multiplies planar f32 matrices only");
    if (op.outputs[0].type != DataType::Float32 || op.outputs[0].layout.block != 1)
      return Verdict::no("it multiplies planar f32 matrices only");
    if (traitsOf(op.op).window) {
      const Window w = windowOf(op);
      if (!w.pointwise() || w.group != 1)
        return Verdict::no("only 1x1 convolutions of one group are matrix products");
      if (w.batch > kMostItems) return Verdict::no("a product for each item of so large a batch");
    }
    if (const auto why = whyNoEpilogue(op); !why.empty()) return Verdict::no(why);
    if (Products(op).scratchBytes() > device.maxAllocation / 2)
      return Verdict::no("CLBlast's copies of the operands take too much memory");
    return Verdict::yes();
#endif
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const Products s(p);
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    Launch launch;
    launch.scratch = {s.scratchBytes()};
    for (std::int64_t item = 0; item < s.count; ++item) {
      KernelCall product;
      product.library = "clblast", product.entry = "sgemm";
      const std::int64_t xAt = x.layout.offset + item * x.batchStride(),
                         yAt = y.layout.offset + item * y.batchStride();
      const auto add = [&](const KernelArg& buffer, bool transposed, std::int64_t offset,
                           std::int64_t stride) {
        for (const KernelArg& arg :
             {buffer, KernelArg::ofInt(transposed), KernelArg::ofInt(offset), KernelArg::ofInt(stride)})
          product.args.push_back(arg);
      };
      for (const std::int64_t extent : {s.m, s.n, s.k}) product.args.push_back(KernelArg::ofInt(extent));
      if (s.convolution) {
        add(KernelArg::input(1), false, 0, s.k);
        add(KernelArg::input(0), false, xAt, s.n);
        add(KernelArg::output(0), false, yAt, s.n);
      } else {
        add(KernelArg::input(0), false, xAt, x.batchStride());
        add(KernelArg::input(1), true, 0, s.k);
        add(KernelArg::output(0), false, yAt, y.batchStride());
      }
      product.args.push_back(KernelArg::scratch(0));
      launch.calls.push_back(std::move(product));
    }
    if (p.has(kBiasInput) || p.has(kResidualInput) || !p.attrs.string("activation").empty())
      launch.calls.push_back(epilogueCall(p, s, device));
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const Products s(p);
    cost.operations = 2.0 * static_cast<double>(s.count * s.m) * static_cast<double>(s.n * s.k);
    cost.efficiency = device.isCpu() ? 0.02 : 0.3;
    return cost;
  }

 private:
  static KernelCall epilogueCall(const Problem& p, const Products& s, const DeviceCaps& device) {
    KernelCall call{"clblast_gemm/clblast_gemm.cl", "clblast_epilogue"};
    call.defines = {{"P_N", std::to_string(s.items)},
                    {"P_K", std::to_string(s.channels)},
                    {"P_HW", std::to_string(s.pixels)}};
    addEpilogueDefines(call.defines, p);
    addEpilogueArgs(call.args, p);
    call.args.push_back(KernelArg::output(0));
    for (const TensorDesc& t :
         {p.outputs[0], p.has(kResidualInput) ? p.inputs[kResidualInput] : TensorDesc{}}) {
      call.args.push_back(KernelArg::ofInt(t.layout.offset));
      call.args.push_back(KernelArg::ofInt(t.present() ? t.batchStride() : 0));
    }
    setFlat(call, p.outputs[0].size(), device);
    return call;
  }
};

}  // namespace

void addFamilies_clblast_gemm(FamilyList& list) { list.add<ClblastGemm>({"Convolution", "FullyConnected"}); }

}  // namespace tessera
