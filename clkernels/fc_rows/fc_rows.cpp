// fc_rows, q_fc_rows: fully connected layers of few items on GPUs, bound by the bytes of their weights.
#include <algorithm>

#include "clkernels/common/constraint.hpp"
#include "clkernels/common/finish.hpp"
#include "clkernels/common/image.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

struct FcRowsTactic {
  int g = 128, o = 2, b = 1, v = 1;
  static constexpr auto fields() {
    using T = FcRowsTactic;
    return std::tuple{Field<T>{"G", &T::g}, Field<T>{"O", &T::o}, Field<T>{"B", &T::b}, Field<T>{"V", &T::v}};
  }
};

/// The layer in steps of what is multiplied at once: a float, or a word of four codes.
struct FcRowsShape {
  bool codes;
  std::int64_t items, inputs, outputs, steps;
  bool words;    ///< rows of x and of the weights are whole steps
  bool vectors;  ///< rows are whole vectors of four steps
  explicit FcRowsShape(const OpView& op)
      : codes(inCodes(op)),
        items(op.outputs[0].shape[0]),
        inputs(op.inputs[1].shape[1]),
        outputs(op.inputs[1].shape[0]),
        steps(codes ? ceilDiv(inputs, 4) : inputs) {
    const TensorDesc& x = op.inputs[0];
    const auto whole = [&](std::int64_t run) {
      return inputs % run == 0 && x.layout.offset % run == 0 && x.batchStride() % run == 0;
    };
    words = !codes || whole(4);
    vectors = whole(codes ? 16 : 4);
  }
};

// [outputs][words] of four codes, zero-padded
PackedConstant packRows() {
  return {"q_fc_rows words", [](const std::vector<const HostTensor*>& given) {
            const HostTensor& weights = *given.at(1);
            const auto from = weights.as<std::int8_t>();
            const std::int64_t outputs = weights.shape[0], inputs = weights.shape[1];
            HostTensor packed(DataType::Int8, {outputs, ceilDiv(inputs, 4), 4});
            const auto to = packed.as<std::int8_t>();
            for (std::int64_t o = 0; o < outputs; ++o)
              std::copy_n(from.begin() + o * inputs, inputs, to.begin() + o * ceilDiv(inputs, 4) * 4);
            return packed;
          }};
}

class FcRows final : public KernelFamily {
 public:
  FcRows(const char* name, bool codes) : name_(name), codes_(codes) {}
  FamilyId id() const override { return {name_, 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const auto why = codes_ ? whyNoQuantEpilogue(op) : whyNoEpilogue(op); !why.empty())
      return Verdict::no(why);
    if (codes_ && !op.inputs[1].constant) return Verdict::no("the weights are not constant");
    const Shape& weights = op.inputs[1].shape;
    if (weights[0] * roundUp(weights[1], 4) > INT32_MAX)
      return Verdict::no("more weights than 32 bits index");
    if (device.maxWorkGroup < 32) return Verdict::no("work-groups of 32 items are not possible");
    return allOf({codes_ ? Verdict::yes() : sameFloatType(op, {0, 1, kResidualInput}), allPlanar(op)});
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    const FcRowsShape s(p);
    TacticSpace space;
    std::vector<int> items{1};
    for (const int b : {2, 4, 8})
      if (b < 2 * s.items) items.push_back(b);
    space.parameters = {{"G", {32, 64, 128, 256}},
                        {"O", {1, 2, 4, 8}},
                        {"B", items},
                        {"V", s.vectors ? std::vector{1, 4} : std::vector{1}}};
    const auto most = static_cast<int>(device.maxWorkGroup);
    require<FcRowsTactic>(space, "a work-group has at most " + std::to_string(most) + " items",
                          [most](const FcRowsTactic& t) { return t.g <= most; });
    if (s.codes)
      require<FcRowsTactic>(space, "tiles of an item need at most 16 sums",
                            [](const FcRowsTactic& t) { return t.o * t.b <= 16; });
    else
      require<FcRowsTactic>(space, "tiles of an item need at most 64 accumulators",
                            [](const FcRowsTactic& t) { return t.o * t.b * t.v <= 64; });
    const auto local =
        static_cast<std::int64_t>(std::min<std::size_t>(device.localMemory, std::size_t{48} << 10));
    require<FcRowsTactic>(space, "partial sums fit local memory", [local](const FcRowsTactic& t) {
      return std::int64_t{4} * t.o * t.b * t.g <= local;
    });
    return space;
  }

  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const FcRowsShape s(p);
    FcRowsTactic t;
    t.v = s.vectors ? 4 : 1;
    while (t.b < 8 && t.b < s.items) t.b *= 2;
    t.o = s.outputs >= 8LL * device.computeUnits ? 2 : 1;
    while (t.g > 32 && (t.g > static_cast<int>(device.maxWorkGroup) || t.g * t.v > s.steps)) t.g /= 2;
    return toTactic(t);
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<FcRowsTactic>(tactic);
    const FcRowsShape s(p);
    Launch launch;
    KernelCall call{"fc_rows/fc_rows.cl", "fc_rows", tacticDefines(tactic)};
    addDefine(call.defines, "P_N", s.items);
    addDefine(call.defines, "P_I", s.inputs);
    addDefine(call.defines, "P_O", s.outputs);
    addDefine(call.defines, "P_WORDS", s.words);
    addFinishDefines(call.defines, p, device);
    call.local = {static_cast<std::size_t>(t.g), 1};
    call.global = {static_cast<std::size_t>(ceilDiv(s.outputs, t.o) * t.g),
                   static_cast<std::size_t>(ceilDiv(s.items, t.b))};
    const bool padded = s.codes && s.inputs % 4 != 0;
    if (padded) launch.packed.push_back(packRows());
    call.args = {KernelArg::input(0), padded ? KernelArg::packed(0) : KernelArg::input(1)};
    addPlainFinishArgs(launch, call.args, p);
    call.args.push_back(KernelArg::output(0));
    addPlaces(call.args, p);
    launch.calls = {std::move(call)};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const FcRowsShape s(p);
    cost.operations = 2.0 * static_cast<double>(s.items * s.inputs * s.outputs);
    cost.bytes += static_cast<double>(p.inputs[1].bytes()) * static_cast<double>(ceilDiv(s.items, 8) - 1) / 4;
    cost.efficiency = device.isCpu() ? 0.02 : s.codes ? 0.4 : 0.12;
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    if (!codes_) return {};
    const auto sample = [](std::int64_t items, std::int64_t inputs, std::int64_t outputs) {
      return makeSample("FullyConnected", {{"activation", std::string("Relu")}},
                        {f32({items, inputs}), f32({outputs, inputs}), f32({outputs})}, {},
                        {false, true, true});
    };
    // Whole vectors, whole words, and rows that end inside a word; more items than a tile.
    return quantisedSamples("QFullyConnected", {sample(1, 640, 33), sample(9, 76, 10), sample(3, 203, 7)});
  }

 private:
  const char* name_;
  bool codes_;
};

}  // namespace

void addFamilies_fc_rows(FamilyList& list) {
  list.add<FcRows>({"FullyConnected"}, "fc_rows", false);
  list.add<FcRows>({"QFullyConnected"}, "q_fc_rows", true);
}

}  // namespace tessera
