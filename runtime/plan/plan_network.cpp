// Graphs as messages: tensors in the order inputs, constants, results, so that equal graphs give equal bytes.
#include "plan/plan_network.hpp"

#include <algorithm>

#include "plan/plan.pb.h"
#include "plan/plan_plugins.hpp"

namespace tessera {
namespace {

[[noreturn]] void bad(const std::string& reason) { throw Error(ErrorCode::BadCache, reason); }

// Serialising with ordered fields and no maps is stable as it is.
std::string bytesOf(const google::protobuf::MessageLite& message) { return message.SerializeAsString(); }

void put(tessera_plan::Attribute& to, const std::string& name, const AttributeValue& value) {
  to.set_name(name);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) to.set_integer(*integer);
  if (const auto* number = std::get_if<double>(&value)) to.set_number(*number);
  if (const auto* text = std::get_if<std::string>(&value)) to.set_text(*text);
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value))
    to.mutable_integers()->mutable_values()->Add(list->begin(), list->end());
  if (const auto* list = std::get_if<std::vector<double>>(&value))
    to.mutable_numbers()->mutable_values()->Add(list->begin(), list->end());
}

AttributeValue valueOf(const tessera_plan::Attribute& from) {
  switch (from.value_case()) {
    case tessera_plan::Attribute::kInteger:
      return std::int64_t{from.integer()};
    case tessera_plan::Attribute::kNumber:
      return from.number();
    case tessera_plan::Attribute::kText:
      return from.text();
    case tessera_plan::Attribute::kIntegers: {
      const auto& values = from.integers().values();
      return std::vector<std::int64_t>(values.begin(), values.end());
    }
    case tessera_plan::Attribute::kNumbers: {
      const auto& values = from.numbers().values();
      return std::vector<double>(values.begin(), values.end());
    }
    case tessera_plan::Attribute::VALUE_NOT_SET:
      break;
  }
  bad("attribute '" + from.name() + "' has no value");
}

class Writer {
 public:
  explicit Writer(const Plan& plan) : plan_(plan), index_(plan.graph.tensors().size(), -1) {}

  NetworkSections run() {
    const Graph& graph = plan_.graph;
    network_.set_name(plan_.name);
    network_.set_precision(std::string(toString(plan_.precision)));
    network_.set_description(plan_.description);
    for (const TensorId id : graph.inputs()) network_.add_inputs(addTensor(id));
    for (const Layer& layer : graph.layers())
      for (const TensorId id : layer.inputs)
        if (id != kNoTensor && graph.tensor(id).isConstant()) addTensor(id);
    for (const TensorId id : graph.outputs())
      if (graph.tensor(id).isConstant()) addTensor(id);
    for (const Layer& layer : graph.layers()) addLayer(layer);
    for (const TensorId id : graph.outputs()) network_.add_outputs(index_.at(id));
    for (const LayerPrecision& p : plan_.precisions) {
      auto& to = *network_.add_precisions();
      to.set_layer(p.layer), to.set_op(p.op), to.set_reason(p.reason), to.set_multiply_adds(p.multiplyAdds);
      to.set_precision(std::string(toString(p.precision)));
    }
    for (const CountedOutput& c : plan_.counted) {
      auto& to = *network_.add_counted();
      to.set_output(c.output), to.set_axis(c.axis), to.set_count(c.count), to.set_added(c.added);
    }
    addShapes();
    putPlugins(network_, graph);
    return {bytesOf(network_), std::move(constants_)};
  }

 private:
  int addTensor(TensorId id) {
    int& index = index_.at(id);
    if (index >= 0) return index;
    const GraphTensor& t = plan_.graph.tensor(id);
    index = network_.tensors_size();
    auto& to = *network_.add_tensors();
    to.set_name(t.name);
    to.set_type(std::string(toString(t.type)));
    to.mutable_shape()->Add(t.shape.begin(), t.shape.end());
    if (!t.isConstant()) return index;
    to.set_constant(true);
    to.set_offset(constants_.add(t.constant->data));
    return index;
  }

