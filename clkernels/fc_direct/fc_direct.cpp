// fc_direct: fully connected layers on CPUs; the weights are read once per work-item, in order.
#include "clkernels/common/image.hpp"
#include "clkernels/common/storage.hpp"
#include "clkernels/conv_direct/tile.hpp"

namespace tessera {
namespace {

/// Rows and groups of 16 outputs in registers; rows a work-item takes; inputs per pass over its rows.
struct FcTactic {
  int tm = 1, tk = 1, rows = 1, panel = 1024;
  static constexpr auto fields() {
    using T = FcTactic;
    return std::tuple{Field<T>{"TM", &T::tm}, Field<T>{"TK", &T::tk}, Field<T>{"ROWS", &T::rows},
                      Field<T>{"PANEL", &T::panel}};
  }
};

struct Sizes {
  std::int64_t batch, inputs, outputs;
  explicit Sizes(const OpView& op)
      : batch(op.outputs[0].shape[0]), inputs(op.inputs[1].shape[1]), outputs(op.inputs[1].shape[0]) {}
};

// [tile][inputs][TK * 16] from [outputs][inputs]
PackedConstant packWeights(int tk) {
  return {"fc_direct tk" + std::to_string(tk), [tk](const std::vector<const HostTensor*>& given) {
            const HostTensor& weights = *given.at(1);
            const auto from = weights.as<float>();
            const std::int64_t K = weights.shape[0], I = weights.shape[1], wide = tk * 16;
            HostTensor packed(DataType::Float32, {ceilDiv(K, wide), I, wide});
            const auto to = packed.as<float>();
            for (std::int64_t k = 0; k < K; ++k)
              for (std::int64_t i = 0; i < I; ++i) to[(k / wide * I + i) * wide + k % wide] = from[k * I + i];
            return packed;
          }};
}

class FcDirect final : public KernelFamily {
 public:
  FamilyId id() const override { return {"fc_direct", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const auto why = whyNoTiles(device); !why.empty()) return Verdict::no(why);
    for (const int i : {1, kBiasInput, kSlopeInput})
      if (op.has(i) && !op.inputs[i].constant)
        return Verdict::no("weights, bias and slope must be constants");
    if (const auto why = whyNoEpilogue(op); !why.empty()) return Verdict::no(why);
    return allOf({sameFloatType(op, {0, 1, kResidualInput}), allPlanar(op)});
  }

  TacticSpace space(const Problem& p, const DeviceCaps&) const override {
    const Sizes s(p);
    TacticSpace space;
    space.parameters = {{"TM", {1, 2, 3, 4, 6, 7, 8, 11, 13, 14}},
                        {"TK", {1, 2, 3, 4, 8}},
                        {"ROWS", {1, 2, 4, 8, 16, 32, 64}},
                        {"PANEL", {256, 1024, 4096}}};
    space.constraints = {
        {"a tile has more rows than a work-item",
         [](const Tactic& t) { return t.get("TM") <= t.get("ROWS"); }},
        {"a work-item has more rows than twice the batch",
         [s](const Tactic& t) { return t.get("ROWS") == 1 || t.get("ROWS") < 2 * s.batch; }},
        {"a tile has more outputs than the layer",
         [s](const Tactic& t) { return t.get("TK") == 1 || (t.get("TK") - 1) * 16 < s.outputs; }},
        {"accumulators and weights do not fit 32 vector registers",
         [](const Tactic& t) { return t.get("TM") * t.get("TK") + t.get("TK") + 1 <= 32; }}};
    return space;
  }

  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const Sizes s(p);
    FcTactic t;
    // All rows in one work-item, so that every weight comes from memory once.
    while (t.rows < 64 && t.rows < s.batch) t.rows *= 2;
    // A wide tile, but enough of them for every core.
    const std::int64_t blocks = ceilDiv(s.outputs, 16), cores = std::max(device.computeUnits, 1);
    for (const int tk : {2, 3, 4, 8})
      if (tk <= (s.batch == 1 ? 8 : s.batch <= 6 ? 4 : 2) && ceilDiv(blocks, tk) >= 4 * cores) t.tk = tk;
    // Of the heights that fit, the one that leaves the least surplus.
    std::int64_t least = 0;
    for (const int tm : {1, 2, 3, 4, 6, 7, 8, 11, 13, 14}) {
      const std::int64_t time = ceilDiv(s.batch, tm) * (tm * t.tk + 2 + t.tk);
      if (tm > t.rows || tm * t.tk + t.tk + 1 > 32 || (least > 0 && time >= least)) continue;
      least = time;
      t.tm = tm;
    }
    return toTactic(t);
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const auto t = fromTactic<FcTactic>(tactic);
    const Sizes s(p);
    Launch launch;
    launch.packed = {inStorage(p.inputs[1].type, packWeights(t.tk))};
    KernelCall call{.source = "fc_direct/fc_direct.cl", .entry = "fc_direct"};
    call.defines = {{"T_TM", std::to_string(t.tm)},
                    {"T_TK", std::to_string(t.tk)},
                    {"P_ROWS", std::to_string(t.rows)},
                    {"P_T", clType(p.inputs[0].type)}};
    addEpilogueDefines(call.defines, p);
    call.global = {static_cast<std::size_t>(ceilDiv(s.outputs, t.tk * 16)),
                   static_cast<std::size_t>(ceilDiv(s.batch, t.rows))};
    call.local = {1, 1};
    call.args = {KernelArg::input(0), KernelArg::packed(0)};
    addPaddedEpilogueArgs(launch, call.args, p, 16);
    call.args.push_back(KernelArg::output(0));
    addPlaces(call.args, p);
    for (const std::int64_t value : {s.batch, s.inputs, s.outputs, std::int64_t{t.panel}})
      call.args.push_back(KernelArg::ofInt(value));
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const Sizes s(p);
    cost.operations = 2.0 * static_cast<double>(s.batch * s.inputs * s.outputs);
    cost.efficiency = 0.7;
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    const auto fc = [](Shape x, std::int64_t outputs, bool residual, Attributes attrs = {}) {
      std::vector<TensorDesc> inputs{f32(x), f32({outputs, elementCount(x) / x[0]}), f32({outputs})};
      if (residual) inputs.push_back(f32({x[0], outputs}));
      return makeSample("FullyConnected", std::move(attrs), inputs, {}, {false, true, true});
    };
    return {
        fc({1, 300}, 70, false),
        fc({5, 33}, 16, true, {{"activation", "Sigmoid"}}),
        fc({67, 1100}, 200, true),
        fc({9, 4, 3, 5}, 10, false, {{"activation", "Relu"}}),
    };
  }
};

}  // namespace

void addFamilies_fc_direct(FamilyList& list) {
  static const FcDirect family;
  list.add(family, {"FullyConnected"});
}

}  // namespace tessera
