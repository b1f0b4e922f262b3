#include "graph/fit_rules.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <set>

namespace tessera {
namespace {

using Values = std::vector<std::int64_t>;  // one number at every shape, of the largest first

// Rules that give one number again; more would say the same.
constexpr std::size_t kMostRules = 8;

class RuleFit {
 public:
  RuleFit(const Graph& largest, const std::vector<Graph>& others) {
    graphs_.push_back(&largest);
    for (const Graph& other : others) graphs_.push_back(&other);
  }

  std::vector<ShapeRule> run() {
    for (std::size_t p = 1; p < graphs_.size(); ++p) compareTensors(*graphs_[p]);
    for (const TensorId id : graphs_[0]->inputs()) earlier_.push_back(id);
    for (layer_ = 0; layer_ < graphs_[0]->layers().size(); ++layer_) {
      fitLayer();
      for (const TensorId id : layerAt(0).outputs) earlier_.push_back(id);
    }
    return std::move(rules_);
  }

 private:
  const Layer& layerAt(std::size_t probe) const { return graphs_[probe]->layers()[layer_]; }

  [[noreturn]] void refuse(const std::string& why) const {
    std::string at;
    for (const Graph* graph : graphs_) {
      at += at.empty() ? "" : ", ";
      for (const TensorId id : graph->inputs())
        at += (id == graph->inputs().front() ? "" : " ") + toString(graph->tensor(id).shape);
    }
    throw Error(ErrorCode::Unsupported, "the shapes of network '" + graphs_[0]->name +
                                            "' can not change (it was looked at with " + at + "): " + why +
                                            "; a narrower range of shapes may help");
  }
  [[noreturn]] void refuseLayer(const std::string& why) const {
    refuse("layer '" + layerAt(0).name + "' (" + layerAt(0).op + ") " + why);
  }

  // Besides shapes of what is computed, all has to be the same.
  void compareTensors(const Graph& other) const {
    const Graph& largest = *graphs_[0];
    const std::size_t layers = std::min(largest.layers().size(), other.layers().size());
    for (std::size_t i = 0; i < layers; ++i) {
      const Layer &a = largest.layers()[i], &b = other.layers()[i];
      if (a.op != b.op || a.name != b.name || a.inputs != b.inputs || a.outputs != b.outputs)
        refuse("from layer '" + a.name + "' (" + a.op + ") on it is another network: there '" + b.name +
               "' (" + b.op + ") stands");
    }
    if (largest.layers().size() != other.layers().size() || largest.inputs() != other.inputs() ||
        largest.outputs() != other.outputs() || largest.tensors().size() != other.tensors().size())
      refuse("it has more layers at some");
    for (TensorId id = 0; id < static_cast<TensorId>(largest.tensors().size()); ++id) {
      const GraphTensor &a = largest.tensor(id), &b = other.tensor(id);
      if (a.type != b.type || a.shape.size() != b.shape.size() || a.isConstant() != b.isConstant())
        refuse("tensor '" + a.name + "' is " + a.desc().text() + " at some, " + b.desc().text() +
               " at others");
      if (a.isConstant() && a.constant != b.constant && !repeats(*a.constant, *b.constant))
        refuse("constant '" + a.name + "' (" + a.desc().text() + ") was computed from the shape");
    }
  }

  // Equal but for how often they repeat their first entries along axes.
  static bool repeats(const HostTensor& a, const HostTensor& b) {
    HostTensor same = a;
    for (std::size_t d = 0; d < a.shape.size(); ++d)
      if (a.shape[d] != b.shape[d]) {
        if (repeated(a, d, a.shape[d]).data != a.data) return false;
        same = repeated(same, d, b.shape[d]);
      }
    return same.data == b.data;
  }

  void fitConstants() {
    for (const TensorId id : layerAt(0).inputs) {
      if (id == kNoTensor || !graphs_[0]->tensor(id).isConstant() || !fitted_.insert(id).second) continue;
      for (std::size_t axis = 0; axis < graphs_[0]->tensor(id).shape.size(); ++axis) {
        const Values values = extents(id, axis);
        if (!varies(values)) continue;
        attribute_.clear();
        constant_ = id;
        if (!fitNumber(values, static_cast<int>(axis)))
          refuse("constant '" + graphs_[0]->tensor(id).name + "' was computed from the shape");
        constant_ = kNoTensor;
      }
    }
  }

  void fitLayer() {
    fitConstants();
    const auto& attributes = layerAt(0).attrs.all();
    for (std::size_t p = 1; p < graphs_.size(); ++p)
      if (layerAt(p).attrs.all().size() != attributes.size()) refuseLayer("has more attributes at some");
    for (const auto& [name, value] : attributes) {
      attribute_ = name;
      bool same = true;
      for (std::size_t p = 1; p < graphs_.size(); ++p) {
        const auto found = layerAt(p).attrs.all().find(name);
        if (found == layerAt(p).attrs.all().end() || found->second.index() != value.index())
          refuseLayer("has '" + name + "' at some only");
        same = same && found->second == value;
      }
      if (!same) fitAttribute(value);
    }
  }

