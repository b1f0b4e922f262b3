// Rewriting a float graph into a quantised one, as the plan says.
#include "lower/int8_rewriter.hpp"

#include <algorithm>
#include <cmath>

#include "graph/network_hash.hpp"
#include "lower/explicit_codes.hpp"
#include "lower/nonnegative.hpp"
#include "ops/ordered.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

class Rewriter {
 public:
  Rewriter(const Graph& from, const Calibration& calibration, const Int8Plan& plan)
      : from_(from),
        calibration_(calibration),
        plan_(plan),
        floats_(from.tensors().size(), kNoTensor),
        codes_(from.tensors().size(), kNoTensor) {
    findEncoded();
  }

  Int8Graph run(std::vector<LayerPrecision>& layers) {
    to_.name = from_.name;
    for (const TensorId id : from_.inputs()) {
      const auto& t = from_.tensor(id);
      floats_[id] = to_.addInput(t.name, t.type, t.shape);
    }
    std::vector<int> sources;
    for (std::size_t i = 0; i < from_.layers().size(); ++i) {
      rewrite(from_.layers()[i], plan_.roles[i]);
      sources.resize(to_.layers().size(), static_cast<int>(i));
      if (layers.at(i).precision == Precision::Int8) report(i, layers[i]);
    }
    for (const TensorId id : from_.outputs()) to_.markOutput(asFloat(id));
    sources.resize(to_.layers().size(), -1);
    to_.verify();
    return {std::move(to_), std::move(sources)};
  }

 private:
  // What the layer that was rewritten last, the i-th of the source, runs in.
  void report(std::size_t i, LayerPrecision& said) const {
    const Layer& layer = from_.layers()[i];
    const Int8Role role = plan_.roles[i];
    const bool model = role == Int8Role::Encode || role == Int8Role::Decode;
    const bool int8 = model || traitsOf(to_.layers().back().op).quantised() ||
                      (!layer.outputs.empty() && plan_.coded[layer.outputs[0]]);
    said.precision = int8 ? Precision::Int8 : Precision::Fp32;
    said.reason = plan_.reasons[i];
    if (plan_.wideWeights.count(layer.name)) {
      said.precision = Precision::Fp32;
      said.reason = "its weights' codes go beyond -127..127: exact sums of integers in f32";
      return;
    }
    if (said.reason.empty())
      said.reason =
          int8 ? "integer kernel" : "no integer kernel for " + layer.op + ", or its neighbours want floats";
  }

  void rewrite(const Layer& layer, Int8Role role) {
    const TensorId first = layer.outputs[0];
    switch (role) {
      case Int8Role::Compute:
        return plan_.wideWeights.count(layer.name) ? computeWide(layer) : compute(layer);
      case Int8Role::Pointwise:
        if (anyCoded(layer) || givesBoth(layer) || writesCodes(first)) return pointwise(layer);
        break;
      case Int8Role::Average:
        if (plan_.coded[layer.inputs[0]] || writesCodes(first)) return average(layer);
        break;
      case Int8Role::Moving:
        if (plan_.coded[first] && plan_.zero(first) != 0 && asChain(from_, layer)) return pointwise(layer);
        if (plan_.coded[first]) return copy(layer, true);
        break;
      case Int8Role::Encode:
        return encodeLayer(layer);
      case Int8Role::Decode:
        codes_[first] = floats_[layer.inputs[0]];
        return;
      case Int8Role::Float:
        break;
    }
    copy(layer, false);
  }

  // Results that only one of the model's own encodes reads: their layer writes the codes itself.
  void findEncoded() {
    for (std::size_t i = 0; i < from_.layers().size(); ++i) {
      if (plan_.roles[i] != Int8Role::Encode) continue;
      const TensorId x = from_.layers()[i].inputs[0];
      const int producer = from_.producer(x);
      if (producer < 0 || plan_.coded[x] || from_.isOutput(x) || from_.consumers(x).size() != 1) continue;
      const Layer& layer = from_.layers()[producer];
      const Int8Role role = plan_.roles[producer];
      if ((role == Int8Role::Compute && exactActivation(layer.attrs.string("activation"))) ||
          (role == Int8Role::Pointwise && !givesBoth(layer)) ||
          (role == Int8Role::Average && plan_.coded[layer.inputs[0]]))
        encoded_[x] = {from_.layers()[i].attrs.number("rate"), from_.layers()[i].attrs.integer("zero")};
    }
  }

