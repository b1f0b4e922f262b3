// Nodes of unknown types by the names that plugins serve.
#include "importers/onnx/plugin.hpp"

#include <algorithm>

#include "importers/onnx/import_graph.hpp"

namespace tessera::onnx {
namespace {

AttributeValue valueOf(const Node& node, const PluginAttribute& declared) {
  const std::string& name = declared.name;
  if (std::holds_alternative<std::int64_t>(declared.fallback)) return node.integer(name);
  if (std::holds_alternative<double>(declared.fallback)) return node.number(name, 0);
  if (std::holds_alternative<std::string>(declared.fallback)) return node.string(name, {});
  if (std::holds_alternative<std::vector<std::int64_t>>(declared.fallback)) return node.integers(name);
  if (node.find(name)->ints_size() > 0) {
    const auto whole = node.integers(name);
    return std::vector<double>(whole.begin(), whole.end());
  }
  return node.numbers(name);
}

Attributes attributesOf(const Node& node, const tessera_onnx::Node& proto, const Plugin& plugin) {
  const auto declared = plugin.attributes();
  Attributes attrs;
  for (const auto& attribute : proto.attribute()) {
    const auto it = std::ranges::find(declared, attribute.name(), &PluginAttribute::name);
    if (it == declared.end()) {
      std::string known;
      for (const PluginAttribute& a : declared) known += (known.empty() ? "" : ", ") + a.name;
      node.unsupported("plugin " + plugin.name() + " has no attribute '" + attribute.name() + "'; it has " +
                       (known.empty() ? "none" : known));
    }
    attrs.set(it->name, valueOf(node, *it));
  }
  return attrs;
}

}  // namespace

std::shared_ptr<const Plugin> pluginFor(const tessera_onnx::Node& node) {
  return tessera::pluginFor(isDefaultDomain(node.domain()) ? "" : node.domain(), node.op_type());
}

void importPlugin(Node& node, const tessera_onnx::Node& proto, const Plugin& plugin) {
  std::vector<TensorId> outputs;
  try {
    outputs = node.addAll(plugin.name(), node.inputs(), attributesOf(node, proto, plugin));
  } catch (const Error& e) {
    // The model may be well: it is another than the plugin is made for.
    if (e.code() != ErrorCode::InvalidArgument) throw;
    throw Error(ErrorCode::Unsupported, "plugin " + plugin.name() + " does not take it: " + e.what());
  }
  if (node.outputCount() > outputs.size())
    node.unsupported("it has " + std::to_string(node.outputCount()) + " outputs, plugin " + plugin.name() +
                     " has " + std::to_string(outputs.size()));
  for (std::size_t i = 0; i < outputs.size(); ++i) node.set(i, outputs[i]);
}

}  // namespace tessera::onnx
