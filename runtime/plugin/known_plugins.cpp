// What the process knows, and for ever: graphs and engines hold names and pointers.
#include "plugin/known_plugins.hpp"

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <set>
#include <typeinfo>

#include "clkernels/added_families.hpp"
#include "ops/added_operators.hpp"
#include "plugin/manifest_plugin.hpp"
#include "plugin/plugin_family.hpp"
#include "plugin/plugin_layer.hpp"
#include "plugin/plugin_library.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct Known {
  std::shared_ptr<const Plugin> plugin;
  std::string origin;
};
struct Registry {
  std::mutex mutex;
  std::map<std::string, Known, std::less<>> byName;
};
Registry& registry() {
  static Registry known;
  return known;
}

[[noreturn]] void refuseFrom(const std::string& origin, const std::string& why) {
  throw Error(ErrorCode::InvalidArgument, "The plugin of " + origin + " can not be used: " + why + ".");
}

// Throws what refuseFrom() throws where a name is used twice or is none.
class Names {
 public:
  explicit Names(const std::string& origin) : origin_(origin) {}
  void add(const std::string& what, const std::string& name) {
    if (!isIdentifier(name))
      refuseFrom(origin_, what + " '" + name + "' is no identifier of at most 64 characters");
    if (!seen_.insert(name).second) refuseFrom(origin_, what + " '" + name + "' is there twice");
  }

 private:
  const std::string& origin_;
  std::set<std::string> seen_;
};

void checkTunables(const Plugin& plugin, const std::string& origin) {
  double members = 1;
  for (const PluginTunable& tunable : plugin.tunables()) {
    if (std::ranges::find(tunable.values, tunable.fallback) == tunable.values.end())
      refuseFrom(origin, "the default " + std::to_string(tunable.fallback) + " of the tunable " +
                             tunable.name + " is none of its values");
    members *= static_cast<double>(tunable.values.size());
  }
  if (members > 1e5) refuseFrom(origin, "its tunables have more than 100000 combinations");
}

// The most that a result may differ from its reference by: above it the check would tell little.
constexpr double kMostAbsolute = 1, kMostRelative = 0.1;

void checkTolerance(const Plugin& plugin, const std::string& origin) {
  const PluginTolerance tolerance = plugin.tolerance();
  const auto within = [](double value, double most) { return value >= 0 && value <= most; };
  if (within(tolerance.absolute, kMostAbsolute) && within(tolerance.relative, kMostRelative)) return;
  char text[160];
  std::snprintf(
      text, sizeof text,
      "its tolerance is %g absolute and %g relative; %g and %g are the most with which a wrong kernel "
      "would still be seen",
      tolerance.absolute, tolerance.relative, kMostAbsolute, kMostRelative);
  refuseFrom(origin, text);
}

void checkDeclarations(const Plugin& plugin, const std::string& origin) {
  if (!isIdentifier(plugin.name())) refuseFrom(origin, "its name '" + plugin.name() + "' is no identifier");
  if (plugin.version().empty() || plugin.version().size() > 64) refuseFrom(origin, "it has no version");
  if (plugin.types().empty()) refuseFrom(origin, "it serves no type of a source model");
  if (plugin.inputs().empty()) refuseFrom(origin, "it has no input");
  if (plugin.source().empty()) refuseFrom(origin, "its kernel source is empty");
  Names names(origin);
  bool optional = false;
  for (const PluginInput& input : plugin.inputs()) {
    names.add("the input", input.name);
    if (input.type == DataType::None || input.type == DataType::Float16)
      refuseFrom(origin, "the input '" + input.name + "' has a type that plugins do not take");
    if (optional && !input.optional)
      refuseFrom(origin, "the input '" + input.name + "' stands behind an optional one");
    if (!(input.low <= input.high))
      refuseFrom(origin, "the range of the input '" + input.name + "' is empty");
    optional = input.optional;
  }
  for (const PluginAttribute& attribute : plugin.attributes()) names.add("the attribute", attribute.name);
  for (const PluginTunable& tunable : plugin.tunables()) names.add("the tunable", tunable.name);
  checkTunables(plugin, origin);
  checkTolerance(plugin, origin);
}

// Also a library that is loaded again: it gives new objects of the same classes.
bool same(const Plugin& a, const Plugin& b) {
  const auto* x = dynamic_cast<const ManifestPlugin*>(&a);
  const auto* y = dynamic_cast<const ManifestPlugin*>(&b);
  if (x && y) return x->text() == y->text() && x->source() == y->source();
  return &a == &b || (!x && typeid(a) == typeid(b) && a.version() == b.version() && a.source() == b.source());
}