  bool writesCodes(TensorId id) const { return plan_.coded[id] || encoded_.count(id); }
  // How codes of a tensor are made, as attributes of the layer that makes them.
  void setEncoding(Attributes& attrs, TensorId id) const {
    const auto found = encoded_.find(id);
    const Encoded made = found != encoded_.end()
                             ? found->second
                             : Encoded{static_cast<double>(inverseScale(scaleOf(id))), plan_.zero(id)};
    attrs.set("rate", made.rate);
    setZero(attrs, "zero", made.zero);
  }
  // A zero point as an attribute; models whose codes lie around 0 have none.
  void setZero(Attributes& attrs, const char* name, std::int64_t zero) const {
    if (!plan_.zeros.empty()) attrs.set(name, zero);
  }
  void setZeros(Attributes& attrs, const std::vector<std::int64_t>& zeros) const {
    if (!plan_.zeros.empty()) attrs.set("zeros", zeros);
  }

  // Codes that are there already, of the same scale, stay as they are.
  void encodeLayer(const Layer& layer) {
    const TensorId x = layer.inputs[0], codes = layer.outputs[0];
    const double rate = layer.attrs.number("rate");
    const bool plain = plan_.coded[x] && !plan_.channelsDiffer(x);
    const std::int64_t zero = layer.attrs.integer("zero");
    const bool same = plain && static_cast<double>(inverseScale(scaleOf(x))) == rate && plan_.zero(x) == zero;
    if (encoded_.count(x) || (same && codes_[x] != kNoTensor)) {
      floats_[codes] = codes_[x];
      return;
    }
    Attributes attrs{{"expression", std::string()},
                     {"scales", std::vector<double>{plain ? static_cast<double>(scaleOf(x)) : 0.0}},
                     {"rate", rate}};
    setZeros(attrs, {plain ? plan_.zero(x) : 0});
    setZero(attrs, "zero", zero);
    floats_[codes] = to_.add("QPointwise", layer.name, {plain ? asCode(x) : asFloat(x)}, attrs, names(layer));
  }

  bool anyCoded(const Layer& layer) const {
    const auto coded = [&](TensorId id) { return id != kNoTensor && plan_.coded[id]; };
    return coded(layer.outputs[0]) || std::any_of(layer.inputs.begin(), layer.inputs.end(), coded);
  }

  // Whether a pointwise layer's result stays floats for some readers while others compute on its codes. One
  // kernel can write both where operands lie like the result or hold one value per channel.
  bool givesBoth(const Layer& layer) const {
    const TensorId out = layer.outputs[0];
    const Shape& shape = from_.tensor(out).shape;
    if (plan_.coded[out] || shape.size() < 3) return false;
    const auto fits = [&](TensorId id) {
      if (id == kNoTensor) return true;
      const auto& t = from_.tensor(id);
      Shape channel{shape[1]};
      channel.resize(shape.size() - 1, 1);
      Shape whole = channel;
      whole.insert(whole.begin(), 1);
      return elementCount(t.shape) == 1 || t.shape == shape || t.shape == channel || t.shape == whole ||
             (layer.op == "Scale" && t.shape == Shape{shape[1]});
    };
    if (!std::all_of(layer.inputs.begin(), layer.inputs.end(), fits)) return false;
    for (const int reader : from_.consumers(out))
      if (plan_.roles[reader] == Int8Role::Compute && from_.layers()[reader].inputs[0] == out) return true;
    return false;
  }

