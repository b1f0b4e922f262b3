#include "plan/plan_plugins.hpp"

#include <map>

#include "plugin/known_plugins.hpp"
#include "plugin/manifest_plugin.hpp"

namespace tessera {
namespace {

constexpr int kMostPlugins = 64;

[[noreturn]] void bad(const std::string& reason) { throw Error(ErrorCode::BadCache, reason); }

void requireKnown(const tessera_plan::Plugin& wanted) {
  const auto plugin = findPlugin(wanted.name());
  if (plugin && plugin->version() == wanted.version()) return;
  bad("it needs the plugin " + wanted.name() + ", version " + wanted.version() + ", " +
      (plugin
           ? "and version " + plugin->version() + " is loaded"
           : "which does not travel in plans: load it before (--plugins FILE, loadPlugins(), addPlugin())"));
}

}  // namespace

void putPlugins(tessera_plan::Network& network, const Graph& graph) {
  std::map<std::string, std::shared_ptr<const Plugin>> needed;
  for (const Layer& layer : graph.layers())
    if (auto plugin = findPlugin(layer.op)) needed.emplace(layer.op, std::move(plugin));
  for (const auto& [name, plugin] : needed) {
    auto& to = *network.add_plugins();
    to.set_name(name);
    to.set_version(plugin->version());
    if (const auto portable = findPortablePlugin(name))
      to.set_manifest(portable->text()), to.set_source(portable->source());
  }
}

void takePlugins(const tessera_plan::Network& network) {
  if (network.plugins_size() > kMostPlugins)
    bad("it has more than " + std::to_string(kMostPlugins) + " plugins");
  for (const auto& from : network.plugins()) {
    if (from.manifest().empty()) {
      requireKnown(from);
      continue;
    }
    const std::string origin = "the plan of '" + network.name() + "'";
    const auto plugin = ManifestPlugin::make(from.manifest(), from.source(), origin);
    if (plugin->name() != from.name() || plugin->version() != from.version())
      bad("its plugin " + from.name() + " has the manifest of " + plugin->name() + ", version " +
          plugin->version());
    addPlugin(plugin, origin);
  }
}

}  // namespace tessera
