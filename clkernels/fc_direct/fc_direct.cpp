// fc_direct, q_fc_direct: fully connected layers on CPUs; the weights are read once per work-item, in order.
#include <algorithm>

#include "clkernels/common/finish.hpp"
#include "clkernels/common/image.hpp"
#include "clkernels/common/storage.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

/// Rows and groups of 16 outputs in registers; rows a work-item takes. Floats have PANEL, too: steps per pass
/// over the rows.
struct FcTactic {
  int tm = 1, tk = 1, rows = 1;
  static constexpr auto fields() {
    using T = FcTactic;
    return std::tuple{Field<T>{"TM", &T::tm}, Field<T>{"TK", &T::tk}, Field<T>{"ROWS", &T::rows}};
  }
};

/// The layer in steps of what is multiplied at once: a float, or a word of four codes.
struct FcShape {
  bool codes;
  std::int64_t batch, inputs, outputs, word, steps;
  explicit FcShape(const OpView& op)
      : codes(inCodes(op)),
        batch(op.outputs[0].shape[0]),
        inputs(op.inputs[1].shape[1]),
        outputs(op.inputs[1].shape[0]),
        word(codes ? 4 : 1),
        steps(ceilDiv(inputs, word)) {}

  std::vector<int> heights() const {
    return codes ? std::vector{1, 2, 3, 4, 6, 7, 9, 14} : std::vector{1, 2, 3, 4, 6, 7, 8, 11, 13, 14};
  }
  std::vector<int> rowCounts() const {
    return codes ? std::vector{1, 4, 16, 64, 256} : std::vector{1, 2, 4, 8, 16, 32, 64};
  }
};

// [tile][steps][TK * 16][word] from [outputs][inputs]
template <class T>
PackedConstant packWeights(const FcShape& s, int tk) {
  return {"fc_direct tk" + std::to_string(tk), [s, tk](const std::vector<const HostTensor*>& given) {
            const auto from = given.at(1)->as<T>();
            const std::int64_t wide = tk * 16, word = s.word;
            HostTensor packed(given.at(1)->type, {ceilDiv(s.outputs, wide), s.steps, wide, word});
            const auto to = packed.as<T>();
            for (std::int64_t k = 0; k < s.outputs; ++k)
              for (std::int64_t i = 0; i < s.inputs; ++i)
                to[((k / wide * s.steps + i / word) * wide + k % wide) * word + i % word] =
                    from[k * s.inputs + i];
            return packed;
          }};
}

// What the bias of CODE_BIAS in common/dot4.cl adds to the sums, negative.
PackedConstant packCorrections(const FcShape& s, int tk) {
  return {"fc_direct corrections tk" + std::to_string(tk),
          [s, tk](const std::vector<const HostTensor*>& given) {
            const auto from = given.at(1)->as<std::int8_t>();
            HostTensor packed(DataType::Int32, {roundUp(s.outputs, tk * 16)});
            for (std::int64_t k = 0; k < s.outputs; ++k) {
              std::int32_t sum = 0;
              for (std::int64_t i = 0; i < s.inputs; ++i) sum += from[k * s.inputs + i];
              packed.as<std::int32_t>()[k] = -128 * sum;
            }
            return packed;
          }};
}

