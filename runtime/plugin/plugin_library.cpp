#include "plugin/plugin_library.hpp"

#include <dlfcn.h>

#include "base/read_file.hpp"

namespace tessera {
namespace {

[[noreturn]] void refuseLibrary(const std::filesystem::path& file, const std::string& why) {
  throw Error(ErrorCode::InvalidArgument,
              "The plugin of " + file.string() + " can not be used: " + why + ".");
}

// Closes a library that turns out to be none of ours.
class Library {
 public:
  explicit Library(const std::filesystem::path& file)
      : handle_(::dlopen(std::filesystem::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (!handle_) refuseLibrary(file, ::dlerror());
  }
  ~Library() {
    if (handle_) ::dlclose(handle_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void* find(const char* name) const { return ::dlsym(handle_, name); }
  void keep() { handle_ = nullptr; }

 private:
  void* handle_;
};

}  // namespace

PluginList pluginsOfLibrary(const std::filesystem::path& file) {
  if (const std::string why = whyNotRegular(file); !why.empty())
    refuseLibrary(file, "it can not be read: " + why);
  Library library(file);
  const auto abi = reinterpret_cast<const char* (*)()>(library.find("tesseraPluginAbi"));
  const auto make = reinterpret_cast<void (*)(PluginList&)>(library.find("tesseraPlugins"));
  if (!abi || !make) refuseLibrary(file, "it is no library of plugins: it does not say TESSERA_PLUGINS(..)");
  if (const std::string built = abi(); built != TESSERA_PLUGIN_ABI)
    refuseLibrary(file, "it was compiled for '" + built +
                            "', this Tessera has '" TESSERA_PLUGIN_ABI "': compile it again");
  PluginList list;
  try {
    make(list);
  } catch (const std::exception& e) {
    refuseLibrary(file, std::string("making its plugins failed: ") + e.what());
  }
  if (list.empty()) refuseLibrary(file, "it has none");
  library.keep();
  return list;
}

}  // namespace tessera
