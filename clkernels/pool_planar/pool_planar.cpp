// pool_planar: Pool on planar floats and, as q_average_planar, QAveragePool on planar codes: whole vectors of
// a row at a time, for CPUs.
#include "clkernels/common/pooling.hpp"
#include "clkernels/common/quant.hpp"
#include "clkernels/q_average_pool/q_average_pool.hpp"
#include "ops/quantised.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

using List = std::vector<std::int64_t>;

/// Outputs [from, to) of a row: their windows lie inside the image from their first to their last column.
struct PlanarInterior {
  std::int64_t from = 0, to = 0;
  explicit PlanarInterior(const Window& w) {
    from = ceilDiv(w.padBegin[2], w.stride[2]);
    const std::int64_t room = w.in[2] + w.padBegin[2] - w.span(2);
    to = room < 0 ? 0 : std::min(w.out[2], room / w.stride[2] + 1);
  }
};

/// Sets P_KH, P_KW, P_SX, P_DX and the range, and appends the arguments from inH to rows.
void addPlanarWindow(KernelCall& call, const Window& w, bool countPads, const DeviceCaps& device) {
  addDefine(call.defines, "P_KH", w.kernel[1]);
  addDefine(call.defines, "P_KW", w.kernel[2]);
  addDefine(call.defines, "P_SX", w.stride[2]);
  addDefine(call.defines, "P_DX", w.dilation[2]);
  // Enough work-items to keep every core busy to the end.
  const std::int64_t planes = w.channels * w.batch;
  const std::int64_t rows = std::clamp<std::int64_t>(
      w.out[1] * planes / (16 * std::int64_t{std::max(device.computeUnits, 1)}), 1, w.out[1]);
  setItems(call, {ceilDiv(w.out[1], rows), w.channels, w.batch});
  const PlanarInterior interior(w);
  addInts(call.args,
          {w.in[1], w.in[2], w.out[1], w.out[2], w.stride[1], w.dilation[1], w.padBegin[1], w.padBegin[2],
           w.padEnd[1], w.padEnd[2], std::int64_t{countPads}, interior.from, interior.to, rows});
}

class PoolPlanar final : public KernelFamily {
 public:
  /// `codes`: it serves QAveragePool.
  PoolPlanar(const char* name, bool codes) : name_(name), codes_(codes) {}
  FamilyId id() const override { return {name_, 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (!codes_ && !isFloat(op.inputs[0].type)) return Verdict::no("it pools floats");
    if (op.outputs.size() > 1) return Verdict::no("it stores no indices");
    if (poolMode(op) == 2) return Verdict::no("it computes maximum and mean");
    if (op.attrs.integer("global")) return Verdict::no("a window over everything has one output");
    if (!device.isCpu() || device.platform == "rusticl")
      return Verdict::no("it is written for CPUs whose compiler makes vectors of float16");
    const Window w = windowOf(op);
    if (w.rank > 2) return Verdict::no("it has a third spatial extent");
    if (w.kernel[2] > 16) return Verdict::no("more than 16 taps of a row to unroll");
    if (const PlanarInterior interior(w); interior.to - interior.from < 16)
      return Verdict::no("a row has fewer than 16 outputs whose windows lie inside the image");
    return allPlanar(op);
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    KernelCall call{"pool_planar/pool_planar.cl", "pool_planar"};
    addDefine(call.defines, "P_MODE", codes_ ? 2 : poolMode(p));
    addDefine(call.defines, "P_CODED", p.outputs[0].type == DataType::Int8);
    addDefine(call.defines, "P_ZEROS", hasZeroPoints(p.attrs));
    call.defines.emplace_back("P_TYPE", clType(p.inputs[0].type));
    call.args = {KernelArg::input(0), KernelArg::output(0),
                 codes_ ? KernelArg::packed(0) : KernelArg::none()};
    addRateArgs(call.args, p);
    addInts(call.args, {p.attrs.integer("x_zero")});
    addPlanarWindow(call, windowOf(p), p.attrs.integer("count_include_pad") != 0, device);
    addLayoutArgs(call.args, p.inputs[0]);
    addLayoutArgs(call.args, p.outputs[0]);
    Launch launch{{call}, {}, {}};
    if (codes_) launch.packed = {packedAverageFactors(p)};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    return poolingCost(KernelFamily::cost(p, device), p, codes_ ? 0.1 : 0.05);
  }

  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    const auto add = [&](const Attributes& attrs, const Shape& x) {
      for (auto& sample : codes_ ? onCodes(attrs, x) : onFloats(attrs, x))
        samples.push_back(std::move(sample));
    };
    // Exactly one vector, a vector and an overlapping tail, borders on both sides.
    add({{"kernel", List{3, 3}}, {"strides", List{2, 2}}}, {1, 3, 7, 33});
    add({{"kernel", List{3, 3}}, {"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}}, {2, 3, 9, 46});
    add({{"kernel", List{3, 3}},
         {"strides", List{2, 2}},
         {"pads", List{1, 1, 1, 1}},
         {"ceil_mode", 1},
         {"count_include_pad", 1}},
        {1, 2, 8, 48});
    add({{"kernel", List{2, 5}}, {"strides", List{1, 1}}, {"pads", List{0, 2, 1, 2}}}, {2, 2, 5, 23});
    add({{"kernel", List{3, 2}},
         {"strides", List{2, 3}},
         {"pads", List{1, 1, 0, 1}},
         {"dilations", List{2, 3}},
         {"count_include_pad", 1}},
        {1, 3, 11, 61});
    // Rows of taps that all miss the image, and one spatial extent.
    add({{"kernel", List{2, 2}}, {"pads", List{1, 1, 1, 1}}, {"dilations", List{4, 1}}}, {1, 2, 3, 20});
    add({{"kernel", List{3}}, {"strides", List{2}}, {"pads", List{1, 0}}}, {2, 5, 40});
    if (codes_) return samples;
    // One row, and one row under a taller window.
    add({{"kernel", List{1, 2}}, {"strides", List{1, 2}}}, {1, 4, 1, 70});
    add({{"kernel", List{3, 1}}, {"pads", List{1, 0, 1, 0}}}, {1, 2, 1, 17});
    return samples;
  }

 private:
  static std::vector<OpInstance> onFloats(Attributes attrs, const Shape& x) {
    std::vector<OpInstance> samples;
    for (const char* mode : {"max", "average"}) {
      attrs.set("mode", std::string(mode));
      samples.push_back(makeSample("Pool", attrs, {f32(x)}));
    }
    return samples;
  }
  static std::vector<OpInstance> onCodes(Attributes attrs, const Shape& x) {
    std::vector<OpInstance> samples;
    attrs.set("mode", std::string("average"));
    attrs.set("scale", static_cast<double>(0.021f));
    for (const bool coded : {true, false}) {
      if (coded)
        attrs.set("rate", static_cast<double>(60.0f));
      else
        attrs.erase("rate");
      samples.push_back(
          makeSample("QAveragePool", attrs, {{DataType::Int8, x, {}}}, {Fill::integers(-127, 127)}));
    }
    return samples;
  }

  const char* name_;
  bool codes_;
};

}  // namespace

void addFamilies_pool_planar(FamilyList& list) {
  list.add<PoolPlanar>({"Pool"}, "pool_planar", false);
  list.add<PoolPlanar>({"QAveragePool"}, "q_average_planar", true);
}

}  // namespace tessera