  // The same operator; on codes where `coded`.
  void copy(const Layer& layer, bool coded) {
    std::vector<TensorId> inputs;
    for (const TensorId id : layer.inputs)
      inputs.push_back(id == kNoTensor                           ? kNoTensor
                       : coded && !from_.tensor(id).isConstant() ? asCode(id)
                                                                 : asFloat(id));
    Attributes attrs = layer.attrs;
    if (coded && layer.op == "Pad" && plan_.zero(layer.outputs[0]) != 0)  // with what stands for 0
      attrs.set("value", static_cast<double>(plan_.zero(layer.outputs[0])));
    const Layer added = to_.addLayer(layer.op, layer.name, inputs, attrs, names(layer));
    for (std::size_t i = 0; i < layer.outputs.size(); ++i)
      (coded ? codes_ : floats_)[layer.outputs[i]] = added.outputs[i];
  }

  void compute(const Layer& layer) {
    const TensorId x = layer.inputs[0], out = layer.outputs[0];
    const CodedWeights weights = weightCodesOf(from_, layer, plan_);
    const float inputScale = scaleOf(x);
    const auto written = plan_.channels.find(out);
    std::vector<float> multipliers;
    for (std::size_t k = 0; k < weights.scales.size(); ++k)
      multipliers.push_back(
          written == plan_.channels.end()
              ? combinedScale(inputScale, weights.scales[k])
              : static_cast<float>(static_cast<double>(inputScale) * static_cast<double>(weights.scales[k]) /
                                   static_cast<double>(written->second.factor[k])));
    const auto channels = static_cast<std::int64_t>(multipliers.size());

    std::vector<TensorId> inputs(kMultiplierInput + 1, kNoTensor);
    inputs[0] = asCode(x);
    inputs[1] = to_.addConstant(from_.tensor(layer.inputs[1]).name, weights.codes);
    inputs[2] = biasOf(layer, weights);
    Attributes attrs = layer.attrs;
    attrs.erase(std::string(kOrdered));  // sums of codes are exact in any order
    if (layer.inputs.size() > 3 && layer.inputs[3] != kNoTensor) {
      const TensorId residual = layer.inputs[3];
      inputs[3] = plan_.coded[residual] ? asCode(residual) : asFloat(residual);
      if (plan_.coded[residual]) {
        attrs.set("residual_scale", static_cast<double>(scaleOf(residual)));
        setZero(attrs, "residual_zero", plan_.zero(residual));
      }
    }
    setZero(attrs, "x_zero", plan_.zero(x));
    if (layer.inputs.size() > 4 && layer.inputs[4] != kNoTensor) inputs[4] = asFloat(layer.inputs[4]);
    inputs[kMultiplierInput] =
        to_.addConstant(layer.name + "/multiplier", HostTensor::of<float>({channels}, multipliers));
    if (writesCodes(out)) setEncoding(attrs, out);
    // Codes with zero points begin at -128.
    if (traitsOf(layer.op).window && plan_.zeros.empty() && neverNegative(to_, inputs[0]))
      attrs.set("nonnegative", std::int64_t{1});

    // An activation that is not exactly rounded runs as a layer of its own, in floating point.
    const std::string activation = attrs.string("activation");
    const bool split = !exactActivation(activation);
    Attributes after;
    if (split)
      for (const char* name : {"alpha", "beta"})
        if (attrs.has(name)) after.set(name, attrs.number(name));
    if (split)
      for (const char* name : {"activation", "alpha", "beta"}) attrs.erase(name);
    TensorId result = to_.add(std::string(traitsOf(layer.op).integerTwin), layer.name, inputs, attrs,
                              {split ? layer.name + "/sum" : from_.tensor(out).name});
    if (split)
      result = to_.add(activation, layer.name + "/" + activation, {result}, after, {from_.tensor(out).name});
    (writesCodes(out) ? codes_ : floats_)[out] = result;
  }

