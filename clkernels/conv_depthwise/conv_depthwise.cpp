// conv_depthwise, q_conv_depthwise: one filter per channel over blocks of 16 channels, for CPUs, in f32, half
// storage or INT8.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "clkernels/common/compares_tactics.hpp"
#include "clkernels/common/dot4.hpp"
#include "clkernels/common/finish.hpp"
#include "clkernels/common/image.hpp"
#include "clkernels/common/storage.hpp"

namespace tessera {
namespace {

const std::vector<int> kWidths{1, 2, 4, 7, 8, 14, 16};
constexpr std::int64_t kMostColumns = 256;  // of words, which lie in private memory

/// Outputs of a row in registers; rows a work-item takes.
struct DepthwiseTactic {
  int tx = 8, rows = 1;
  static constexpr auto fields() {
    using T = DepthwiseTactic;
    return std::tuple{Field<T>{"TX", &T::tx}, Field<T>{"ROWS", &T::rows}};
  }
};

// [C / 16][KH][KW][16], then 16 zeros.
template <class T>
PackedConstant packFilters(const Window& w) {
  return {"depthwise", [w](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<T>();
            const std::int64_t taps = w.kernelVolume();
            HostTensor packed(dataTypeOf<T>(), {ceilDiv(w.channels, 16) * taps + 1, 16});
            const auto to = packed.as<T>();
            for (std::int64_t c = 0; c < w.channels; ++c)
              for (std::int64_t tap = 0; tap < taps; ++tap)
                to[(c / 16 * taps + tap) * 16 + c % 16] = from[c * taps + tap];
            return packed;
          }};
}

/// Codes of four rows as words (depthwise_words.cl).
struct Words {
  explicit Words(const Window& w)
      : share(w.stride[1] == w.dilation[1] && w.out[1] > 1 ? 2 : 1),
        groups(ceilDiv(w.kernel[1] + share - 1, 4)),
        columns(w.kernel[2]),
        vectors(share * groups * columns + 1) {}
  std::int64_t share;    ///< output rows that read the same words
  std::int64_t groups;   ///< words of a column of taps
  std::int64_t columns;  ///< of taps
  std::int64_t vectors;  ///< of 16 words, for a block of 16 channels
};

// [C / 16]([share][groups][KW][16] words, then 16 corrections), then 16 zeros: what the bias of 128 in each
// code of the input adds is taken off beforehand, in taps outside the input, too.
PackedConstant packWords(const Window& w) {
  return {"depthwise words", [w](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<std::int8_t>();
            const Words words(w);
            const std::int64_t KH = w.kernel[1], KW = w.kernel[2];
            HostTensor packed(DataType::Int8, {ceilDiv(w.channels, 16) * words.vectors + 1, 64});
            const auto to = packed.as<std::int8_t>();
            for (std::int64_t c = 0; c < w.channels; ++c) {
              std::int8_t* block = &to[c / 16 * words.vectors * 64 + c % 16 * 4];
              std::int32_t sum = 0;
              for (std::int64_t ky = 0; ky < KH; ++ky)
                for (std::int64_t kx = 0; kx < KW; ++kx) {
                  const std::int8_t weight = from[(c * KH + ky) * KW + kx];
                  sum += weight;
                  for (std::int64_t s = 0; s < words.share; ++s)
                    block[((s * words.groups + (ky + s) / 4) * KW + kx) * 64 + (ky + s) % 4] = weight;
                }
              sum *= -128;
              std::memcpy(block + (words.vectors - 1) * 64, &sum, sizeof(sum));
            }
            return packed;
          }};
}

// Of one output row.
double rowTime(const Window& w, int tx) { return static_cast<double>(ceilDiv(w.out[2], tx)) * (tx + 3); }

class ConvDepthwise final : public KernelFamily, public ComparesTactics {
 public:
  ConvDepthwise(std::string_view name, bool codes) : name_(name), codes_(codes) {}
  FamilyId id() const override { return {name_, codes_ ? 2 : 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const Verdict verdict = finishApplies(op, device, codes_); !verdict) return verdict;
    const Window w = windowOf(op);
    if (!w.depthwise() || w.outChannels != w.channels) return Verdict::no("it is not one filter per channel");
    return inBlocksOf16(op);
  }

