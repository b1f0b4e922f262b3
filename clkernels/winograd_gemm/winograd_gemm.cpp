// winograd_gemm: 3x3 convolutions of stride 1 over planar images, for GPUs: transforms around conv_gemm's
// products.
#include "clkernels/common/epilogue.hpp"
#include "clkernels/common/gpu_model.hpp"
#include "clkernels/common/strided.hpp"
#include "clkernels/conv_gemm/gemm_tactic.hpp"
#include "clkernels/conv_winograd/winograd.hpp"

namespace tessera {
namespace {

const std::vector<int> kSizes{2, 4};

// A convolution's products for tiles of m x m outputs: a 1x1 convolution of (m + 2)^2 groups over the tiles.
struct Products {
  Window window;
  WinogradTiles tiles;
  std::int64_t elements, pitch;
  OpView op;

  Products(const OpView& convolution, int m)
      : window(windowOf(convolution)), tiles(window, m), elements(std::int64_t{m + 2} * (m + 2)) {
    pitch = roundUp(window.batch * tiles.count(), 4);
    const auto planar = [](Shape shape, bool constant) {
      return TensorDesc{DataType::Float32, std::move(shape), {}, constant};
    };
    op.op = "Convolution";
    op.attrs = {{"group", elements}};
    op.inputs = {planar({1, elements * window.channels, 1, pitch}, false),
                 planar({elements * window.outChannels, window.channels, 1, 1}, true)};
    op.outputs = {planar({1, elements * window.outChannels, 1, pitch}, false)};
  }
};

const KernelFamily& gemm() {
  static const KernelFamily& family = *findFamily("conv_gemm");
  return family;
}

// A tactic is the size of a tile, F, and conv_gemm's for the products.
Tactic join(int m, const Tactic& products) {
  Tactic all{{"F", m}};
  for (const auto& [name, value] : products.values()) all.set(name, value);
  return all;
}
Tactic productsOf(const Tactic& all) {
  Tactic products;
  for (const auto& [name, value] : all.values())
    if (name != "F") products.set(name, value);
  return products;
}

class WinogradGemm final : public KernelFamily {
 public:
  FamilyId id() const override { return {"winograd_gemm", 1}; }
  // The products' tactic decides what it gains, and a count of operations does not tell.
  bool onlyMeasured(const OpView&) const override { return true; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (op.attrs.integer("exact_sums")) return Verdict::no("its sums of integers have to be exact");
    // Transformed weights are larger, and their rounding to half would show in the results.
    for (const TensorDesc* t : {&op.inputs[0], &op.inputs[1], &op.outputs[0]})
      if (t->type == DataType::Float16)
        return Verdict::no("its transformed weights stay in f32, and take more than half saves");
    for (std::size_t i = 0; i < op.inputs.size(); ++i)
      if (op.has(i) && op.inputs[i].type != DataType::Float32) return Verdict::no("an operand is not f32");
    if (const auto why = whyNoGemm(op); !why.empty()) return Verdict::no(why);
    const Window w = windowOf(op);
    if (const auto why = whyNoWinograd(w); !why.empty()) return Verdict::no(why);
    if (w.kernel[2] != 3) return Verdict::no("the window is not 3x3");
    return fits(op, kSizes.front(), device);
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    // The shape of the products is another for every size; what their tiles may be hardly is.
    TacticSpace space;
    std::vector<int> sizes;
    for (const int m : kSizes)
      if (fits(p, m, device)) sizes.push_back(m);
    space.parameters = {{"F", sizes}};
    for (const auto& parameter : gemm().space(Products(p, sizes.back()).op, device).parameters)
      space.parameters.push_back(parameter);
    space.constraints = {{"the matrix products refuse it", [p, device](const Tactic& t) {
                            return gemm().space(Products(p, t.get("F")).op, device).contains(productsOf(t));
                          }}};
    return space;
  }

  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const int m = bestSize(p, device);
    return join(m, gemm().fallback(Products(p, m).op, device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const int m = tactic.get("F");
    const Products s(p, m);
    const Window& w = s.window;
    Launch launch = gemm().plan(s.op, productsOf(tactic), device);
    // Between the transforms, the products' input and output are scratch: two buffers before those they have
    // anyway.
    launch.scratch.insert(launch.scratch.begin(), {s.op.inputs[0].bytes(), s.op.outputs[0].bytes()});
    for (KernelCall& call : launch.calls)
      for (KernelArg& arg : call.args) {
        if (arg.kind == KernelArg::Kind::Scratch) arg.index += 2;
        if (arg.kind == KernelArg::Kind::Input) arg = KernelArg::scratch(0);
        if (arg.kind == KernelArg::Kind::Output) arg = KernelArg::scratch(1);
      }
    launch.packed.front() = packed(w, m, launch.packed.front());

    KernelCall in{"winograd_gemm/winograd_gemm.cl", "winograd_input", defines(p, m)};
    in.args = {KernelArg::input(0), KernelArg::scratch(0)};
    addPlace(in.args, p.inputs[0]);
    addInts(in.args,
            {w.channels, w.in[1], w.in[2], w.dilation[1], w.dilation[2], w.padBegin[1], w.padBegin[2]});
    addTiles(in.args, s);
    setGrid(in, s.pitch, w.channels, 1, device);

    KernelCall out{in.source, "winograd_output", in.defines};
    out.args = {KernelArg::scratch(1)};
    addEpilogueArgs(out.args, p);
    out.args.push_back(KernelArg::output(0));
    addPlace(out.args, p.outputs[0]);
    addPlace(out.args, p.has(kResidualInput) ? p.inputs[kResidualInput] : TensorDesc{});
    addInts(out.args, {w.outChannels, w.out[1], w.out[2], w.dilation[1], w.dilation[2]});
    addTiles(out.args, s);
    setGrid(out, w.batch * s.tiles.count(), w.outChannels, 1, device);

    launch.calls.insert(launch.calls.begin(), std::move(in));
    launch.calls.push_back(std::move(out));
    return launch;
  }

  // Operations are the convolution's, so that figures compare with other families'; the efficiency may
  // exceed 1.
  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = gemmShape(p).operations();
    if (device.isCpu()) {
      cost.efficiency = 0.01;
      return cost;
    }
    cost.efficiency = cost.operations /
                      (seconds(p, bestSize(p, device), device) * kGpuOperationsPerUnit * device.computeUnits);
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    return {
        // Rows of whole pairs, and of odd length; batches; borders on every side.
        winogradSample({2, 20, 9, 30}, {35, 20, 3, 3},
                       {{"pads", List{1, 1, 1, 1}}, {"activation", "Sigmoid"}}, true),
        winogradSample({2, 7, 5, 13}, {9, 7, 3, 3}, {{"pads", List{1, 1, 1, 1}}}),
        // Phases of unequal size; a dilation that differs between the extents; a single tile.
        winogradSample({1, 12, 13, 22}, {16, 12, 3, 3},
                       {{"pads", List{4, 4, 4, 4}}, {"dilations", List{4, 4}}}, true),
        winogradSample({1, 18, 11, 8}, {17, 18, 3, 3},
                       {{"pads", List{0, 3, 1, 2}}, {"dilations", List{1, 3}}}),
        winogradSample({1, 16, 3, 3}, {16, 16, 3, 3}, {}),
    };
  }