  // The same where the weights' codes go beyond -127..127: sums of codes as integers in f32, which are exact,
  // then the epilogue, step by step as integer kernels have it.
  void computeWide(const Layer& layer) {
    const TensorId x = layer.inputs[0], out = layer.outputs[0];
    const auto& scales = plan_.weightScales.at(layer.name);
    const std::size_t rank = from_.tensor(out).shape.size();
    Shape channel(rank > 1 ? rank - 1 : 1, 1);
    channel[0] = static_cast<std::int64_t>(scales.size());
    const auto perChannelOf = [&](const std::string& name, HostTensor values) {
      values.shape = channel;
      return to_.addConstant(name, std::move(values));
    };
    Attributes decode{{"expression", std::string()}, {"scales", std::vector<double>{1.0}}};
    setZeros(decode, {plan_.zero(x)});
    const TensorId integers =
        to_.add("QPointwise", layer.name + "/integers", {asCode(x)}, decode, {layer.name + "/integers"});
    Attributes attrs = layer.attrs;
    for (const char* name : {"activation", "alpha", "beta"}) attrs.erase(name);
    attrs.set("exact_sums", 1);
    const TensorId weights =
        to_.addConstant(from_.tensor(layer.inputs[1]).name, integerWeights(layer, scales));
    const TensorId sums = to_.add(layer.op, layer.name, {integers, weights}, attrs, {layer.name + "/sums"});

    std::vector<float> multipliers;
    for (const float s : scales) multipliers.push_back(combinedScale(scaleOf(x), s));
    const auto input = [&](std::size_t i) { return i < layer.inputs.size() ? layer.inputs[i] : kNoTensor; };
    std::vector<TensorId> inputs{
        sums, perChannelOf(layer.name + "/multiplier", HostTensor::of<float>(channel, multipliers))};
    std::vector<double> given{0, 0};
    std::vector<std::int64_t> zeros{0, 0};
    PointwiseChain chain;
    ChainOperand y = chain.append("Mul", {ChainOperand::input(0), ChainOperand::input(1)});
    const auto add = [&](TensorId id, double scale, std::int64_t zero) {
      inputs.push_back(id), given.push_back(scale), zeros.push_back(zero);
      return ChainOperand::input(static_cast<int>(inputs.size()) - 1);
    };
    if (const TensorId bias = biasOf(layer, channel[0]); bias != kNoTensor)
      y = chain.append("Add", {y, add(perChannelOf(layer.name + "/bias", *to_.tensor(bias).constant), 0, 0)});
    if (const TensorId r = input(3); r != kNoTensor) {
      const bool coded = plan_.coded[r];
      y = chain.append("Add",
                       {y, add(coded ? asCode(r) : asFloat(r), coded ? static_cast<double>(scaleOf(r)) : 0.0,
                               coded ? plan_.zero(r) : 0)});
    }
    const std::string activation = layer.attrs.string("activation");
    if (activation == "PRelu") {
      const HostTensor& slope = *from_.tensor(input(4)).constant;
      const TensorId id = slope.size() == 1 ? asFloat(input(4)) : perChannelOf(layer.name + "/slope", slope);
      chain.append("PRelu", {y, add(id, 0, 0)});
    } else if (!activation.empty()) {
      chain.append(activation, {y}, layer.attrs);
    }
    Attributes epilogue{{"expression", chain.text()}, {"scales", given}};
    setZeros(epilogue, zeros);
    if (writesCodes(out)) setEncoding(epilogue, out);
    (writesCodes(out) ? codes_ : floats_)[out] =
        to_.add("QPointwise", layer.name + "/epilogue", inputs, epilogue, names(layer));
  }

  HostTensor integerWeights(const Layer& layer, const std::vector<float>& scales) const {
    const WeightAxis axis = weightAxis(layer);
    return weightsAsIntegers(*from_.tensor(layer.inputs[1]).constant, axis.axis, axis.groups, scales);
  }

  TensorId biasOf(const Layer& layer, std::int64_t channels) {
    if (auto corrected = correctedBias(from_, layer, calibration_, channels))
      return to_.addConstant(layer.name + "/bias", std::move(*corrected));
    const TensorId bias = layer.inputs.size() > 2 ? layer.inputs[2] : kNoTensor;
    return bias == kNoTensor ? kNoTensor : asFloat(bias);
  }

