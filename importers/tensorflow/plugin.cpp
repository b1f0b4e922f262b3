// Nodes of unknown types by the names that plugins serve.
#include "importers/tensorflow/plugin.hpp"

#include <algorithm>

namespace tessera::tensorflow {
namespace {

// Types of elements and what TensorFlow notes for itself (_output_shapes) say nothing that operands do not.
bool saysNothing(const std::string& name, const AttributeValue& value) {
  if (name.starts_with('_')) return true;
  const auto* text = std::get_if<std::string>(&value);
  if (!text) return false;
  try {
    parseDataType(*text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

Attributes attributesFor(const Node& node, const Plugin& plugin) {
  const auto declared = plugin.attributes();
  Attributes attrs;
  for (const auto& [name, value] : node.attributes().all()) {
    if (std::ranges::find(declared, name, &PluginAttribute::name) != declared.end())
      attrs.set(name, value);
    else if (!saysNothing(name, value))
      node.unsupported("plugin " + plugin.name() + " has no attribute '" + name + "'");
  }
  return attrs;
}

}  // namespace

void importPlugin(Node& node, const Plugin& plugin) {
  std::vector<TensorId> operands, made;
  for (std::size_t i = 0; i < node.inputCount(); ++i)
    operands.push_back(node.has(i) ? node.in(i) : kNoTensor);
  try {
    made = node.addAll(plugin.name(), std::move(operands), attributesFor(node, plugin));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::InvalidArgument) throw;
    node.unsupported("plugin " + plugin.name() + " does not take it: " + e.what());
  }
  if (node.outputCount() > made.size())
    node.unsupported("it has " + std::to_string(node.outputCount()) + " outputs, plugin " + plugin.name() +
                     " has " + std::to_string(made.size()));
  for (std::size_t i = 0; i < node.outputCount(); ++i) node.set(i, made[i]);
}

}  // namespace tessera::tensorflow
