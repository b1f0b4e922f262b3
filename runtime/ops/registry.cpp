// Explicit list of operators (ops.def): a static library would drop static-constructor registrations.
#include <algorithm>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "ops/added_operators.hpp"
#include "ops/operator.hpp"
#include "ops/ordered.hpp"

namespace tessera {

#define TESSERA_OPERATORS(stem) void addOperators_##stem(OperatorList&);
#include "ops/ops.def"
#undef TESSERA_OPERATORS

const std::vector<const Operator*>& allOperators() {
  static const OperatorList list = [] {
    OperatorList all;
#define TESSERA_OPERATORS(stem) addOperators_##stem(all);
#include "ops/ops.def"
#undef TESSERA_OPERATORS
    return all;
  }();
  return list;
}

namespace {
/// Those that came later.
struct Added {
  std::shared_mutex mutex;
  std::map<std::string, std::unique_ptr<const Operator>, std::less<>> byName;
  const Operator* find(std::string_view name) {
    const std::shared_lock lock(mutex);
    const auto it = byName.find(name);
    return it == byName.end() ? nullptr : it->second.get();
  }
};
Added& added() {
  static Added operators;
  return operators;
}
}  // namespace

void addOperator(std::unique_ptr<const Operator> op) {
  const std::string name(op->name());
  if (findOperator(name)) throw Error(ErrorCode::InvalidArgument, "there is an operator named " + name);
  const std::unique_lock lock(added().mutex);
  if (!added().byName.emplace(name, std::move(op)).second)
    throw Error(ErrorCode::InvalidArgument, "there is an operator named " + name);
}

const Operator* findOperator(std::string_view name) {
  static const auto byName = [] {
    std::map<std::string, const Operator*, std::less<>> map;
    for (const Operator* op : allOperators())
      if (!map.emplace(std::string(op->name()), op).second)
        throw Error(ErrorCode::Internal, "operator listed twice: " + std::string(op->name()));
    return map;
  }();
  const auto it = byName.find(name);
  return it == byName.end() ? added().find(name) : it->second;
}

const Operator& operatorNamed(std::string_view name) {
  if (const Operator* op = findOperator(name)) return *op;
  throw Error(ErrorCode::Unsupported, "there is no operator named " + std::string(name));
}

namespace {

std::string knownAttributes(const AttributeNames& names) {
  if (names.empty()) return "has none";
  std::string list;
  for (const auto name : names) list += (list.empty() ? "knows " : ", ") + std::string(name);
  return list;
}

void checkAttribute(const Operator& op, const AttributeNames& known, std::string_view name,
                    const AttributeValue& value) {
  if (std::ranges::find(known, name) == known.end() && !(name == kOrdered && op.traits().bits))
    throw Error(ErrorCode::InvalidArgument, "there is no attribute '" + std::string(name) + "'; " +
                                                std::string(op.name()) + " " + knownAttributes(known));
  const auto wantExtent = [&](std::int64_t number) {
    if (number > kMostElements || number < -kMostElements)
      throw Error(ErrorCode::InvalidArgument, "attribute " + std::string(name) + " holds " +
                                                  std::to_string(number) + ", beyond the size of any tensor");
  };
  if (const auto* number = std::get_if<std::int64_t>(&value)) wantExtent(*number);
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value))
    for (const std::int64_t number : *list) wantExtent(number);
}

}  // namespace

std::vector<TensorDesc> inferOutputs(const Operator& op, const Attributes& attrs,
                                     std::span<const TensorDesc> inputs) {
  const AttributeNames known = op.attributes();
  for (const auto& [name, value] : attrs.all()) checkAttribute(op, known, name, value);
  auto outputs = op.infer(attrs, inputs);
  for (const auto& output : outputs) elementCount(output.shape);
  return outputs;
}

Tolerance toleranceOf(const OpView& view) {
  // Two results that agree in f32 may round to neighbours in half: one unit in its last place of 11 bits, or
  // of the smallest number.
  constexpr double kUnit = 1.0 / 1024, kSmallest = 1.0 / 16777216;
  Tolerance tolerance = operatorNamed(view.op).tolerance(view);
  const auto half = [](const TensorDesc& t) { return t.type == DataType::Float16; };
  if (!std::ranges::any_of(view.outputs, half)) return tolerance;
  if (tolerance.absolute == 0 && tolerance.relative == 0) return tolerance;
  return {tolerance.absolute + kSmallest, tolerance.relative + kUnit};
}

std::optional<OpView> inHalf(const OpView& view) {
  const Operator& op = operatorNamed(view.op);
  OpView half = view;
  bool any = false;
  for (std::size_t i = 0; i < half.inputs.size(); ++i)
    if (half.inputs[i].type == DataType::Float32 && op.takesHalf(i)) {
      half.inputs[i].type = DataType::Float16;
      any = true;
    }
  if (!any) return std::nullopt;
  const auto outputs = inferOutputs(op, half.attrs, half.inputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) half.outputs.at(i).type = outputs[i].type;
  return half;
}

std::string OpView::text() const {
  std::string out = op + "{" + attrs.text() + "}(";
  for (std::size_t i = 0; i < inputs.size(); ++i) out += (i ? "," : "") + inputs[i].text();
  out += ")->(";
  for (std::size_t i = 0; i < outputs.size(); ++i) out += (i ? "," : "") + outputs[i].text();
  return out + ")";
}

OpInstance makeSample(const std::string& op, Attributes attrs, std::vector<TensorDesc> inputs,
                      std::vector<Fill> fills, std::vector<bool> constants) {
  OpInstance sample{{op, std::move(attrs), std::move(inputs), {}}, std::move(fills)};
  for (std::size_t i = 0; i < constants.size() && i < sample.view.inputs.size(); ++i)
    sample.view.inputs[i].constant = constants[i] && sample.view.inputs[i].present();
  sample.view.outputs = inferOutputs(operatorNamed(op), sample.view.attrs, sample.view.inputs);
  return sample;
}

}  // namespace tessera