  // Where channels differ, with what their offsets come to, in the scale of the output's channel.
  TensorId biasOf(const Layer& layer, const CodedWeights& weights) {
    const auto channels = static_cast<std::int64_t>(weights.scales.size());
    const auto written = plan_.channels.find(layer.outputs[0]);
    const std::vector<double> offsets = offsetsThrough(from_, layer, plan_, weights);
    if (written == plan_.channels.end() && offsets.empty()) return biasOf(layer, channels);
    const TensorId bias = layer.inputs.size() > 2 ? layer.inputs[2] : kNoTensor;
    const auto corrected = correctedBias(from_, layer, calibration_, channels);
    HostTensor sum(DataType::Float32, {channels});
    for (std::int64_t k = 0; k < channels; ++k) {
      double value = bias == kNoTensor ? 0.0 : from_.tensor(bias).constant->number(k);
      if (const auto found = calibration_.biasCorrection.find(layer.name); corrected)
        value += static_cast<double>(found->second[k]);
      if (!offsets.empty()) value += offsets[k];
      if (written != plan_.channels.end()) value /= static_cast<double>(written->second.factor[k]);
      sum.setNumber(k, value);
    }
    return to_.addConstant(layer.name + "/bias", sum);
  }

  void pointwise(const Layer& layer) {
    auto chain = *asChain(from_, layer);
    const TensorId out = layer.outputs[0];
    std::vector<TensorId> inputs;
    std::vector<double> scales;
    std::vector<std::int64_t> zeros;
    for (const TensorId id : layer.inputs) {
      if (id == kNoTensor) continue;
      const bool coded = plan_.coded[id];
      inputs.push_back(coded ? asCode(id) : asFloat(id));
      scales.push_back(coded && !plan_.channelsDiffer(id) ? static_cast<double>(scaleOf(id)) : 0.0);
      zeros.push_back(coded ? plan_.zero(id) : 0);
    }
    // Scale's operands [C] stand for channels: broadcast along axis 1.
    const std::size_t rank = from_.tensor(out).shape.size();
    if (layer.op == "Scale")
      for (std::size_t i = 1; i < inputs.size(); ++i) {
        Shape shape(rank, 1);
        shape[1] = from_.tensor(layer.inputs[i]).shape[0];
        HostTensor reshaped = *from_.tensor(layer.inputs[i]).constant;
        reshaped.shape = shape;
        inputs[i] = to_.addConstant(from_.tensor(layer.inputs[i]).name, std::move(reshaped));
      }
    addChannelScales(layer, chain, inputs, scales);
    Attributes attrs{{"expression", chain.text()}, {"scales", scales}};
    setZeros(attrs, zeros);
    const bool both = givesBoth(layer);
    if (both || writesCodes(out)) setEncoding(attrs, out);
    if (both) {
      attrs.set("both", std::int64_t{1});
      const std::string& name = from_.tensor(out).name;
      const Layer added = to_.addLayer("QPointwise", layer.name, inputs, attrs, {name, name + "/encode"});
      floats_[out] = added.outputs[0], codes_[out] = added.outputs[1];
      return;
    }
    (writesCodes(out) ? codes_ : floats_)[out] =
        to_.add("QPointwise", layer.name, inputs, attrs, names(layer));
  }

