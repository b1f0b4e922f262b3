// Attributes and operands of a layer against what its plugin declares.
#include "plugin/plugin_layer.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "ops/shape_tools.hpp"
#include "plugin/manifest_plugin.hpp"

namespace tessera {
namespace {

const char* typeName(const AttributeValue& value) {
  constexpr const char* kNames[] = {"a whole number", "a number", "text", "whole numbers", "numbers"};
  return kNames[value.index()];
}

// Texts stand in tuning records between spaces and commas.
bool isWord(const std::string& text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && text.size() <= 256 && letter(text[0]) && std::ranges::all_of(text, [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

// The value in the declared type: whole numbers serve as numbers, and an empty list is one of anything.
AttributeValue converted(const PluginAttribute& declared, const AttributeValue& value) {
  if (value.index() == declared.fallback.index()) return value;
  if (std::holds_alternative<double>(declared.fallback))
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  const auto* integers = std::get_if<std::vector<std::int64_t>>(&value);
  if (integers && std::holds_alternative<std::vector<double>>(declared.fallback))
    return std::vector<double>(integers->begin(), integers->end());
  refuse("attribute " + declared.name + " is " + typeName(value) + ", it has to be " +
         typeName(declared.fallback));
}

void checkText(const PluginAttribute& declared, const AttributeValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (!text) return;
  if (!declared.choices.empty() && std::ranges::find(declared.choices, *text) == declared.choices.end()) {
    std::string list;
    for (const std::string& choice : declared.choices) list += (list.empty() ? "" : ", ") + choice;
    refuse("attribute " + declared.name + " is '" + *text + "', it has to be one of " + list);
  }
  if (!isWord(*text)) refuse("attribute " + declared.name + " is '" + *text + "', which is no single word");
}

Attributes completed(const Plugin& plugin, const Attributes& attrs) {
  Attributes all;
  for (const PluginAttribute& declared : plugin.attributes()) {
    const auto it = attrs.all().find(declared.name);
    if (it == attrs.all().end() && declared.required) refuse("attribute " + declared.name + " is missing");
    const AttributeValue value =
        it == attrs.all().end() ? declared.fallback : converted(declared, it->second);
    checkText(declared, value);
    all.set(declared.name, value);
  }
  return all;
}

std::vector<TensorDesc> checked(const Plugin& plugin, std::span<const TensorDesc> inputs) {
  const auto declared = plugin.inputs();
  if (inputs.size() > declared.size())
    refuse("it takes " + std::to_string(declared.size()) + " inputs, not " + std::to_string(inputs.size()));
  std::vector<TensorDesc> all(inputs.begin(), inputs.end());
  all.resize(declared.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].present() && !declared[i].optional) refuse("input '" + declared[i].name + "' is missing");
    if (all[i].present() && all[i].type != declared[i].type)
      refuse("input '" + declared[i].name + "' is " + std::string(toString(all[i].type)) +
             ", the plugin takes " + std::string(toString(declared[i].type)));
  }
  return all;
}

// A plugin's own exceptions are reasons, too.
template <class Call>
auto asked(const Plugin& plugin, Call&& call) {
  try {
    return call();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    refuse("plugin " + plugin.name() + ": " + e.what());
  }
}

HostTensor drawn(const TensorDesc& desc, const PluginInput& input, std::mt19937& random) {
  HostTensor value(desc.type, desc.shape);
  const bool whole = desc.type != DataType::Float32;
  const double low = whole ? std::ceil(input.low) : input.low,
               high = whole ? std::floor(input.high) : input.high;
  for (std::int64_t i = 0; i < value.size(); ++i) {
    // Not by a distribution of the library, which may be another elsewhere.
    const double x = low + (high - low) * (static_cast<double>(random()) / 4294967296.0);
    value.setNumber(i, whole ? std::rint(x) : x);
  }
  return value;
}

double workOf(const OpView& view);

class PluginOperator final : public Operator {
 public:
  explicit PluginOperator(std::shared_ptr<const Plugin> plugin)
      : plugin_(std::move(plugin)), name_(plugin_->name()) {
    for (const PluginAttribute& attribute : plugin_->attributes()) attributes_.push_back(attribute.name);
  }
  std::string_view name() const override { return name_; }
  AttributeNames attributes() const override { return {attributes_.begin(), attributes_.end()}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    const PluginLayer layer = pluginLayer(*plugin_, attrs, inputs);
    auto outputs = asked(*plugin_, [&] { return plugin_->infer(layer); });
    for (TensorDesc& output : outputs) {
      if (!output.present()) refuse("plugin " + name_ + " gives an output no type");
      output.layout = {}, output.constant = false;
    }
    if (outputs.empty()) refuse("plugin " + name_ + " has no output");
    return outputs;
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const PluginLayer layer = pluginLayer(*plugin_, view.attrs, view.inputs, view.outputs);
    std::vector<HostTensor> all(inputs.begin(), inputs.end());
    all.resize(layer.inputs.size());
    asked(*plugin_, [&] { plugin_->reference(layer, all, outputs); });
  }
  Tolerance tolerance(const OpView&) const override {
    const PluginTolerance tolerance = plugin_->tolerance();
    return {tolerance.absolute, tolerance.relative};
  }
  // Kernels are written for the type that the plugin declares.
  bool takesHalf(std::size_t) const override { return false; }
  OperatorTraits traits() const override {
    OperatorTraits traits;
    traits.otherWork = workOf;
    traits.bits = [](const OpView&) { return OperatorTraits::Bits::Device; };
    return traits;
  }
  std::vector<OpInstance> samples() const override { return {}; }

  double work(const OpView& view) const {
    const PluginLayer layer = pluginLayer(*plugin_, view.attrs, view.inputs, view.outputs);
    if (const auto* manifest = dynamic_cast<const ManifestPlugin*>(plugin_.get()))
      return manifest->referenceWork(layer);
    return asked(*plugin_, [&] { return plugin_->operations(layer); });
  }

 private:
  std::shared_ptr<const Plugin> plugin_;
  std::string name_;
  std::vector<std::string> attributes_;
};

double workOf(const OpView& view) {
  return dynamic_cast<const PluginOperator&>(operatorNamed(view.op)).work(view);
}

}  // namespace

bool isIdentifier(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && text.size() <= 64 && letter(text[0]) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

PluginLayer pluginLayer(const Plugin& plugin, const Attributes& attrs, std::span<const TensorDesc> inputs,
                        std::span<const TensorDesc> outputs) {
  return {completed(plugin, attrs), checked(plugin, inputs), {outputs.begin(), outputs.end()}};
}

std::vector<HostTensor> drawnInputs(const Plugin& plugin, std::span<const TensorDesc> inputs) {
  std::mt19937 random(1);
  const auto declared = plugin.inputs();
  std::vector<HostTensor> values;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    values.push_back(inputs[i].present() ? drawn(inputs[i], declared.at(i), random) : HostTensor());
  return values;
}

std::unique_ptr<const Operator> pluginOperator(std::shared_ptr<const Plugin> plugin) {
  return std::make_unique<PluginOperator>(std::move(plugin));
}

}  // namespace tessera
