// A manifest's expressions, parsed once and evaluated for layers.
#include "plugin/manifest_plugin.hpp"

#include <algorithm>
#include <cmath>

#include "clkernels/common/work_size.hpp"
#include "ops/shape_tools.hpp"
#include "plugin/plugin_layer.hpp"

namespace tessera {
namespace {

using Kind = PluginArgument::Kind;

constexpr std::size_t kMostRank = 8;
constexpr const char* kMostItems = "max_group";  ///< DeviceCaps::maxWorkGroup, in sizes of kernels
constexpr const char* kFlat = "i";  ///< place of an element in its tensor; i0, i1, .. along its axes

bool isList(const AttributeValue& value) {
  return std::holds_alternative<std::vector<std::int64_t>>(value) ||
         std::holds_alternative<std::vector<double>>(value);
}

// A text counts as its place among the choices.
double numberOf(const PluginAttribute& declared, const AttributeValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  const auto& text = std::get<std::string>(value);
  return static_cast<double>(std::ranges::find(declared.choices, text) - declared.choices.begin());
}

std::vector<double> listOf(const AttributeValue& value) {
  if (const auto* whole = std::get_if<std::vector<std::int64_t>>(&value))
    return {whole->begin(), whole->end()};
  return std::get<std::vector<double>>(value);
}

void setIndex(ExpressionValues& values, std::size_t first, const Shape& shape, std::int64_t flat) {
  values.index.resize(shape.size());
  values.numbers[first] = static_cast<double>(flat);
  for (std::size_t a = shape.size(); a-- > 0; flat /= shape[a]) values.index[a] = flat % shape[a];
  for (std::size_t a = 0; a < kMostRank; ++a)
    values.numbers[first + 1 + a] = a < shape.size() ? static_cast<double>(values.index[a]) : 0;
}

std::vector<std::size_t> sizesOf(const std::vector<Expression>& expressions, const ExpressionValues& values) {
  std::vector<std::size_t> sizes;
  for (const Expression& expression : expressions) {
    const std::int64_t size = expression.whole(values);
    if (size < 0 || size > kMostElements)
      refuse("the size '" + expression.text() + "' is " + std::to_string(size));
    sizes.push_back(static_cast<std::size_t>(size));
  }
  return sizes;
}

// Every kernel of a file sees every macro, its own value where it has one: they are compiled together.
void shareDefines(std::vector<PluginCall>& calls) {
  std::map<std::string, std::string> all;
  for (const PluginCall& call : calls) all.insert(call.defines.begin(), call.defines.end());
  for (PluginCall& call : calls) {
    std::map<std::string, std::string> own = all;
    for (const auto& [name, value] : call.defines) own[name] = value;
    call.defines.assign(own.begin(), own.end());
  }
}

}  // namespace

/// Parses in the three contexts: of shapes, of kernels, of references.
struct ManifestPlugin::Parser {
  explicit Parser(const Manifest& m) : manifest(m) {
    for (const PluginAttribute& a : m.attributes) {
      (isList(a.fallback) ? shapes.lists : shapes.numbers).push_back(a.name);
    }
    for (const PluginInput& input : m.inputs) shapes.operands.push_back(input.name);
    kernels = references = shapes;
    for (const PluginTunable& tunable : m.tunables) kernels.numbers.push_back(tunable.name);
    kernels.numbers.emplace_back(kMostItems);
    references.numbers.emplace_back(kFlat);
    for (std::size_t a = 0; a < kMostRank; ++a) references.numbers.push_back(kFlat + std::to_string(a));
    references.readable = m.inputs.size();
    for (const ManifestOutput& output : m.outputs)
      kernels.operands.push_back(output.name), references.operands.push_back(output.name);
    checkNames();
  }

  void checkNames() const {
    for (const ExpressionNames* names : {&kernels, &references}) {
      std::vector<std::string> all = names->numbers;
      all.insert(all.end(), names->lists.begin(), names->lists.end());
      all.insert(all.end(), names->operands.begin(), names->operands.end());
      std::ranges::sort(all);
      if (const auto twice = std::ranges::adjacent_find(all); twice != all.end())
        refuse("the name '" + *twice + "' is used twice; i, i0 to i7 and " + kMostItems +
               " have meanings of their own");
      for (const std::string& name : all)
        if (!isIdentifier(name)) refuse("'" + name + "' is no identifier of at most 64 characters");
    }
  }

