// Rewriting a float graph into a quantised one, as the plan says.
#include "lower/int8_rewriter.hpp"

#include <algorithm>

#include "graph/network_hash.hpp"
#include "lower/int8_compute.hpp"
#include "lower/int8_tensors.hpp"
#include "ops/ordered.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

class Rewriter {
 public:
  Rewriter(const Graph& from, const Calibration& calibration, const Int8Plan& plan)
      : from_(from), plan_(plan), tensors_(from, plan), compute_(tensors_, calibration) {
    findEncoded();
  }

  Int8Graph run(std::vector<LayerPrecision>& layers) {
    Graph& to = tensors_.to();
    std::vector<int> sources;
    for (std::size_t i = 0; i < from_.layers().size(); ++i) {
      rewrite(from_.layers()[i], plan_.roles[i]);
      sources.resize(to.layers().size(), static_cast<int>(i));
      if (layers.at(i).precision == Precision::Int8) report(i, layers[i]);
    }
    for (const TensorId id : from_.outputs()) to.markOutput(tensors_.asFloat(id));
    sources.resize(to.layers().size(), -1);
    to.verify();
    return {std::move(to), std::move(sources)};
  }

 private:
  // What the layer that was rewritten last, the i-th of the source, runs in.
  void report(std::size_t i, LayerPrecision& said) const {
    const Layer& layer = from_.layers()[i];
    const Int8Role role = plan_.roles[i];
    const bool model = role == Int8Role::Encode || role == Int8Role::Decode;
    const bool int8 = model || traitsOf(tensors_.to().layers().back().op).quantised() ||
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
        return compute_.rewrite(layer);
      case Int8Role::Pointwise:
        if (anyCoded(layer) || givesBoth(layer) || tensors_.writesCodes(first)) return pointwise(layer);
        break;
      case Int8Role::Average:
        if (plan_.coded[layer.inputs[0]] || tensors_.writesCodes(first)) return average(layer);
        break;
      case Int8Role::Moving:
        if (plan_.coded[first] && plan_.zero(first) != 0 && asChain(from_, layer)) return pointwise(layer);
        if (plan_.coded[first]) return copy(layer, true);
        break;
      case Int8Role::Encode:
        return encodeLayer(layer);
      case Int8Role::Decode:
        return tensors_.setCode(first, tensors_.asFloat(layer.inputs[0]));
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
        tensors_.encodeAs(x, from_.layers()[i].attrs.number("rate"), from_.layers()[i].attrs.integer("zero"));
    }
  }

  // Codes that are there already, of the same scale, stay as they are.
  void encodeLayer(const Layer& layer) {
    const TensorId x = layer.inputs[0], codes = layer.outputs[0];
    const double rate = layer.attrs.number("rate");
    const bool plain = plan_.coded[x] && !plan_.channelsDiffer(x);
    const std::int64_t zero = layer.attrs.integer("zero");
    const bool same =
        plain && static_cast<double>(inverseScale(tensors_.scaleOf(x))) == rate && plan_.zero(x) == zero;
    // What the model computes with are the codes themselves.
    if (tensors_.isEncoded(x) || (same && tensors_.hasCode(x)))
      return tensors_.setFloat(codes, tensors_.asCode(x));
    Attributes attrs{{"expression", std::string()},
                     {"scales", std::vector<double>{plain ? static_cast<double>(tensors_.scaleOf(x)) : 0.0}},
                     {"rate", rate}};
    tensors_.setZeros(attrs, {plain ? plan_.zero(x) : 0});
    tensors_.setZero(attrs, "zero", zero);
    const TensorId from = plain ? tensors_.asCode(x) : tensors_.asFloat(x);
    tensors_.setFloat(codes,
                      tensors_.to().add("QPointwise", layer.name, {from}, attrs, tensors_.names(layer)));
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
                       : coded && !from_.tensor(id).isConstant() ? tensors_.asCode(id)
                                                                 : tensors_.asFloat(id));
    Attributes attrs = layer.attrs;
    if (coded && layer.op == "Pad" && plan_.zero(layer.outputs[0]) != 0)  // with what stands for 0
      attrs.set("value", static_cast<double>(plan_.zero(layer.outputs[0])));
    const Layer added = tensors_.to().addLayer(layer.op, layer.name, inputs, attrs, tensors_.names(layer));
    for (std::size_t i = 0; i < layer.outputs.size(); ++i)
      coded ? tensors_.setCode(layer.outputs[i], added.outputs[i])
            : tensors_.setFloat(layer.outputs[i], added.outputs[i]);
  }

  void pointwise(const Layer& layer) {
    auto chain = *asChain(from_, layer);
    const TensorId out = layer.outputs[0];
    std::vector<TensorId> inputs;
    std::vector<double> scales;
    std::vector<std::int64_t> zeros;
    for (const TensorId id : layer.inputs) {
      if (id == kNoTensor) continue;
      inputs.push_back(tensors_.asStored(id));
      scales.push_back(tensors_.scaleInChain(id));
      zeros.push_back(plan_.coded[id] ? plan_.zero(id) : 0);
    }
    // Scale's operands [C] stand for channels: broadcast along axis 1.
    const std::size_t rank = from_.tensor(out).shape.size();
    if (layer.op == "Scale")
      for (std::size_t i = 1; i < inputs.size(); ++i) {
        Shape shape(rank, 1);
        shape[1] = from_.tensor(layer.inputs[i]).shape[0];
        HostTensor reshaped = *from_.tensor(layer.inputs[i]).constant;
        reshaped.shape = shape;
        inputs[i] = tensors_.to().addConstant(from_.tensor(layer.inputs[i]).name, std::move(reshaped));
      }
    addChannelScales(layer, chain, inputs, scales);
    zeros.resize(inputs.size(), 0);
    Attributes attrs{{"expression", chain.text()}, {"scales", scales}};
    tensors_.setZeros(attrs, zeros);
    const bool both = givesBoth(layer);
    if (both || tensors_.writesCodes(out)) tensors_.setEncoding(attrs, out);
    if (both) {
      attrs.set("both", std::int64_t{1});
      const std::string& name = from_.tensor(out).name;
      const Layer added =
          tensors_.to().addLayer("QPointwise", layer.name, inputs, attrs, {name, name + "/encode"});
      tensors_.setFloat(out, added.outputs[0]);
      return tensors_.setCode(out, added.outputs[1]);
    }
    tensors_.setResult(out,
                       tensors_.to().add("QPointwise", layer.name, inputs, attrs, tensors_.names(layer)));
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
        if (const TensorId offsets = tensors_.channelOffsets(id); offsets != kNoTensor)
          shiftInput(chain, at, constant(offsets));
        chain.scaleInput(at, constant(tensors_.channelScales(id)).index);
      }
      ++at;
    }
    const auto written = plan_.channels.find(layer.outputs[0]);
    if (written == plan_.channels.end()) return;
    const auto append = [&](const char* op, const char* suffix, const std::vector<float>& values) {
      const ChainOperand operand = constant(tensors_.perChannel(written->first, suffix, values));
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

  void average(const Layer& layer) {
    const TensorId out = layer.outputs[0];
    Attributes attrs = layer.attrs;
    attrs.erase(kOrdered);  // sums of codes are exact in any order
    const OperatorTraits traits = traitsOf(layer.op);
    if (!traits.window) attrs.set("global", 1);
    attrs.set("scale", static_cast<double>(tensors_.scaleOf(layer.inputs[0])));
    tensors_.setZero(attrs, "x_zero", plan_.zero(layer.inputs[0]));
    if (tensors_.writesCodes(out)) tensors_.setEncoding(attrs, out);
    tensors_.setResult(out,
                       tensors_.to().add(std::string(traits.integerTwin), layer.name,
                                         {tensors_.asCode(layer.inputs[0])}, attrs, tensors_.names(layer)));
  }

  const Graph& from_;
  const Int8Plan& plan_;
  Int8Tensors tensors_;
  Int8Compute compute_;
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
