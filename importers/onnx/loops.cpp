// Loop and Scan, unrolled: the number of iterations is known at import.
#include <algorithm>

#include "importers/onnx/import_graph.hpp"
#include "importers/onnx/tensor_value.hpp"

namespace tessera::onnx {
namespace {

/// The values that iterations give one by one, stacked along a new axis.
class Stack {
 public:
  Stack(std::int64_t axis, bool backward) : axis_(axis), backward_(backward) {}

  void push(Node& node, TensorId value) {
    if (isSequence(value)) node.bad("an iteration gives a sequence where a tensor is stacked");
    values_.push_back(value);
  }

  /// `declared`: what the model says about one value, for a stack of none.
  TensorId joined(Node& node, const tessera_onnx::ValueInfo& declared) {
    if (values_.empty()) return empty(node, declared);
    if (backward_) std::reverse(values_.begin(), values_.end());
    const Shape one = node.shapeOf(values_[0]);  // a copy: adding layers moves the tensors
    const std::int64_t axis = node.axis(axis_, static_cast<std::int64_t>(one.size()) + 1);
    Shape row = one;
    row.insert(row.begin() + axis, 1);
    for (TensorId& value : values_) {
      if (node.shapeOf(value).size() != one.size())
        node.unsupported("its iterations give results of different ranks for '" + declared.name() + "'");
      Shape own = node.shapeOf(value);
      own.insert(own.begin() + axis, 1);
      if (own != row)
        node.unsupported("its iterations give results of different shapes for '" + declared.name() + "'");
      value = node.add("Reshape", {value}, {{"shape", row}}, "row");
    }
    return values_.size() == 1 ? values_[0] : node.add("Concat", values_, {{"axis", axis}}, "rows");
  }

 private:
  TensorId empty(Node& node, const tessera_onnx::ValueInfo& declared) const {
    const auto& type = declared.type().tensor_type();
    Shape shape;
    bool known = type.has_shape() && heldType(type.elem_type()) != DataType::None;
    for (const auto& dim : type.shape().dim()) {
      known &= dim.has_dim_value() && dim.dim_value() >= 0;
      shape.push_back(dim.dim_value());
    }
    if (!known)
      node.unsupported("it has no iterations, and the model does not say what shape '" + declared.name() +
                       "' has");
    const std::int64_t axis = node.axis(axis_, static_cast<std::int64_t>(shape.size()) + 1);
    shape.insert(shape.begin() + axis, 0);
    return node.constantOf(node.allocate(heldType(type.elem_type()), shape), "rows");
  }

