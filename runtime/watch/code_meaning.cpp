#include "watch/code_meaning.hpp"

#include <algorithm>

#include "ops/operator.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

std::int64_t channelOf(const HostTensor& tensor, std::int64_t index) {
  if (tensor.shape.size() < 2) return 0;
  std::int64_t inner = 1;
  for (std::size_t i = 2; i < tensor.shape.size(); ++i) inner *= tensor.shape[i];
  return index / std::max<std::int64_t>(inner, 1) % tensor.shape[1];
}

// Values of a constant that the rewrite into INT8 named after a tensor (lower/int8_rewriter.cpp).
std::vector<float> beside(const Graph& graph, const std::string& tensor, const char* suffix) {
  const TensorId id = graph.findTensor(tensor + suffix);
  if (id == kNoTensor || !graph.tensor(id).isConstant() || graph.tensor(id).type != DataType::Float32)
    return {};
  const auto values = graph.tensor(id).constant->as<float>();
  return {values.begin(), values.end()};
}

class Meanings {
 public:
  explicit Meanings(const Graph& graph) : graph_(graph) {}
  std::map<std::string, CodeMeaning> run() {
    for (const Layer& layer : graph_.layers())
      for (const TensorId id : layer.outputs)
        if (graph_.tensor(id).type == DataType::Int8)
          if (CodeMeaning meaning{scalesOf(layer, graph_.tensor(id))}; !meaning.scales.empty())
            meanings_[graph_.tensor(id).name] = std::move(meaning);
    return std::move(meanings_);
  }

 private:
  std::vector<float> scalesOf(const Layer& layer, const GraphTensor& tensor) const {
    const std::string name = sourceName(tensor.name);
    if (auto scales = beside(graph_, name, "/scales"); !scales.empty()) return scales;
    const double rate = layer.attrs.has("rate") ? layer.attrs.number("rate") : 0;
    if (rate > 0) {
      std::vector<float> scales = beside(graph_, name, "/rates");  // a power of two before the rate
      if (scales.empty()) scales = {1};
      for (float& scale : scales) scale = static_cast<float>(1 / (rate * static_cast<double>(scale)));
      return scales;
    }
    if (operatorNamed(layer.op).traits().quantised()) return {};
    return moved(layer, tensor);
  }

  // Operators that move codes keep their meaning, channel by channel.
  std::vector<float> moved(const Layer& layer, const GraphTensor& tensor) const {
    std::vector<float> all;
    bool single = true;
    for (const TensorId id : layer.inputs) {
      if (id == kNoTensor || graph_.tensor(id).type != DataType::Int8 || graph_.tensor(id).isConstant())
        continue;
      const auto known = meanings_.find(graph_.tensor(id).name);
      if (known == meanings_.end()) return {};
      const auto& scales = known->second.scales;
      single = single && scales.size() == 1 && (all.empty() || all[0] == scales[0]);
      if (scales.size() > 1)
        all.insert(all.end(), scales.begin(), scales.end());
      else
        all.resize(all.size() + (graph_.tensor(id).shape.size() > 1 ? graph_.tensor(id).shape[1] : 1),
                   scales[0]);
    }
    if (all.empty() || single) return all.empty() ? all : std::vector<float>{all[0]};
    const bool channels = tensor.shape.size() > 1 && tensor.shape[1] == static_cast<std::int64_t>(all.size());
    return channels ? all : std::vector<float>();
  }

  const Graph& graph_;
  std::map<std::string, CodeMeaning> meanings_;
};

}  // namespace

HostTensor CodeMeaning::decode(const HostTensor& codes) const {
  HostTensor numbers(DataType::Float32, codes.shape);
  const auto from = codes.as<std::int8_t>();
  auto to = numbers.as<float>();
  for (std::int64_t i = 0; i < codes.size(); ++i)
    to[i] = static_cast<float>(from[i]) *
            (scales.size() == 1 ? scales[0] : scales.at(static_cast<std::size_t>(channelOf(codes, i))));
  return numbers;
}

HostTensor CodeMeaning::encode(const HostTensor& numbers) const {
  HostTensor codes(DataType::Int8, numbers.shape);
  const auto from = numbers.as<float>();
  auto to = codes.as<std::int8_t>();
  for (std::int64_t i = 0; i < numbers.size(); ++i)
    to[i] = tessera::encode(
        from[i],
        inverseScale(scales.size() == 1 ? scales[0]
                                        : scales.at(static_cast<std::size_t>(channelOf(numbers, i)))));
  return codes;
}

std::map<std::string, CodeMeaning> codeMeanings(const Graph& graph) { return Meanings(graph).run(); }

std::string sourceName(const std::string& tensor) {
  for (const char* suffix : {"/encode:0", "/decode:0", "/encode", "/half", "/float"})
    if (tensor.ends_with(suffix))
      return tensor.substr(0, tensor.size() - std::char_traits<char>::length(suffix));
  return tensor;
}

}  // namespace tessera
