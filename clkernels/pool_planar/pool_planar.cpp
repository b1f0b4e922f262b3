// pool_planar: Pool on planar f32, whole vectors of a row at a time, for CPUs.
#include "clkernels/pool_planar/pool_planar.hpp"

namespace tessera {
namespace {

class PoolPlanar final : public KernelFamily {
 public:
  FamilyId id() const override { return {"pool_planar", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (op.inputs[0].type != DataType::Float32) return Verdict::no("it pools f32");
    if (op.outputs.size() > 1) return Verdict::no("it stores no indices");
    if (op.attrs.string("mode", "max") == "lp") return Verdict::no("it computes maximum and mean");
    if (const Verdict verdict = planarWindowApplies(windowOf(op), device); !verdict) return verdict;
    return allPlanar(op);
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    KernelCall call{"pool_planar/pool_planar.cl", "pool_planar"};
    addDefine(call.defines, "P_MODE", p.attrs.string("mode", "max") == "max" ? 0 : 1);
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    addPlanarWindow(call, windowOf(p), p.attrs.integer("count_include_pad") != 0, device);
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