  void addLayer(const Layer& layer) {
    auto& to = *network_.add_layers();
    to.set_op(layer.op);
    to.set_name(layer.name);
    for (const auto& [name, value] : layer.attrs.all()) put(*to.add_attributes(), name, value);
    for (const TensorId id : layer.inputs) to.add_inputs(id == kNoTensor ? -1 : index_.at(id));
    for (const TensorId id : layer.outputs) to.add_outputs(addTensor(id));
  }

  void addShapes() {
    for (const auto& [input, range] : plan_.shapes) {
      auto& to = *network_.add_shapes();
      to.set_input(input);
      to.mutable_min()->Add(range.min.begin(), range.min.end());
      to.mutable_opt()->Add(range.opt.begin(), range.opt.end());
      to.mutable_max()->Add(range.max.begin(), range.max.end());
    }
    for (const ShapeRule& rule : plan_.rules) {
      auto& to = *network_.add_rules();
      to.set_layer(rule.layer), to.set_attribute(rule.attribute), to.set_entry(rule.entry);
      to.set_tensor(rule.tensor == kNoTensor ? -1 : index_.at(rule.tensor)), to.set_axis(rule.axis);
      if (rule.attribute.empty()) to.set_constant(index_.at(rule.constant));
      to.set_times(rule.times), to.set_over(rule.over), to.set_plus(rule.plus);
    }
  }

  const Plan& plan_;
  std::vector<int> index_;  ///< per tensor of the graph: its place in the message; -1: none yet
  tessera_plan::Network network_;
  Pieces constants_;
};

class Reader {
 public:
  Reader(const tessera_plan::Network& network, std::span<const std::byte> constants,
         const std::shared_ptr<const void>& keeper)
      : network_(network), constants_(constants), keeper_(keeper), ids_(network.tensors_size(), kNoTensor) {}

  Graph run() {
    graph_.name = network_.name();
    for (const int index : network_.inputs()) {
      const auto& t = tensor(index);
      if (t.constant()) bad("an input is a constant");
      define(index, graph_.addInput(t.name(), typeOf(t), shapeOf(t)));
    }
    for (int i = 0; i < network_.tensors_size(); ++i)
      if (tensor(i).constant()) define(i, graph_.addConstant(tensor(i).name(), constantOf(tensor(i))));
    for (const auto& layer : network_.layers()) addLayer(layer);
    for (const int index : network_.outputs()) graph_.markOutput(known(index));
    graph_.verify();
    return std::move(graph_);
  }
  /// After run().
  std::vector<ShapeRule> rules() const {
    std::vector<ShapeRule> rules;
    for (const auto& r : network_.rules())
      rules.push_back(
          {r.layer(), r.attribute(), r.entry(), r.attribute().empty() ? known(r.constant()) : kNoTensor,
           r.tensor() == -1 ? kNoTensor : known(r.tensor()), r.axis(), r.times(), r.over(), r.plus()});
    return rules;
  }

 private:
  const tessera_plan::Tensor& tensor(int index) const {
    if (index < 0 || index >= network_.tensors_size()) bad("a tensor is named that is not there");
    return network_.tensors(index);
  }
  TensorId known(int index) const {
    const auto& t = tensor(index);
    if (ids_[index] == kNoTensor) bad("tensor '" + t.name() + "' is read before it is there");
    return ids_[index];
  }
  void define(int index, TensorId id) {
    if (ids_.at(index) != kNoTensor) bad("tensor '" + tensor(index).name() + "' is there twice");
    ids_[index] = id;
  }

  static DataType typeOf(const tessera_plan::Tensor& t) {
    const DataType type = parseDataType(t.type());
    if (type == DataType::None) bad("tensor '" + t.name() + "' has no type");
    return type;
  }
  static Shape shapeOf(const tessera_plan::Tensor& t) {
    Shape shape(t.shape().begin(), t.shape().end());
    if (std::ranges::any_of(shape, [](std::int64_t extent) { return extent < 0; }))
      bad("tensor '" + t.name() + "' has a negative extent");
    elementCount(shape);  // refuses what no memory holds
    return shape;
  }
  HostTensor constantOf(const tessera_plan::Tensor& t) const {
    const Shape shape = shapeOf(t);
    const DataType type = typeOf(t);
    const std::size_t bytes = static_cast<std::size_t>(elementCount(shape)) * byteSize(type);
    if (t.offset() > constants_.size() || bytes > constants_.size() - t.offset())
      bad("constant '" + t.name() + "' lies outside the file's constants");
    if (t.offset() % Pieces::kAlignment != 0) bad("constant '" + t.name() + "' is not aligned");
    return HostTensor::view(type, shape, constants_.subspan(t.offset(), bytes), keeper_);
  }

