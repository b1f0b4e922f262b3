#include "lower/ordered_sums.hpp"

#include "graph/layer_view.hpp"
#include "ops/ordered.hpp"
#include "tessera/error.hpp"

namespace tessera {

void sumInOrder(Graph& graph) {
  constexpr std::size_t kListed = 8;
  std::string names;
  std::size_t count = 0;
  std::vector<OperatorTraits::Bits> bits;
  for (const Layer& layer : graph.layers()) {
    bits.push_back(bitsOf(viewOf(graph, layer)));
    if (bits.back() != OperatorTraits::Bits::Device || count++ >= kListed) continue;
    names += (names.empty() ? "'" : ", '") + layer.name + "' (" + layer.op + ")";
  }
  if (count > 0)
    throw Error(ErrorCode::Unsupported,
                "the results of '" + graph.name + "' can not be the same bits on every device: " + names +
                    (count > kListed ? " and " + std::to_string(count - kListed) + " more layers call"
                     : count > 1     ? " call"
                                     : " calls") +
                    " functions that every device's library computes in its own way");
  auto& layers = graph.editLayers();
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (bits[i] == OperatorTraits::Bits::Ordered) layers[i].attrs.set(std::string(kOrdered), std::int64_t{1});
}

}  // namespace tessera