  int channelBlock(const OpView&, const DeviceCaps&) const override { return 16; }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    TacticSpace space;
    std::vector<int> rows;
    for (int r = leastRows(w, device); r < 2 * w.out[1] && r <= 64; r *= 2) rows.push_back(r);
    space.parameters = {{"TX", kWidths}, {"ROWS", rows}};
    space.constraints = {{"a tile is wider than a row of the output",
                          [w](const Tactic& t) { return t.get("TX") <= w.out[2]; }}};
    return space;
  }

  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    DepthwiseTactic best{.tx = 1};
    double least = 0;
    for (const int tx : kWidths) {
      const double time = rowTime(w, tx);
      if (tx > w.out[2] || (least > 0 && time >= least)) continue;
      least = time;
      best.tx = tx;
    }
    const std::int64_t items = ceilDiv(w.channels, 16) * w.batch * w.out[1];
    best.rows = leastRows(w, device);
    while (best.rows < 64 && best.rows < w.out[1] && best.rows * 32 * device.computeUnits < items)
      best.rows *= 2;
    return toTactic(best);
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<DepthwiseTactic>(tactic);
    const Window w = windowOf(p);
    Launch launch;
    launch.packed = {inWords(w, device) ? packWords(w)
                     : codes_           ? packFilters<std::int8_t>(w)
                                        : inStorage(p.inputs[1].type, packFilters<float>(w))};
    KernelCall call{.source = "conv_depthwise/conv_depthwise.cl", .entry = "conv_depthwise"};
    call.defines = {{"T_TX", std::to_string(t.tx)},
                    {"P_STEP", std::to_string(w.stride[2])},
                    {"P_WORDS", inWords(w, device) ? "1" : "0"}};
    if (inWords(w, device)) {
      const Words words(w);
      addDefine(call.defines, "P_SHARE", words.share);
      addDefine(call.defines, "P_GROUPS", words.groups);
      addDefine(call.defines, "P_SPAN", (t.tx - 1) * w.stride[2] + w.span(2));
    }
    addFinishDefines(call.defines, p, device, false);
    setItems(call, {ceilDiv(w.out[1], t.rows), ceilDiv(w.channels, 16), w.batch});
    call.args = {KernelArg::input(0), KernelArg::packed(0)};
    addFinishArgs(launch, call.args, p);
    call.args.push_back(KernelArg::output(0));
    addPlaces(call.args, p);
    addInts(call.args,
            {w.channels, w.in[1], w.in[2], w.out[1], w.out[2], w.kernel[1], w.kernel[2], w.stride[1],
             w.dilation[1], w.dilation[2], w.padBegin[1], w.padBegin[2], std::int64_t{t.rows}});
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2.0 * static_cast<double>(p.outputs[0].size() * windowOf(p).kernelVolume());
    cost.efficiency = 0.4;
    return cost;
  }

  double expected(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<DepthwiseTactic>(tactic);
    const Window w = windowOf(p);
    const double items = static_cast<double>(ceilDiv(w.out[1], t.rows) * ceilDiv(w.channels, 16) * w.batch);
    const double cores = std::max(device.computeUnits, 1);
    return rowTime(w, t.tx) * t.rows * std::ceil(items / cores) * cores;
  }

  std::vector<OpInstance> samples() const override {
    return codes_ ? quantisedTwins("QConvolution", floatSamples()) : floatSamples();
  }
  static std::vector<OpInstance> floatSamples() {
    using List = std::vector<std::int64_t>;
    const auto conv = [](std::int64_t channels, std::int64_t h, std::int64_t w, List kernel, Attributes attrs,
                         bool residual = false) {
      attrs.set("group", channels);
      std::vector<TensorDesc> inputs{f32({2, channels, h, w}), f32({channels, 1, kernel[0], kernel[1]}),
                                     f32({channels})};
      if (residual) {
        const auto plain = makeSample("Convolution", attrs, inputs, {}, {false, true, true});
        inputs.push_back(f32(plain.view.outputs[0].shape));
      }
      return makeSample("Convolution", std::move(attrs), inputs, {}, {false, true, true});
    };
    return {
        conv(20, 9, 33, {3, 3}, {{"pads", List{1, 1, 1, 1}}, {"activation", "Sigmoid"}}),
        conv(32, 11, 15, {5, 3}, {{"pads", List{2, 0, 1, 2}}, {"strides", List{2, 2}}}, true),
        conv(17, 6, 5, {3, 3}, {{"pads", List{4, 4, 4, 4}}, {"dilations", List{4, 4}}}),
        conv(16, 7, 18, {7, 3}, {{"pads", List{3, 1, 3, 1}}}, true),
        conv(33, 9, 9, {3, 3},
             {{"pads", List{2, 2, 2, 2}}, {"strides", List{2, 1}}, {"dilations", List{2, 1}}}),
    };
  }

 private:
  bool inWords(const Window& w, const DeviceCaps& device) const {
    const bool narrow = (kWidths.back() - 1) * w.stride[2] + w.span(2) <= kMostColumns;
    return codes_ && device.dot4 == Dot4Body::Vnni && narrow;
  }
  int leastRows(const Window& w, const DeviceCaps& device) const {
    return inWords(w, device) ? static_cast<int>(Words(w).share) : 1;
  }

  std::string_view name_;
  bool codes_;
};

}  // namespace

void addFamilies_conv_depthwise(FamilyList& list) {
  list.add<ConvDepthwise>({"Convolution"}, "conv_depthwise", false);
  list.add<ConvDepthwise>({"QConvolution"}, "q_conv_depthwise", true);
}

}  // namespace tessera