  void addLayer(const tessera_plan::Layer& from) {
    Attributes attrs;
    for (const auto& attribute : from.attributes()) attrs.set(attribute.name(), valueOf(attribute));
    std::vector<TensorId> inputs;
    for (const int index : from.inputs()) inputs.push_back(index == -1 ? kNoTensor : known(index));
    std::vector<std::string> names;
    for (const int index : from.outputs()) names.push_back(tensor(index).name());
    const Layer layer = graph_.addLayer(from.op(), from.name(), std::move(inputs), std::move(attrs), names);
    if (static_cast<int>(layer.outputs.size()) != from.outputs_size())
      bad("layer '" + from.name() + "' has another number of results than its operator");
    for (int i = 0; i < from.outputs_size(); ++i) {
      const auto& t = tensor(from.outputs(i));
      const GraphTensor& made = graph_.tensor(layer.outputs[i]);
      if (made.type != typeOf(t) || made.shape != shapeOf(t))
        bad("layer '" + from.name() + "' gives '" + t.name() + "' another type or shape than the file says");
      define(from.outputs(i), layer.outputs[i]);
    }
  }

  const tessera_plan::Network& network_;
  std::span<const std::byte> constants_;
  const std::shared_ptr<const void>& keeper_;
  std::vector<TensorId> ids_;  ///< per tensor of the message
  Graph graph_;
};

Plan planOf(const tessera_plan::Network& network, std::span<const std::byte> constants,
            const std::shared_ptr<const void>& keeper) {
  Plan plan;
  plan.name = network.name();
  takePlugins(network);
  plan.precision = parsePrecision(network.precision());
  plan.description = network.description();
  Reader reader(network, constants, keeper);
  plan.graph = reader.run();
  plan.rules = reader.rules();
  for (const auto& range : network.shapes())
    plan.shapes[range.input()] = {{range.min().begin(), range.min().end()},
                                  {range.opt().begin(), range.opt().end()},
                                  {range.max().begin(), range.max().end()}};
  if (!plan.shapes.empty()) GraphFamily(plan.graph, plan.shapes, plan.rules);  // checks them
  for (const auto& p : network.precisions())
    plan.precisions.push_back(
        {p.layer(), p.op(), parsePrecision(p.precision()), p.reason(), p.multiply_adds()});
  for (const auto& c : network.counted()) {
    for (const std::string& name : {c.output(), c.count()})
      if (plan.graph.findTensor(name) == kNoTensor) bad("there is no tensor '" + name + "'");
    if (c.axis() >= plan.graph.tensor(plan.graph.findTensor(c.output())).shape.size())
      bad("'" + c.output() + "' has no axis " + std::to_string(c.axis()));
    plan.counted.push_back({c.output(), c.axis(), c.count(), c.added()});
  }
  return plan;
}

}  // namespace

NetworkSections networkSections(const Plan& plan) { return Writer(plan).run(); }

Plan parseNetwork(std::string_view bytes, std::span<const std::byte> constants,
                  const std::shared_ptr<const void>& keeper) {
  tessera_plan::Network network;
  if (!network.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    bad("its network can not be read");
  try {
    return planOf(network, constants, keeper);
  } catch (const Error& e) {
    std::string why = e.what();
    if (why.ends_with('.')) why.pop_back();  // the reason becomes part of a sentence
    bad(why);  // whatever operators or the graph refuse: the file is not what it claims
  }
}

bool sameNetwork(const Plan& a, const Plan& b) {
  Plan other = b;
  other.description = a.description;  // may be written anew
  const NetworkSections x = networkSections(a), y = networkSections(other);
  return x.network == y.network && x.constants.checksum() == y.constants.checksum();
}

}  // namespace tessera