  // Codes whose scales differ between channels enter with scale 1, are multiplied by a constant first, and
  // their offsets are added; results lose their offsets and are divided by their factors last.
  void addChannelScales(const Layer& layer, PointwiseChain& chain, std::vector<TensorId>& inputs,
                        std::vector<double>& scales) {
    const auto constant = [&](TensorId id) {
      inputs.push_back(id);
      scales.push_back(0);
      return ChainOperand::input(static_cast<int>(inputs.size()) - 1);
    };
    int at = 0;  // of the chain's inputs; absent ones of the layer do not count
    for (const TensorId id : layer.inputs) {
      if (id == kNoTensor) continue;
      if (plan_.coded[id] && plan_.channelsDiffer(id)) {
        scales[at] = 1;
        if (const TensorId offsets = channelOffsets(id); offsets != kNoTensor)
          shiftInput(chain, at, constant(offsets));
        chain.scaleInput(at, constant(channelScales(id)).index);
      }
      ++at;
    }
    const auto written = plan_.channels.find(layer.outputs[0]);
    if (written == plan_.channels.end()) return;
    const auto append = [&](const char* op, const char* suffix, const std::vector<float>& values) {
      const ChainOperand operand = constant(perChannel(written->first, suffix, values));
      chain.append(op, {ChainOperand::step(static_cast<int>(chain.steps.size()) - 1), operand});
    };
    std::vector<float> offsets, rates;
    for (const float offset : written->second.offset) offsets.push_back(-offset);
    for (const float factor : written->second.factor) rates.push_back(1.0f / factor);
    if (!offsets.empty()) append("Add", "/offsets", offsets);
    append("Mul", "/rates", rates);
  }

  // Puts x`input` + `offset` in the place of x`input`.
  static void shiftInput(PointwiseChain& chain, int input, const ChainOperand& offset) {
    for (ChainStep& step : chain.steps)
      for (ChainOperand& operand : step.operands)
        if (operand.kind == ChainOperand::Kind::Step)
          ++operand.index;
        else if (operand == ChainOperand::input(input))
          operand = ChainOperand::step(0);
    chain.steps.insert(chain.steps.begin(), ChainStep("Add", {ChainOperand::input(input), offset}));
  }

  std::vector<TensorId> partsOf(TensorId id) const {
    const auto found = plan_.members.find(id);
    return found == plan_.members.end() ? std::vector<TensorId>{id} : found->second;
  }

  TensorId channelScales(TensorId id) {
    std::vector<float> scales;
    for (const TensorId part : partsOf(id)) {
      scaleOf(part);
      for (std::int64_t c = 0; c < from_.tensor(part).shape[1]; ++c)
        scales.push_back(plan_.channelScale(part, c));
    }
    return perChannel(id, "/scales", scales);
  }

  TensorId channelOffsets(TensorId id) {
    std::vector<float> offsets;
    bool any = false;
    for (const TensorId part : partsOf(id)) {
      const auto found = plan_.channels.find(part);
      const bool given = found != plan_.channels.end() && !found->second.offset.empty();
      any = any || given;
      for (std::int64_t c = 0; c < from_.tensor(part).shape[1]; ++c)
        offsets.push_back(given ? found->second.offset[c] : 0.0f);
    }
    return any ? perChannel(id, "/zeros", offsets) : kNoTensor;
  }

  // A constant that broadcasts along the channels of a tensor.
  TensorId perChannel(TensorId id, const char* suffix, const std::vector<float>& values) {
    Shape shape(from_.tensor(id).shape.size() - 1, 1);
    shape[0] = static_cast<std::int64_t>(values.size());
    return to_.addConstant(from_.tensor(id).name + suffix, HostTensor::of<float>(shape, values));
  }

  void average(const Layer& layer) {
    const TensorId out = layer.outputs[0];
    Attributes attrs = layer.attrs;
    attrs.erase(std::string(kOrdered));
    const OperatorTraits traits = traitsOf(layer.op);
    if (!traits.window) attrs.set("global", 1);
    attrs.set("scale", static_cast<double>(scaleOf(layer.inputs[0])));
    setZero(attrs, "x_zero", plan_.zero(layer.inputs[0]));
    if (writesCodes(out)) setEncoding(attrs, out);
    (writesCodes(out) ? codes_ : floats_)[out] =
        to_.add(std::string(traits.integerTwin), layer.name, {asCode(layer.inputs[0])}, attrs, names(layer));
  }

