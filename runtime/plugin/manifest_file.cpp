// A manifest and its kernels from disk.
#include <cctype>
#include <set>
#include <sstream>

#include "base/read_file.hpp"
#include "clkernels/embedded.hpp"
#include "ops/shape_tools.hpp"
#include "plugin/manifest_plugin.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

std::string textOfFile(const fs::path& file) {
  FileContent content = readRegularFile(file, ManifestPlugin::kMostBytes);
  if (!content.ok()) refuse("can not read " + file.string() + ": " + content.why);
  return std::move(content.bytes);
}

// A name of a file in the manifest's folder: what comes with a plugin lies beside it.
void requireBeside(const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos || name.find('\\') != std::string::npos ||
      name == "..")
    refuse("'" + name + "' is no file beside the manifest");
}

// Puts the files that a source includes in their places, each once; those of Tessera ("common/..") are put in
// when it is compiled.
class Includer {
 public:
  explicit Includer(fs::path folder) : folder_(std::move(folder)) {}
  std::string run(const std::string& name) {
    expand(name);
    return std::move(text_);
  }

 private:
  void expand(const std::string& name) {
    requireBeside(name);
    if (!seen_.insert(name).second) return;
    std::istringstream lines(textOfFile(folder_ / name));
    for (std::string line; std::getline(lines, line);) {
      const auto hash = line.find_first_not_of(" \t");
      const bool include =
          hash != std::string::npos && line[hash] == '#' && line.find("include", hash) != std::string::npos;
      if (include)
        expandLine(name, line);
      else
        text_ += line + "\n";
      if (text_.size() > ManifestPlugin::kMostBytes) refuse("its kernel source has more than 1 MiB");
    }
  }

  void expandLine(const std::string& name, const std::string& line) {
    const auto open = line.find('"'), close = line.find('"', open + 1);
    if (open == std::string::npos || close == std::string::npos)
      refuse(name + " has a line that includes no \"file\": " + line);
    const std::string file = line.substr(open + 1, close - open - 1);
    if (!file.starts_with("common/")) return expand(file);
    if (!embeddedFiles().contains(file)) refuse(name + " includes " + file + ", which Tessera does not have");
    text_ += "#include \"" + file + "\"\n";
  }

  fs::path folder_;
  std::set<std::string> seen_;
  std::string text_;
};

[[noreturn]] void wrap(const std::string& origin, const Error& e) {
  throw Error(ErrorCode::InvalidArgument, "The plugin of " + origin + " can not be used: " + e.what() + ".");
}

}  // namespace

std::shared_ptr<const ManifestPlugin> ManifestPlugin::read(const fs::path& file) {
  std::string text, source;
  try {
    text = textOfFile(file);
    source = Includer(file.parent_path()).run(parseManifest(text).source);
  } catch (const Error& e) {
    wrap(file.string(), e);
  }
  return make(std::move(text), std::move(source), file.string());
}

std::shared_ptr<const ManifestPlugin> ManifestPlugin::make(std::string text, std::string source,
                                                           const std::string& origin) {
  try {
    if (text.size() > kMostBytes || source.size() > kMostBytes) refuse("it has more than 1 MiB");
    auto plugin = std::make_shared<const ManifestPlugin>(std::move(text), std::move(source));
    plugin->requireEntries();
    return plugin;
  } catch (const Error& e) {
    wrap(origin, e);
  }
}

// Seen here rather than by a driver, minutes later.
void ManifestPlugin::requireEntries() const {
  for (const ManifestCall& call : manifest_.calls) {
    bool found = false;
    for (std::size_t at = source_.find(call.entry); at != std::string::npos && !found;
         at = source_.find(call.entry, at + 1)) {
      const auto wordBefore =
          at > 0 && (std::isalnum(static_cast<unsigned char>(source_[at - 1])) || source_[at - 1] == '_');
      const auto next = source_.find_first_not_of(" \t\n", at + call.entry.size());
      found = !wordBefore && next != std::string::npos && source_[next] == '(';
    }
    if (!found) refuse("its kernel source " + manifest_.source + " has no kernel named " + call.entry);
  }
}

}  // namespace tessera
