// Graphs at other shapes by rules.
#include "graph/graph_family.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "graph/fit_rules.hpp"

namespace tessera {
namespace {

std::string namedLayer(const Layer& layer) { return layer.op + " '" + layer.name + "'"; }

TensorId inputNamed(const Graph& graph, const std::string& name) {
  for (const TensorId id : graph.inputs())
    if (graph.tensor(id).name == name) return id;
  throw Error(ErrorCode::InvalidArgument,
              "network '" + graph.name + "' has no input '" + name + "', whose shape is to change");
}

// What a rule says at the shapes of `graph`; none where it does not divide.
std::optional<std::int64_t> valueOf(const ShapeRule& rule, const Graph& graph) {
  const Shape& shape = graph.tensor(rule.tensor).shape;
  std::int64_t product = 0;
  if (__builtin_mul_overflow(shape.at(static_cast<std::size_t>(rule.axis)), rule.times, &product) ||
      product % rule.over != 0)
    return std::nullopt;
  return product / rule.over + rule.plus;
}

std::int64_t agreedValue(std::span<const ShapeRule> rules, const Graph& graph, const Layer& layer) {
  std::optional<std::int64_t> agreed;
  for (const ShapeRule& rule : rules) {
    const auto value = valueOf(rule, graph);
    if (value && (!agreed || *agreed == *value)) {
      agreed = value;
      continue;
    }
    throw Error(ErrorCode::InvalidArgument,
                namedLayer(layer) + ": what its '" +
                    (rule.attribute.empty() ? graph.tensor(rule.constant).name : rule.attribute) +
                    "' becomes does not follow from the shapes that the network was looked at with; extents "
                    "that are multiples of the network's strides, as those of the profile, would help");
  }
  return *agreed;
}

// As many as make the elements of the layer's first input.
std::int64_t restValue(const ShapeRule& rule, const Graph& graph, const Layer& layer) {
  Shape entries = layer.attrs.integers(rule.attribute);
  entries.erase(entries.begin() + rule.entry);
  const std::int64_t others = elementCount(entries);
  const std::int64_t elements = elementCount(graph.tensor(layer.inputs.at(0)).shape);
  if (others < 1 || elements % others != 0)
    throw Error(ErrorCode::InvalidArgument, namedLayer(layer) + ": " + std::to_string(elements) +
                                                " elements do not make its '" + rule.attribute + "'");
  return elements / others;
}

void setEntry(Layer& layer, const ShapeRule& rule, std::int64_t value) {
  if (rule.entry < 0) {
    layer.attrs.set(rule.attribute, value);
    return;
  }
  auto entries = layer.attrs.integers(rule.attribute);
  entries.at(static_cast<std::size_t>(rule.entry)) = value;
  layer.attrs.set(rule.attribute, std::move(entries));
}

void repeatConstant(Graph& graph, const ShapeRule& rule, std::int64_t extent) {
  GraphTensor& tensor = graph.tensor(rule.constant);
  const auto axis = static_cast<std::size_t>(rule.entry);
  if (tensor.shape.at(axis) == extent) return;
  tensor.constant = std::make_shared<const HostTensor>(repeated(*tensor.constant, axis, extent));
  tensor.shape = tensor.constant->shape;
}

[[noreturn]] void badRule(const std::string& why) {
  throw Error(ErrorCode::InvalidArgument, "a rule of shapes " + why);
}

void checkSubject(const ShapeRule& rule, const Graph& graph, const Layer& layer) {
  if (rule.attribute.empty()) {
    const bool reads = std::ranges::find(layer.inputs, rule.constant) != layer.inputs.end();
    if (rule.constant == kNoTensor || !reads || !graph.tensor(rule.constant).isConstant() || rule.entry < 0 ||
        rule.entry >= static_cast<int>(graph.tensor(rule.constant).shape.size()) || rule.tensor == kNoTensor)
      badRule("names no constant of " + namedLayer(layer));
    return;
  }
  const auto found = layer.attrs.all().find(rule.attribute);
  if (found == layer.attrs.all().end()) badRule("names no attribute of " + namedLayer(layer));
  const auto* list = std::get_if<std::vector<std::int64_t>>(&found->second);
  const bool whole = rule.entry == -1 && std::holds_alternative<std::int64_t>(found->second);
  if (!whole && !(list && rule.entry >= 0 && rule.entry < static_cast<int>(list->size())))
    badRule("names no number of " + namedLayer(layer));
  if (rule.tensor == kNoTensor && (!list || layer.inputs.empty() || layer.inputs[0] == kNoTensor))
    badRule("of " + namedLayer(layer) + " has no elements to count");
}

// Rules come from files, too.
void checkRule(const ShapeRule& rule, const Graph& graph) {
  if (rule.layer < 0 || rule.layer >= static_cast<int>(graph.layers().size())) badRule("names no layer");
  const Layer& layer = graph.layers()[static_cast<std::size_t>(rule.layer)];
  checkSubject(rule, graph, layer);
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  const auto fits = [](std::int64_t number) { return -kMost <= number && number <= kMost; };
  if (rule.over < 1 || !fits(rule.over) || !fits(rule.times) || !fits(rule.plus))
    badRule("of " + namedLayer(layer) + " has numbers out of range");
  if (rule.tensor == kNoTensor) return;
  if (rule.axis < 0 || rule.axis >= static_cast<int>(graph.tensor(rule.tensor).shape.size()))
    badRule("of " + namedLayer(layer) + " names no extent");
  const auto& inputs = graph.inputs();
  const bool known = std::ranges::find(inputs, rule.tensor) != inputs.end() ||
                     (graph.producer(rule.tensor) >= 0 && graph.producer(rule.tensor) < rule.layer);
  if (!known) badRule("of " + namedLayer(layer) + " reads a tensor that comes later");
}

}  // namespace

GraphFamily::GraphFamily(Graph largest, ShapeProfile profile, std::vector<ShapeRule> rules)
    : largest_(std::move(largest)), profile_(std::move(profile)), rules_(std::move(rules)) {
  checkProfile(profile_);
  for (const auto& [name, range] : profile_) {
    const TensorId input = inputNamed(largest_, name);
    if (largest_.tensor(input).shape != range.max)
      throw Error(ErrorCode::InvalidArgument, "input '" + name + "' of network '" + largest_.name + "' is " +
                                                  toString(largest_.tensor(input).shape) +
                                                  ", not the largest of its shapes, " + toString(range.max));
  }
  for (const ShapeRule& rule : rules_) checkRule(rule, largest_);
  std::ranges::stable_sort(rules_, {}, &ShapeRule::layer);
}

GraphFamily GraphFamily::fit(Graph largest, ShapeProfile profile, const std::vector<Graph>& others) {
  std::vector<ShapeRule> rules = fitRules(largest, others);
  GraphFamily family(std::move(largest), std::move(profile), std::move(rules));
  for (const Graph& other : others) {
    InputShapes shapes;
    for (const auto& [name, range] : family.profile_)
      shapes[name] = other.tensor(inputNamed(other, name)).shape;
    if (family.at(shapes).text() != other.text())
      throw Error(ErrorCode::Internal, "the rules of network '" + other.name + "' do not give it again");
  }
  return family;
}

HostTensor repeated(const HostTensor& whole, std::size_t axis, std::int64_t extent) {
  Shape shape = whole.shape;
  const auto before = static_cast<std::size_t>(shape.at(axis)), after = static_cast<std::size_t>(extent);
  shape[axis] = extent;
  HostTensor result(whole.type, shape);
  if (whole.data.empty()) return result;
  std::size_t inner = byteSize(whole.type);
  for (std::size_t d = axis + 1; d < shape.size(); ++d) inner *= static_cast<std::size_t>(shape[d]);
  const std::size_t outer = whole.data.size() / (inner * before);
  for (std::size_t o = 0; o < outer; ++o)
    for (std::size_t i = 0; i < after; ++i)
      std::copy_n(whole.data.data() + o * before * inner, inner,
                  result.data.data() + (o * after + i) * inner);
  return result;
}

void shareConstants(Graph& graph, const Graph& with) {
  const std::size_t count = std::min(graph.tensors().size(), with.tensors().size());
  for (TensorId id = 0; id < static_cast<TensorId>(count); ++id) {
    const GraphTensor& other = with.tensor(id);
    GraphTensor& own = graph.tensor(id);
    if (own.isConstant() && other.isConstant() && own.type == other.type && own.shape == other.shape &&
        own.constant->data == other.constant->data)
      own.constant = other.constant;
  }
}

Graph GraphFamily::at(const InputShapes& shapes) const {
  Graph graph = largest_;
  for (const auto& [name, shape] : shapes) {
    const auto range = profile_.find(name);
    if (range == profile_.end())
      throw Error(ErrorCode::InvalidArgument,
                  "network '" + graph.name + "' was not built for other shapes of '" + name + "'");
    if (!range->second.contains(shape))
      throw Error(ErrorCode::InvalidArgument, "'" + name + "' may be from " + toString(range->second.min) +
                                                  " to " + toString(range->second.max) + ", not " +
                                                  toString(shape));
    graph.tensor(inputNamed(graph, name)).shape = shape;
  }
  auto next = rules_.begin();
  try {
    for (int i = 0; i < static_cast<int>(graph.layers().size()); ++i) {
      apply(graph, i, next);
      graph.reinfer(i);
    }
  } catch (const Error& e) {
    std::string wanted;
    for (const auto& [name, shape] : shapes)
      wanted += (wanted.empty() ? "'" : ", '") + name + "' as " + toString(shape);
    throw Error(ErrorCode::InvalidArgument,
                "network '" + graph.name + "' can not take " + wanted + ": " + e.what());
  }
  return graph;
}

void GraphFamily::apply(Graph& graph, int index, std::vector<ShapeRule>::const_iterator& next) const {
  const ShapeRule* rest = nullptr;
  while (next != rules_.end() && next->layer == index) {
    const auto same = [&](const ShapeRule& r) {
      return r.layer == index && r.attribute == next->attribute && r.entry == next->entry &&
             r.constant == next->constant;
    };
    const auto end = std::find_if_not(next, rules_.end(), same);
    if (next->tensor == kNoTensor) {
      rest = &*next;
    } else {
      const std::int64_t value =
          agreedValue({next, end}, graph, graph.layers()[static_cast<std::size_t>(index)]);
      if (next->attribute.empty())
        repeatConstant(graph, *next, value);
      else
        setEntry(graph.editLayers()[static_cast<std::size_t>(index)], *next, value);
    }
    next = end;
  }
  if (!rest) return;
  const std::int64_t value = restValue(*rest, graph, graph.layers()[static_cast<std::size_t>(index)]);
  setEntry(graph.editLayers()[static_cast<std::size_t>(index)], *rest, value);
}

}  // namespace tessera