  std::int64_t axis_;
  bool backward_;
  std::vector<TensorId> values_;
};

TensorId truth(Node& node, bool value) {
  HostTensor tensor(DataType::Bool, {});
  tensor.setNumber(0, value);
  return node.constantOf(std::move(tensor), "condition");
}

std::int64_t entry(const std::vector<std::int64_t>& list, std::size_t i) {
  return i < list.size() ? list[i] : 0;
}

/// Row `at` of a scan input, its axis dropped.
TensorId rowOf(Node& node, TensorId x, std::int64_t axis, std::int64_t at) {
  Shape sizes = node.shapeOf(x);
  std::vector<std::int64_t> starts(sizes.size(), 0), steps(sizes.size(), 1);
  sizes[static_cast<std::size_t>(axis)] = 1;
  starts[static_cast<std::size_t>(axis)] = at;
  const TensorId row =
      node.add("Slice", {x}, {{"starts", starts}, {"sizes", sizes}, {"steps", steps}}, "slice");
  sizes.erase(sizes.begin() + axis);
  return node.add("Reshape", {row}, {{"shape", sizes}}, "slice");
}

}  // namespace

bool GraphImporter::importControlFlow(Node& node, const Scope& scope, const Opsets& opsets) {
  if (node.type() == "If")
    importIf(node, scope, opsets);
  else if (node.type() == "Loop")
    importLoop(node, scope, opsets);
  else if (node.type() == "Scan")
    importScan(node, scope, opsets);
  else
    return false;
  return true;
}

void GraphImporter::importLoop(Node& node, const Scope& scope, const Opsets& opsets) {
  const tessera_onnx::Graph& body = node.graph("body");
  const std::size_t carried = node.inputCount() < 2 ? 0 : node.inputCount() - 2;
  const auto outputs = static_cast<std::size_t>(body.output_size());
  if (static_cast<std::size_t>(body.input_size()) != carried + 2 || outputs < carried + 1 ||
      node.outputCount() > outputs - 1)
    node.bad("its body has " + std::to_string(body.input_size()) + " inputs and " + std::to_string(outputs) +
             " outputs, which does not fit its " + std::to_string(carried) + " carried values");
  for (std::size_t i = 0; i < 2; ++i)
    if (node.has(i) && isSequence(node.in(i))) node.bad("input " + std::to_string(i) + " is a sequence");
  const bool counted = node.has(0);
  const std::int64_t count = counted ? node.constantInt(0, "number of iterations") : 0;
  bool goesOn = !node.has(1) || node.constantInt(1, "condition") != 0;

  Scope constants;
  constants.outer = &scope;
  constants.inner = true;
  addInitializers(body, constants);
  std::vector<TensorId> values;
  for (std::size_t i = 0; i < carried; ++i) values.push_back(node.in(i + 2));
  std::vector<Stack> stacks(outputs - 1 - carried, Stack(0, false));
  for (std::int64_t i = 0; goesOn && (!counted || i < count); ++i) {
    state_.builder.budget.addLayers(1);
    std::map<std::string, TensorId> given;
    given[body.input(0).name()] = node.constantOf(HostTensor::of<std::int64_t>({}, {i}), "iteration");
    given[body.input(1).name()] = truth(node, true);
    for (std::size_t v = 0; v < carried; ++v) given[body.input(static_cast<int>(v) + 2).name()] = values[v];
    const auto results = importBody(body, constants, std::move(given), opsets);
    if (isSequence(results[0])) node.bad("its condition is a sequence");
    const HostTensor* condition = node.valueOf(results[0]);
    if (!condition)
      node.unsupported("whether it goes on, tensor '" + body.output(0).name() +
                       "' of its body, is computed at run time; loops are unrolled at import: " +
                       state_.builder.howToFix(results[0]));
    if (condition->size() != 1) node.bad("its condition has to be a single value");
    goesOn = condition->number(0) != 0;
    values.assign(results.begin() + 1, results.begin() + 1 + static_cast<std::ptrdiff_t>(carried));
    for (std::size_t s = 0; s < stacks.size(); ++s) stacks[s].push(node, results[1 + carried + s]);
  }
  for (std::size_t i = 0; i < node.outputCount(); ++i)
    if (node.wants(i))
      node.set(i, i < carried ? values[i]
                              : stacks[i - carried].joined(node, body.output(static_cast<int>(i) + 1)));
}

void GraphImporter::importScan(Node& node, const Scope& scope, const Opsets& opsets) {
  const tessera_onnx::Graph& body = node.graph("body");
  const std::int64_t scans = node.integer("num_scan_inputs");
  if (scans < 1 || scans > static_cast<std::int64_t>(node.inputCount()))
    node.bad("num_scan_inputs is out of range");
  const std::size_t carried = node.inputCount() - static_cast<std::size_t>(scans);
  const auto outputs = static_cast<std::size_t>(body.output_size());
  if (static_cast<std::size_t>(body.input_size()) != node.inputCount() || outputs < carried ||
      node.outputCount() > outputs)
    node.bad("its body has " + std::to_string(body.input_size()) + " inputs and " + std::to_string(outputs) +
             " outputs, which does not fit its " + std::to_string(node.inputCount()) + " inputs");
  const auto axes = node.integers("scan_input_axes"), directions = node.integers("scan_input_directions"),
             outputAxes = node.integers("scan_output_axes"),
             outputDirections = node.integers("scan_output_directions");
  std::vector<std::int64_t> axisOf;
  std::int64_t count = -1;
  for (std::size_t s = 0; s < static_cast<std::size_t>(scans); ++s) {
    axisOf.push_back(node.axis(entry(axes, s), node.rank(carried + s)));
    const std::int64_t extent = node.shape(carried + s)[static_cast<std::size_t>(axisOf[s])];
    if (count >= 0 && extent != count) node.bad("its scan inputs differ in length");
    count = extent;
  }

  Scope constants;
  constants.outer = &scope;
  constants.inner = true;
  addInitializers(body, constants);
  std::vector<TensorId> values(node.inputs().begin(),
                               node.inputs().begin() + static_cast<std::ptrdiff_t>(carried));
  std::vector<Stack> stacks;
  for (std::size_t s = 0; s < outputs - carried; ++s)
    stacks.emplace_back(entry(outputAxes, s), entry(outputDirections, s) != 0);
  for (std::int64_t i = 0; i < count; ++i) {
    state_.builder.budget.addLayers(1);
    std::map<std::string, TensorId> given;
    for (std::size_t v = 0; v < carried; ++v) given[body.input(static_cast<int>(v)).name()] = values[v];
    for (std::size_t s = 0; s < static_cast<std::size_t>(scans); ++s)
      given[body.input(static_cast<int>(carried + s)).name()] =
          rowOf(node, node.in(carried + s), axisOf[s], entry(directions, s) != 0 ? count - 1 - i : i);
    const auto results = importBody(body, constants, std::move(given), opsets);
    values.assign(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(carried));
    for (std::size_t s = 0; s < stacks.size(); ++s) stacks[s].push(node, results[carried + s]);
  }
  for (std::size_t i = 0; i < node.outputCount(); ++i)
    if (node.wants(i))
      node.set(i,
               i < carried ? values[i] : stacks[i - carried].joined(node, body.output(static_cast<int>(i))));
}

void addRows_control_flow(RowList& rows) {
  rows.push_back({"If", 1, kNewest, nullptr});
  rows.push_back({"Loop", 1, kNewest, nullptr});
  rows.push_back({"Scan", 9, kNewest, nullptr});  // operator set 8 has batches of sequences
}

}  // namespace tessera::onnx