  void fitAttribute(const AttributeValue& value) {
    if (std::holds_alternative<std::int64_t>(value)) {
      Values values;
      for (std::size_t p = 0; p < graphs_.size(); ++p) values.push_back(layerAt(p).attrs.integer(attribute_));
      if (!fitNumber(values, -1)) refuseUnfit(values);
      return;
    }
    const auto* list = std::get_if<Values>(&value);
    if (!list) refuseLayer("has '" + attribute_ + "' by the shape, which is no whole number");
    int rest = -1;
    for (std::size_t i = 0; i < list->size(); ++i) {
      Values values;
      for (std::size_t p = 0; p < graphs_.size(); ++p) {
        const Values entries = layerAt(p).attrs.integers(attribute_);
        if (entries.size() != list->size()) refuseLayer("has a longer '" + attribute_ + "' at some");
        values.push_back(entries[i]);
      }
      if (std::ranges::count(values, values[0]) == static_cast<std::ptrdiff_t>(values.size())) continue;
      if (fitNumber(values, static_cast<int>(i))) continue;
      if (rest >= 0 || !countsElements()) refuseUnfit(values);
      rest = static_cast<int>(i);
    }
    if (rest < 0) return;
    ShapeRule rule;
    rule.layer = static_cast<int>(layer_), rule.attribute = attribute_, rule.entry = rest;
    rules_.push_back(std::move(rule));
  }

  [[noreturn]] void refuseUnfit(const Values& values) const {
    std::string text;
    for (const std::int64_t v : values) text += (text.empty() ? "" : ", ") + std::to_string(v);
    refuseLayer("has '" + attribute_ + "' of " + text + ", which follow no extent");
  }

  // Whether the attribute's numbers multiply to the elements of the layer's input at every shape.
  bool countsElements() const {
    for (std::size_t p = 0; p < graphs_.size(); ++p) {
      const Layer& layer = layerAt(p);
      if (layer.inputs.empty() || layer.inputs[0] == kNoTensor) return false;
      const Values entries = layer.attrs.integers(attribute_);
      std::int64_t product = 1;
      for (const std::int64_t entry : entries)
        if (__builtin_mul_overflow(product, entry, &product)) return false;
      if (product != elementCount(graphs_[p]->tensor(layer.inputs[0]).shape)) return false;
    }
    return true;
  }

  // Adds the rules that give the number again; false where there are none. Own operands and the network's
  // inputs are asked for multiples, earlier tensors for the number itself, own operands at last for
  // differences.
  bool fitNumber(const Values& values, int entry) {
    const std::size_t before = rules_.size();
    std::vector<TensorId> near;
    for (const TensorId id : layerAt(0).inputs)
      if (id != kNoTensor && !graphs_[0]->tensor(id).isConstant() &&
          std::ranges::find(near, id) == near.end())
        near.push_back(id);
    for (const TensorId id : graphs_[0]->inputs())
      if (std::ranges::find(near, id) == near.end()) near.push_back(id);
    const auto add = [&](TensorId id, const auto& relation) {
      const std::size_t rank = graphs_[0]->tensor(id).shape.size();
      for (std::size_t axis = 0; axis < rank && rules_.size() - before < kMostRules; ++axis) {
        auto rule = relation(extents(id, axis));
        if (!rule) continue;
        rule->layer = static_cast<int>(layer_), rule->attribute = attribute_, rule->entry = entry;
        rule->constant = constant_, rule->tensor = id, rule->axis = static_cast<int>(axis);
        rules_.push_back(*rule);
      }
    };
    for (const TensorId id : near) add(id, [&](const Values& e) { return multiple(values, e); });
    const std::size_t own = rules_.size();
    for (auto id = earlier_.rbegin(); id != earlier_.rend() && rules_.size() == own; ++id)
      if (std::ranges::find(near, *id) == near.end())
        add(*id, [&](const Values& e) { return e == values ? std::optional(ShapeRule{}) : std::nullopt; });
    if (rules_.size() == before)
      for (const TensorId id : near) add(id, [&](const Values& e) { return difference(values, e); });
    return rules_.size() > before;
  }

  Values extents(TensorId id, std::size_t axis) const {
    Values extents;
    for (const Graph* graph : graphs_) extents.push_back(graph->tensor(id).shape[axis]);
    return extents;
  }
  static bool varies(const Values& values) {
    return std::ranges::any_of(values, [&](std::int64_t v) { return v != values[0]; });
  }
  static std::optional<ShapeRule> multiple(const Values& values, const Values& extents) {
    if (!varies(extents) || values[0] < 1 || extents[0] < 1) return std::nullopt;
    ShapeRule rule;
    const std::int64_t common = std::gcd(values[0], extents[0]);
    rule.times = values[0] / common, rule.over = extents[0] / common;
    for (std::size_t p = 0; p < values.size(); ++p)
      if (values[p] * rule.over != extents[p] * rule.times) return std::nullopt;
    return rule;
  }
  static std::optional<ShapeRule> difference(const Values& values, const Values& extents) {
    if (!varies(extents)) return std::nullopt;
    ShapeRule rule;
    rule.plus = values[0] - extents[0];
    for (std::size_t p = 0; p < values.size(); ++p)
      if (values[p] - extents[p] != rule.plus) return std::nullopt;
    return rule;
  }

  std::vector<const Graph*> graphs_;
  std::vector<TensorId> earlier_;  ///< inputs, and what layers before this one compute
  std::size_t layer_ = 0;
  std::string attribute_;          ///< that is being fitted,
  TensorId constant_ = kNoTensor;  ///< or constant
  std::set<TensorId> fitted_;      ///< constants
  std::vector<ShapeRule> rules_;
};

}  // namespace

std::vector<ShapeRule> fitRules(const Graph& largest, const std::vector<Graph>& others) {
  return RuleFit(largest, others).run();
}

}  // namespace tessera
