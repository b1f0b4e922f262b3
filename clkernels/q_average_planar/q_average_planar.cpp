// q_average_planar: QAveragePool on planar codes, whole vectors of a row at a time, for CPUs.
#include "clkernels/pool_planar/pool_planar.hpp"
#include "clkernels/q_average_pool/q_average_pool.hpp"

namespace tessera {
namespace {

class QAveragePlanar final : public KernelFamily {
 public:
  FamilyId id() const override { return {"q_average_planar", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (op.attrs.integer("global")) return Verdict::no("a window over everything has one output");
    if (const Verdict verdict = planarWindowApplies(windowOf(op), device); !verdict) return verdict;
    return allPlanar(op);
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    KernelCall call{"q_average_planar/q_average_planar.cl", "q_average_planar"};
    addDefine(call.defines, "P_CODED", p.outputs[0].type == DataType::Int8);
    call.args = {KernelArg::input(0), KernelArg::packed(0), KernelArg::output(0),
                 KernelArg::ofFloat(static_cast<float>(p.attrs.number("rate")))};
    addPlanarWindow(call, windowOf(p), p.attrs.integer("count_include_pad") != 0, device);
    addLayoutArgs(call.args, p.inputs[0]);
    addLayoutArgs(call.args, p.outputs[0]);
    return {{call}, {}, {packedAverageFactors(p)}};
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = static_cast<double>(p.outputs[0].size() * windowOf(p).kernelVolume());
    cost.efficiency = 0.1;
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    std::vector<OpInstance> samples;
    const auto add = [&](Attributes attrs, Shape x) {
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
    // Rows of taps that all miss the image, and one row alone.
    add({{"kernel", List{2, 2}}, {"pads", List{1, 1, 1, 1}}, {"dilations", List{4, 1}}}, {1, 2, 3, 20});
    add({{"kernel", List{3}}, {"strides", List{2}}, {"pads", List{1, 0}}}, {2, 5, 40});
    return samples;
  }
};

}  // namespace

void addFamilies_q_average_planar(FamilyList& list) {
  static const QAveragePlanar family;
  list.add(family, {"QAveragePool"});
}

}  // namespace tessera