  std::vector<Expression> all(const std::vector<std::string>& texts, const ExpressionNames& names) const {
    std::vector<Expression> parsed;
    for (const std::string& text : texts) parsed.push_back(Expression::parse(text, names));
    return parsed;
  }
  std::vector<Condition> all(const std::vector<ManifestCondition>& conditions,
                             const ExpressionNames& names) const {
    std::vector<Condition> parsed;
    for (const auto& c : conditions) parsed.push_back({Expression::parse(c.holds, names), c.reason});
    return parsed;
  }

  Output output(const ManifestOutput& from) const {
    Output made{all(from.shape, shapes), std::nullopt, Expression::parse(from.reference, references)};
    if (from.shapeOf.empty()) {
      if (from.shape.size() > kMostRank) refuse("output '" + from.name + "' has more than 8 extents");
      return made;
    }
    const auto it = std::ranges::find(shapes.operands, from.shapeOf);
    if (it == shapes.operands.end())
      refuse("output '" + from.name + "' has the shape of '" + from.shapeOf + "', which is no input");
    made.like = static_cast<std::size_t>(it - shapes.operands.begin());
    return made;
  }

  Argument argument(const ManifestArgument& from, const std::string& entry) const {
    if (from.kind == Kind::Scratch) {
      if (static_cast<std::size_t>(from.index) >= manifest.scratch.size())
        refuse("kernel " + entry + " takes scratch " + std::to_string(from.index) + ", 'scratch' has " +
               std::to_string(manifest.scratch.size()) + " entries");
      return {from.kind, from.index, {}};
    }
    if (from.kind != Kind::Input) return {from.kind, 0, Expression::parse(from.text, kernels)};
    const auto it = std::ranges::find(kernels.operands, from.text);
    if (it == kernels.operands.end())
      refuse("kernel " + entry + " takes '" + from.text +
             "', which is no operand; numbers are written {\"int\": ..}");
    const auto place = static_cast<int>(it - kernels.operands.begin());
    const auto inputs = static_cast<int>(manifest.inputs.size());
    if (place < inputs) return {Kind::Input, place, {}};
    return {Kind::Output, place - inputs, {}};
  }

  Call call(const ManifestCall& from) const {
    if (!isIdentifier(from.entry)) refuse("'" + from.entry + "' can not be a kernel's name");
    Call made{all(from.global, kernels), all(from.local, kernels), {}, {}};
    for (const ManifestArgument& a : from.arguments) made.arguments.push_back(argument(a, from.entry));
    for (const auto& [name, value] : from.defines)
      made.defines.emplace_back(name, argument(value, from.entry));
    return made;
  }

  const Manifest& manifest;
  ExpressionNames shapes, kernels, references;
};

ManifestPlugin::ManifestPlugin(std::string text, std::string source)
    : text_(std::move(text)), source_(std::move(source)), manifest_(parseManifest(text_)) {
  const Parser parser(manifest_);
  conditions_ = parser.all(manifest_.conditions, parser.shapes);
  constraints_ = parser.all(manifest_.constraints, parser.kernels);
  for (const ManifestOutput& output : manifest_.outputs) outputs_.push_back(parser.output(output));
  for (const ManifestCall& call : manifest_.calls) calls_.push_back(parser.call(call));
  scratch_ = parser.all(manifest_.scratch, parser.kernels);
  ExpressionNames layers = parser.references;
  layers.readable = 0;
  if (!manifest_.operations.empty()) operations_ = Expression::parse(manifest_.operations, layers);
}

ExpressionValues ManifestPlugin::valuesOf(const PluginLayer& layer) const {
  ExpressionValues values;
  for (const PluginAttribute& declared : manifest_.attributes) {
    const AttributeValue& value = layer.attributes.all().at(declared.name);
    if (isList(value))
      values.lists.push_back(listOf(value));
    else
      values.numbers.push_back(numberOf(declared, value));
  }
  values.operands = layer.inputs;
  values.operands.insert(values.operands.end(), layer.outputs.begin(), layer.outputs.end());
  return values;
}

ExpressionValues ManifestPlugin::valuesOf(const PluginLayer& layer, const PluginTactic& tactic,
                                          const DeviceCaps& device) const {
  ExpressionValues values = valuesOf(layer);
  for (const PluginTunable& tunable : manifest_.tunables) {
    const auto it = tactic.find(tunable.name);
    values.numbers.push_back(it == tactic.end() ? tunable.fallback : it->second);
  }
  values.numbers.push_back(static_cast<double>(device.maxWorkGroup));
  return values;
}

std::vector<TensorDesc> ManifestPlugin::infer(const PluginLayer& layer) const {
  const ExpressionValues values = valuesOf(layer);
  for (const Condition& condition : conditions_)
    if (condition.holds.value(values) == 0) refuse(condition.reason);
  std::vector<TensorDesc> outputs;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    TensorDesc made{manifest_.outputs[i].type, {}};
    if (outputs_[i].like && !layer.inputs[*outputs_[i].like].present())
      refuse("output '" + manifest_.outputs[i].name + "' has the shape of an input that is absent");
    if (outputs_[i].like)
      made.shape = layer.inputs[*outputs_[i].like].shape;
    else
      for (const std::size_t extent : sizesOf(outputs_[i].shape, values))
        made.shape.push_back(static_cast<std::int64_t>(extent));
    if (made.shape.size() > kMostRank) refuse("more than 8 extents");
    outputs.push_back(std::move(made));
  }
  return outputs;
}