 private:
  static Verdict fits(const OpView& op, int m, const DeviceCaps& device) {
    const Products s(op, m);
    for (const TensorDesc* t : {&s.op.inputs[0], &s.op.outputs[0]})
      if (device.maxAllocation && t->bytes() > device.maxAllocation)
        return Verdict::no("the transformed tiles do not fit a buffer");
    return gemm().applies(s.op, device);
  }

  // Modelled: the products, the bytes of the transforms, three launches.
  static double seconds(const OpView& op, int m, const DeviceCaps& device) {
    const Products s(op, m);
    const GemmShape shape = gemmShape(s.op);
    const double bytes =
        static_cast<double>(2 * (s.op.inputs[0].bytes() + s.op.outputs[0].bytes()) + op.outputs[0].bytes());
    return gemmSeconds(shape, gemmFallback(shape, gemmFreedom(s.op, shape, device), device), device) +
           bytes / (kGpuBytesPerUnit * device.computeUnits) + 2 * kGemmLaunchSeconds;
  }

  static int bestSize(const OpView& op, const DeviceCaps& device) {
    int best = kSizes.front();
    if (device.isCpu()) return best;
    for (const int m : kSizes)
      if (fits(op, m, device) && seconds(op, m, device) < seconds(op, best, device)) best = m;
    return best;
  }

  static Defines defines(const OpView& op, int m) {
    const Window w = windowOf(op);
    const auto even = [](const TensorDesc& t) {
      return t.layout.offset % 2 == 0 && t.batchStride() % 2 == 0;
    };
    const bool pairs = w.dilation[2] == 1 && w.out[2] % 2 == 0 && even(op.outputs[0]) &&
                       (!op.has(kResidualInput) || even(op.inputs[kResidualInput]));
    Defines defines{{"T_M", std::to_string(m)}, {"P_VECTOR", pairs ? "1" : "0"}};
    addEpilogueDefines(defines, op);
    return defines;
  }

  static void addTiles(std::vector<KernelArg>& args, const Products& s) {
    addInts(args,
            {s.window.batch, s.tiles.count(), s.tiles.tilesY, s.tiles.tilesX, s.tiles.phasesX, s.pitch});
  }

  // The products' packing of the transformed weights.
  static PackedConstant packed(const Window& w, int m, PackedConstant products) {
    return {"winograd_gemm f" + std::to_string(m) + " " + products.name,
            [w, m, pack = std::move(products.pack)](const std::vector<const HostTensor*>& inputs) {
              const HostTensor transformed = winogradWeights(w, m, *inputs.at(1));
              return pack({nullptr, &transformed});
            }};
  }
};

}  // namespace

void addFamilies_winograd_gemm(FamilyList& list) { list.add<WinogradGemm>({"Convolution"}); }

}  // namespace tessera