  TensorId asFloat(TensorId id) {
    if (floats_[id] != kNoTensor) return floats_[id];
    const auto& t = from_.tensor(id);
    if (t.isConstant()) return floats_[id] = to_.addConstant(t.name, *t.constant);
    if (codes_[id] == kNoTensor)
      throw Error(ErrorCode::Internal, "tensor " + t.name + " is read before it is computed");
    if (plan_.channelsDiffer(id)) {
      std::vector<TensorId> inputs{codes_[id], channelScales(id)};
      std::string expression = "t0=Mul(x0,x1)";
      if (const TensorId offsets = channelOffsets(id); offsets != kNoTensor) {
        inputs.push_back(offsets);
        expression += ";t1=Add(t0,x2)";
      }
      std::vector<double> scales(inputs.size(), 0.0);
      scales[0] = 1;
      return floats_[id] = to_.add("QPointwise", t.name + "/decode", inputs,
                                   {{"expression", expression}, {"scales", scales}});
    }
    Attributes attrs{{"expression", std::string()},
                     {"scales", std::vector<double>{static_cast<double>(scaleOf(id))}}};
    setZeros(attrs, {plan_.zero(id)});
    // Codes of a model's own pair have another name than its result, which may be an output of the network.
    const int producer = from_.producer(id);
    std::vector<std::string> named;
    if (producer >= 0 && plan_.roles[producer] == Int8Role::Decode) named = {t.name};
    return floats_[id] = to_.add("QPointwise", t.name + "/decode", {codes_[id]}, attrs, named);
  }

  TensorId asCode(TensorId id) {
    if (codes_[id] != kNoTensor) return codes_[id];
    Attributes attrs{{"expression", std::string()}, {"scales", std::vector<double>{0.0}}};
    attrs.set("rate", static_cast<double>(inverseScale(scaleOf(id))));
    setZero(attrs, "zero", plan_.zero(id));
    return codes_[id] = to_.add("QPointwise", from_.tensor(id).name + "/encode", {asFloat(id)}, attrs);
  }

  float scaleOf(TensorId id) const {
    const float scale = plan_.readScale(id);
    if (scale > 0) return scale;
    const std::string& name = from_.tensor(id).name;
    throw Error(ErrorCode::BadCache, "the calibration has no scale for tensor '" + name +
                                         "', or one that is not positive and finite");
  }

  std::vector<std::string> names(const Layer& layer) const {
    std::vector<std::string> out;
    for (const TensorId id : layer.outputs) out.push_back(from_.tensor(id).name);
    return out;
  }

  const Graph& from_;
  const Calibration& calibration_;
  const Int8Plan& plan_;
  Graph to_;
  std::vector<TensorId> floats_, codes_;  ///< per tensor of from_: its float and coded form in to_
  struct Encoded {
    double rate;
    std::int64_t zero;
  };
  std::map<TensorId, Encoded> encoded_;  ///< tensors of from_ that exist as such codes only
};

}  // namespace

Int8Graph toInt8(const Graph& optimized, const Calibration& calibration, const Int8Plan& plan,
                 std::vector<LayerPrecision>& layers) {
  return Rewriter(optimized, calibration, plan).run(layers);
}

void requireGraph(const Calibration& calibration, const Graph& imported) {
  const std::uint64_t hash = calibration.graphHash;
  if (hash == 0 || hash == networkHash(imported) || hash == imported.hash()) return;
  std::size_t strange = 0;
  std::string first;
  for (const auto& [tensor, _] : calibration.scales)
    if (imported.findTensor(tensor) == kNoTensor && strange++ == 0) first = tensor;
  throw Error(
      ErrorCode::BadCache,
      "the calibration belongs to another network ('" + calibration.graphName +
          "'): its graph hash differs from that of '" + imported.name + "'; " +
          (strange ? std::to_string(strange) + " of the " + std::to_string(calibration.scales.size()) +
                         " tensors that it has scales for are not in this network, '" + first + "' for one"
                   : "the tensors have the same names, so weights or attributes of layers differ"));
}

}  // namespace tessera
