// Which layers of the source model passes took into which others. Passes do not say it themselves: it follows
// from what is left of the source, by the names that layers and tensors keep.
#include <map>
#include <set>

#include "tessera/profile.hpp"

namespace tessera {
namespace {

class MemberSearch {
 public:
  MemberSearch(const Graph& source, const Graph& optimized) : source_(source) {
    for (const Layer& layer : optimized.layers()) {
      names_.insert(layer.name);
      for (const TensorId id : layer.outputs) makers_.emplace(optimized.tensor(id).name, &layer.name);
    }
  }

  LayerMembers run() const {
    LayerMembers members;
    for (std::size_t i = 0; i < source_.layers().size(); ++i) {
      const Layer& layer = source_.layers()[i];
      if (names_.count(layer.name)) continue;
      if (const std::string* heir = heirOf(static_cast<int>(i))) members[*heir].push_back(layer.name);
    }
    return members;
  }

 private:
  // The layer that is left of a layer of the source itself; null: none.
  const std::string* leftOf(const Layer& layer) const {
    if (const auto name = names_.find(layer.name); name != names_.end()) return &*name;
    for (const TensorId id : layer.outputs)
      if (const auto maker = makers_.find(source_.tensor(id).name); maker != makers_.end())
        return maker->second;
    return nullptr;
  }

  // Whoever computes what the layer computed, else what lies before it (activations, normalisation), else
  // what lies behind. Padding goes into the layer behind it.
  const std::string* heirOf(int index) const {
    const Layer& layer = source_.layers()[static_cast<std::size_t>(index)];
    if (const std::string* left = leftOf(layer)) return left;
    const bool ahead = layer.op == "Pad";
    for (const bool forward : {ahead, !ahead})
      if (const std::string* found = walk(index, forward)) return found;
    return nullptr;
  }

  const std::string* walk(int from, bool forward) const {
    std::set<int> seen{from};
    std::vector<int> open{from};
    for (std::size_t at = 0; at < open.size() && at < kFar; ++at)
      for (const int next : neighbours(open[at], forward)) {
        if (!seen.insert(next).second) continue;
        if (const std::string* left = leftOf(source_.layers()[static_cast<std::size_t>(next)])) return left;
        open.push_back(next);
      }
    return nullptr;
  }

  std::vector<int> neighbours(int index, bool forward) const {
    const Layer& layer = source_.layers()[static_cast<std::size_t>(index)];
    std::vector<int> next;
    if (forward) {
      for (const TensorId id : layer.outputs)
        for (const int reader : source_.consumers(id)) next.push_back(reader);
      return next;
    }
    for (const TensorId id : layer.inputs)
      if (id != kNoTensor)
        if (const int maker = source_.producer(id); maker >= 0) next.push_back(maker);
    return next;
  }

  static constexpr std::size_t kFar = 64;  // layers that are looked at for one
  const Graph& source_;
  std::set<std::string> names_;                       // of layers that are left
  std::map<std::string, const std::string*> makers_;  // by tensor
};

}  // namespace

LayerMembers membersOf(const Graph& source, const Graph& optimized) {
  return MemberSearch(source, optimized).run();
}

}  // namespace tessera