class FcDirect final : public KernelFamily {
 public:
  FcDirect(const char* name, bool codes) : name_(name), codes_(codes) {}
  FamilyId id() const override { return {name_, 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (!device.isCpu()) return Verdict::no("it is written for CPUs");
    if (const auto why = whyNoTiles(device); !codes_ && !why.empty()) return Verdict::no(why);
    for (const int i : {1, kBiasInput, kSlopeInput, kMultiplierArgInput})
      if (op.has(i) && !op.inputs[i].constant)
        return Verdict::no("weights, bias, slope and multipliers must be constants");
    if (const auto why = codes_ ? whyNoQuantEpilogue(op) : whyNoEpilogue(op); !why.empty())
      return Verdict::no(why);
    return allOf({codes_ ? Verdict::yes() : sameFloatType(op, {0, 1, kResidualInput}), allPlanar(op)});
  }

  TacticSpace space(const Problem& p, const DeviceCaps&) const override {
    const FcShape s(p);
    TacticSpace space;
    space.parameters = {{"TM", s.heights()}, {"TK", {1, 2, 3, 4, 8}}, {"ROWS", s.rowCounts()}};
    if (!s.codes) space.parameters.push_back({"PANEL", {256, 1024, 4096}});
    const std::int64_t most = (s.codes ? 4 : 2) * s.batch;
    space.constraints = {
        {"a tile has more rows than a work-item",
         [](const Tactic& t) { return t.get("TM") <= t.get("ROWS"); }},
        {"a work-item has far more rows than the batch",
         [most](const Tactic& t) { return t.get("ROWS") == 1 || t.get("ROWS") < most; }},
        {"a tile has more outputs than the layer",
         [s](const Tactic& t) { return t.get("TK") == 1 || (t.get("TK") - 1) * 16 < s.outputs; }},
        {"accumulators and weights do not fit 32 vector registers",
         [](const Tactic& t) { return t.get("TM") * t.get("TK") + t.get("TK") + 1 <= 32; }}};
    return space;
  }

  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const FcShape s(p);
    FcTactic t;
    // All rows in one work-item, so that every weight comes from memory once.
    for (const int rows : s.rowCounts())
      if (t.rows < s.batch) t.rows = rows;
    // A wide tile, but enough of them for every core.
    const std::int64_t blocks = ceilDiv(s.outputs, 16), cores = std::max(device.computeUnits, 1);
    for (const int tk : {2, 3, 4, 8})
      if (tk <= (s.batch <= (s.codes ? 2 : 1) ? 8 : s.batch <= 6 ? 4 : 2) && ceilDiv(blocks, tk) >= 4 * cores)
        t.tk = tk;
    // Of the heights that fit, the one that leaves the least surplus.
    std::int64_t least = 0;
    for (const int tm : s.heights()) {
      const std::int64_t time = ceilDiv(s.batch, tm) * (tm * t.tk + 2 + t.tk);
      if (tm > t.rows || tm * t.tk + t.tk + 1 > 32 || (least > 0 && time >= least)) continue;
      least = time;
      t.tm = tm;
    }
    Tactic tactic = toTactic(t);
    if (!s.codes) tactic.set("PANEL", 1024);
    return tactic;
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<FcTactic>(tactic);
    const FcShape s(p);
    const std::int64_t panel = s.codes ? s.steps : tactic.get("PANEL");
    Launch launch;
    if (s.codes)
      launch.packed = {packWeights<std::int8_t>(s, t.tk), packCorrections(s, t.tk)};
    else
      launch.packed = {inStorage(p.inputs[1].type, packWeights<float>(s, t.tk))};
    KernelCall call{.source = "fc_direct/fc_direct.cl", .entry = "fc_direct"};
    addDefine(call.defines, "T_TM", t.tm);
    addDefine(call.defines, "T_TK", t.tk);
    addDefine(call.defines, "P_ROWS", panel < s.steps ? roundUp(t.rows, t.tm) : t.tm);
    addFinishDefines(call.defines, p, device);
    setItems(call, {ceilDiv(s.outputs, t.tk * 16), ceilDiv(s.batch, t.rows)});
    call.args = {KernelArg::input(0)};
    for (std::size_t i = 0; i < launch.packed.size(); ++i)
      call.args.push_back(KernelArg::packed(static_cast<int>(i)));
    addFinishArgs(launch, call.args, p);
    call.args.push_back(KernelArg::output(0));
    addPlaces(call.args, p);
    addInts(call.args, {s.batch, s.inputs, s.outputs, std::int64_t{t.rows}, panel});
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const FcShape s(p);
    cost.operations = 2.0 * static_cast<double>(s.batch * s.inputs * s.outputs);
    cost.efficiency = s.codes ? 2.4 : 0.7;  // of f32 multiply-adds
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    const auto fc = [](Shape x, std::int64_t outputs, bool residual, Attributes attrs = {}) {
      std::vector<TensorDesc> inputs{f32(x), f32({outputs, elementCount(x) / x[0]}), f32({outputs})};
      if (residual) inputs.push_back(f32({x[0], outputs}));
      return makeSample("FullyConnected", std::move(attrs), inputs, {}, {false, true, true});
    };
    std::vector<OpInstance> samples{fc({1, 300}, 70, false), fc({67, 1100}, 200, true),
                                    fc({9, 4, 3, 5}, 10, false, {{"activation", "Relu"}})};
    if (codes_) return quantisedSamples("QFullyConnected", samples);
    samples.push_back(fc({5, 33}, 16, true, {{"activation", "Sigmoid"}}));
    return samples;
  }

 private:
  const char* name_;
  bool codes_;
};

}  // namespace

void addFamilies_fc_direct(FamilyList& list) {
  list.add<FcDirect>({"FullyConnected"}, "fc_direct", false);
  list.add<FcDirect>({"QFullyConnected"}, "q_fc_direct", true);
}

}  // namespace tessera