void makeKnown(const std::shared_ptr<const Plugin>& plugin) {
  auto family = std::make_unique<const PluginFamily>(plugin);
  const std::string path = family->sourcePath();
  addOperator(pluginOperator(plugin));
  addFamily(std::move(family), plugin->name(), path, plugin->source());
}

std::string typeText(std::string_view domain, std::string_view type) {
  return domain.empty() ? std::string(type) : std::string(domain) + "::" + std::string(type);
}

bool isManifest(const fs::path& file) { return file.extension() == ".json"; }
bool isLibrary(const fs::path& file) { return file.extension() == ".so"; }

// In the order of their names, so that messages do not change from run to run.
std::vector<fs::path> filesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (isManifest(entry.path()) || isLibrary(entry.path())) files.push_back(entry.path());
  if (error)
    throw Error(ErrorCode::InvalidArgument,
                "The folder " + folder.string() + " can not be read: " + error.message() + ".");
  if (files.empty())
    throw Error(
        ErrorCode::InvalidArgument,
        "The folder " + folder.string() + " has no plugin: no manifest (.json) or library (.so) lies in it.");
  std::ranges::sort(files);
  return files;
}

PluginList pluginsOf(const fs::path& file) {
  if (isLibrary(file)) return pluginsOfLibrary(file);
  if (isManifest(file)) return {ManifestPlugin::read(file)};
  refuseFrom(file.string(), "it is neither a manifest (.json) nor a library (.so)");
}

}  // namespace

void addPlugin(std::shared_ptr<const Plugin> plugin, const std::string& origin) {
  if (!plugin) refuseFrom(origin, "it is null");
  checkDeclarations(*plugin, origin);
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  const auto it = known.byName.find(plugin->name());
  if (it != known.byName.end()) {
    if (same(*it->second.plugin, *plugin)) return;
    refuseFrom(origin, "another plugin named " + plugin->name() + ", version " +
                           it->second.plugin->version() + ", of " + it->second.origin +
                           " is in use already, and a process can have only one: give them " +
                           "different names");
  }
  if (findOperator(plugin->name()))
    refuseFrom(origin, "Tessera has an operator named " + plugin->name() +
                           ": give the plugin another name, and the model's in its types");
  for (const auto& [name, other] : known.byName)
    for (const std::string& type : other.plugin->types())
      if (const auto types = plugin->types(); std::ranges::find(types, type) != types.end())
        refuseFrom(origin,
                   "the plugin " + name + " of " + other.origin + " serves the type " + type + " already");
  makeKnown(plugin);
  known.byName.emplace(plugin->name(), Known{plugin, origin});
}

std::vector<std::string> loadPlugins(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error) && !error) refuseFrom(file.string(), "it does not exist");
  const auto files = fs::is_directory(file, error) ? filesIn(file) : std::vector<fs::path>{file};
  std::vector<std::pair<std::shared_ptr<const Plugin>, std::string>> loaded;
  for (const fs::path& one : files)
    for (auto& plugin : pluginsOf(one)) {
      checkDeclarations(*plugin, one.string());
      loaded.emplace_back(std::move(plugin), one.string());
    }
  std::vector<std::string> names;
  for (const auto& [plugin, origin] : loaded) {
    addPlugin(plugin, origin);
    names.push_back(plugin->name());
  }
  return names;
}

std::vector<PluginInfo> plugins() {
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  std::vector<PluginInfo> list;
  for (const auto& [name, entry] : known.byName)
    list.push_back({name, entry.plugin->version(), entry.origin, entry.plugin->types(),
                    dynamic_cast<const ManifestPlugin*>(entry.plugin.get()) != nullptr});
  return list;
}

std::shared_ptr<const Plugin> pluginFor(std::string_view domain, std::string_view type) {
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  // What names the domain goes before what serves all.
  for (const std::string& wanted : {typeText(domain, type), std::string(type)})
    for (const auto& [name, entry] : known.byName)
      if (const auto types = entry.plugin->types(); std::ranges::find(types, wanted) != types.end())
        return entry.plugin;
  return nullptr;
}

std::shared_ptr<const Plugin> findPlugin(std::string_view name) {
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  const auto it = known.byName.find(name);
  return it == known.byName.end() ? nullptr : it->second.plugin;
}

std::string pluginOrigin(std::string_view name) {
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  const auto it = known.byName.find(name);
  return it == known.byName.end() ? std::string() : it->second.origin;
}

std::shared_ptr<const ManifestPlugin> findPortablePlugin(std::string_view name) {
  return std::dynamic_pointer_cast<const ManifestPlugin>(findPlugin(name));
}

}  // namespace tessera