ExpressionValues ManifestPlugin::referenceValues(const PluginLayer& layer) const {
  ExpressionValues values = valuesOf(layer);
  values.numbers.resize(values.numbers.size() + 1 + kMostRank);
  return values;
}

std::vector<double> ManifestPlugin::elements(const PluginLayer& layer, std::span<const HostTensor> inputs,
                                             std::size_t output, std::span<const std::int64_t> indices,
                                             std::int64_t mostSteps) const {
  ExpressionValues values = referenceValues(layer);
  values.tensors = inputs;
  std::vector<double> elements;
  std::int64_t steps = 0;
  for (const std::int64_t i : indices) {
    setIndex(values, values.numbers.size() - 1 - kMostRank, layer.outputs[output].shape, i);
    elements.push_back(outputs_[output].reference.value(values, &steps));
    if (steps > mostSteps) break;
  }
  return elements;
}

void ManifestPlugin::reference(const PluginLayer& layer, std::span<const HostTensor> inputs,
                               std::span<HostTensor> outputs) const {
  constexpr std::int64_t kAtOnce = 4096;
  for (std::size_t o = 0; o < outputs.size(); ++o)
    for (std::int64_t begin = 0; begin < outputs[o].size(); begin += kAtOnce) {
      std::vector<std::int64_t> indices;
      for (std::int64_t i = begin; i < std::min(begin + kAtOnce, outputs[o].size()); ++i)
        indices.push_back(i);
      const auto values = elements(layer, inputs, o, indices);
      for (std::size_t i = 0; i < values.size(); ++i) outputs[o].setNumber(indices[i], values[i]);
    }
}

double ManifestPlugin::operations(const PluginLayer& layer) const {
  if (operations_.empty()) return Plugin::operations(layer);
  const double operations = operations_.value(referenceValues(layer));
  return operations >= 0 ? operations : 0;
}

double ManifestPlugin::referenceWork(const PluginLayer& layer) const {
  double work = 0;
  const ExpressionValues values = referenceValues(layer);
  for (std::size_t o = 0; o < layer.outputs.size() && o < outputs_.size(); ++o)
    work += static_cast<double>(layer.outputs[o].size()) * outputs_[o].reference.estimate(values);
  return work;
}

std::string ManifestPlugin::whyNot(const PluginLayer& layer, const PluginTactic& tactic,
                                   const DeviceCaps& device) const {
  const ExpressionValues values = valuesOf(layer, tactic, device);
  for (const Condition& constraint : constraints_)
    if (constraint.holds.value(values) == 0) return constraint.reason;
  return {};
}

PluginArgument ManifestPlugin::argumentOf(const Argument& argument, const ExpressionValues& values) const {
  switch (argument.kind) {
    case Kind::Int:
      return PluginArgument::ofInt(argument.value.whole(values));
    case Kind::Float:
      return PluginArgument::ofFloat(static_cast<float>(argument.value.value(values)));
    case Kind::Local:
      return PluginArgument::local(argument.value.whole(values));
    default:
      return {argument.kind, argument.index};
  }
}

PluginLaunch ManifestPlugin::launch(const PluginLayer& layer, const PluginTactic& tactic,
                                    const DeviceCaps& device) const {
  const ExpressionValues values = valuesOf(layer, tactic, device);
  PluginLaunch launch;
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    PluginCall call{
        manifest_.calls[i].entry, {}, sizesOf(calls_[i].global, values), sizesOf(calls_[i].local, values)};
    for (const auto& [name, value] : calls_[i].defines) {
      const PluginArgument number = argumentOf(value, values);
      call.defines.emplace_back(
          name, number.kind == Kind::Float ? floatLiteral(number.number) : std::to_string(number.integer));
    }
    for (const Argument& argument : calls_[i].arguments)
      call.arguments.push_back(argumentOf(argument, values));
    launch.calls.push_back(std::move(call));
  }
  shareDefines(launch.calls);
  launch.scratch = sizesOf(scratch_, values);
  return launch;
}

}  // namespace tessera
