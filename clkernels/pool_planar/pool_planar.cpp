// pool_planar: Pool on planar f32, whole vectors of a row at a time, for CPUs.
#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kLanes = 16;
constexpr std::int64_t kMaxTaps = 16;  // of a row, which are unrolled

// Outputs of a row whose windows lie inside the image from their first to their last column.
struct Interior {
  std::int64_t from = 0, to = 0;
  explicit Interior(const Window& w) {
    from = ceilDiv(w.padBegin[2], w.stride[2]);
    const std::int64_t room = w.in[2] + w.padBegin[2] - w.span(2);
    to = room < 0 ? 0 : std::min(w.out[2], room / w.stride[2] + 1);
  }
  std::int64_t size() const { return to - from; }
};

class PoolPlanar final : public KernelFamily {
 public:
  FamilyId id() const override { return {"pool_planar", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (!device.isCpu() || device.platform == "rusticl")
      return Verdict::no("it is written for CPUs whose compiler makes vectors of float16");
    if (op.inputs[0].type != DataType::Float32) return Verdict::no("it pools f32");
    if (op.outputs.size() > 1) return Verdict::no("it stores no indices");
    if (op.attrs.string("mode", "max") == "lp") return Verdict::no("it computes maximum and mean");
    const Window w = windowOf(op);
    if (w.rank > 2) return Verdict::no("it has a third spatial extent");
    if (w.kernel[2] > kMaxTaps) return Verdict::no("more than 16 taps of a row to unroll");
    if (Interior(w).size() < kLanes)
      return Verdict::no("a row has fewer than 16 outputs whose windows lie inside the image");
    return allPlanar(op);
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    const Interior interior(w);
    KernelCall call{"pool_planar/pool_planar.cl", "pool_planar"};
    addDefine(call.defines, "P_KH", w.kernel[1]);
    addDefine(call.defines, "P_KW", w.kernel[2]);
    addDefine(call.defines, "P_SX", w.stride[2]);
    addDefine(call.defines, "P_DX", w.dilation[2]);
    addDefine(call.defines, "P_MODE", p.attrs.string("mode", "max") == "max" ? 0 : 1);
    // Enough work-items to keep every core busy to the end.
    const std::int64_t planes = w.channels * w.batch;
    const std::int64_t rows = std::clamp<std::int64_t>(
        w.out[1] * planes / (16 * std::int64_t{std::max(device.computeUnits, 1)}), 1, w.out[1]);
    call.global = {static_cast<std::size_t>(ceilDiv(w.out[1], rows)), static_cast<std::size_t>(w.channels),
                   static_cast<std::size_t>(w.batch)};
    call.local = {1, 1, 1};
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    for (const std::int64_t value :
         {w.in[1], w.in[2], w.out[1], w.out[2], w.stride[1], w.dilation[1], w.padBegin[1], w.padBegin[2],
          w.padEnd[1], w.padEnd[2], p.attrs.integer("count_include_pad"), interior.from, interior.to, rows})
      call.args.push_back(KernelArg::ofInt(value));
    addLayoutArgs(call.args, p.inputs[0]);
    addLayoutArgs(call.args, p.outputs[0]);
    return {{call}, {}, {}};
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = static_cast<double>(p.outputs[0].size() * windowOf(p).kernelVolume());
    cost.efficiency = 0.05;
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    std::vector<OpInstance> samples;
    const auto add = [&](Attributes attrs, Shape x) {
      for (const char* mode : {"max", "average"}) {
        attrs.set("mode", std::string(mode));
        samples.push_back(makeSample("Pool", attrs, {f32(x)}));
      }
    };
    const auto padded = std::int64_t{1};
    // Exactly one vector, a vector and an overlapping tail, borders on both sides.
    add({{"kernel", List{3, 3}}, {"strides", List{2, 2}}}, {1, 3, 7, 33});
    add({{"kernel", List{3, 3}}, {"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}}, {2, 3, 9, 46});
    add({{"kernel", List{3, 3}},
         {"strides", List{2, 2}},
         {"pads", List{1, 1, 1, 1}},
         {"ceil_mode", 1},
         {"count_include_pad", padded}},
        {1, 2, 8, 48});
    add({{"kernel", List{2, 5}}, {"strides", List{1, 1}}, {"pads", List{0, 2, 1, 2}}}, {2, 2, 5, 23});
    add({{"kernel", List{3, 2}},
         {"strides", List{2, 3}},
         {"pads", List{1, 1, 0, 1}},
         {"dilations", List{2, 3}},
         {"count_include_pad", padded}},
        {1, 3, 11, 61});
    // One row, one row under a taller window, and rows of taps that all miss the image.
    add({{"kernel", List{1, 2}}, {"strides", List{1, 2}}}, {1, 4, 1, 70});
    add({{"kernel", List{3, 1}}, {"pads", List{1, 0, 1, 0}}}, {1, 2, 1, 17});
    add({{"kernel", List{2, 2}}, {"pads", List{1, 1, 1, 1}}, {"dilations", List{4, 1}}}, {1, 2, 3, 20});
    add({{"kernel", List{3}}, {"strides", List{2}}, {"pads", List{1, 0}}}, {2, 5, 40});
    return samples;
  }
};

}  // namespace

void addFamilies_pool_planar(FamilyList& list) {
  static const PoolPlanar family;
  list.add(family, {"Pool"});
}

}  // namespace tessera
