#include "tune/trial/worker_plugins.hpp"

#include "base/text.hpp"
#include "plugin/known_plugins.hpp"
#include "plugin/manifest_plugin.hpp"
#include "plugin/plugin_family.hpp"

namespace tessera {
namespace {

// As a field of a line.
std::string escaped(const std::string& text) {
  std::string field;
  for (const char c : text) {
    if (c == '%' || c == '\t' || c == '\n' || c == '\r')
      field += percentEscape(c);
    else
      field += c;
  }
  return field;
}

bool isLibrary(const std::string& origin) { return origin.ends_with(".so"); }

}  // namespace

bool workersKnow(const KernelFamily& family) {
  const auto* made = dynamic_cast<const PluginFamily*>(&family);
  if (!made || findPortablePlugin(made->plugin().name())) return true;
  for (const PluginInfo& info : plugins())
    if (info.name == made->plugin().name()) return isLibrary(info.origin);
  return false;
}

std::string pluginRequests() {
  std::string requests;
  for (const PluginInfo& info : plugins()) {
    if (const auto manifest = findPortablePlugin(info.name))
      requests += std::string(kPluginRequest) + "\t0\t" + escaped(manifest->text()) + "\t" +
                  escaped(manifest->source()) + "\n";
    else if (isLibrary(info.origin))
      requests +=
          std::string(kLibraryRequest) + "\t0\t" + escaped(std::filesystem::absolute(info.origin)) + "\n";
  }
  return requests;
}

bool takePluginRequest(const std::vector<std::string_view>& fields) {
  if (fields.size() == 3 && fields[0] == kLibraryRequest) {
    const auto file = percentUnescaped(fields[2]);
    if (file) loadPlugins(*file);
    return file.has_value();
  }
  if (fields.size() != 4 || fields[0] != kPluginRequest) return false;
  auto text = percentUnescaped(fields[2]), source = percentUnescaped(fields[3]);
  if (!text || !source) return false;
  addPlugin(ManifestPlugin::make(std::move(*text), std::move(*source), "the tuner"), "the tuner");
  return true;
}

}  // namespace tessera
