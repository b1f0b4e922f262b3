// Opening tessera-media.so.
#include "calib/images/media.hpp"

#include <dlfcn.h>

#include <filesystem>

#include "tessera/error.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "tessera-media.so";

// Beside what this is part of, a program or Python's module; or where an installed program's libraries are.
std::vector<fs::path> places() {
  std::vector<fs::path> files;
  Dl_info self{};
  // Of a program the name is what it was called by, which may not say where it lies.
  if (::dladdr(reinterpret_cast<const void*>(&media), &self) && self.dli_fname &&
      fs::path(self.dli_fname).is_absolute())
    files.push_back(fs::path(self.dli_fname).parent_path() / kFile);
  std::error_code unknown;
  if (const fs::path program = fs::read_symlink("/proc/self/exe", unknown); !unknown) {
    files.push_back(program.parent_path() / kFile);
    files.push_back((program.parent_path() / TESSERA_MEDIA_FOLDER / kFile).lexically_normal());
  }
  return files;
}

const Media& opened() {
  std::string tried;
  for (const fs::path& file : places()) {
    tried += (tried.empty() ? "" : ", ") + file.string();
    std::error_code unknown;
    if (!fs::exists(file, unknown)) continue;
    // Never closed: what it made may outlive its users.
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
      throw Error(ErrorCode::Internal,
                  "Can not read or write images and videos: " + std::string(::dlerror()));
    using Made = const Media* (*)(const char* version);
    const auto made = reinterpret_cast<Made>(::dlsym(library, "tesseraMedia"));
    if (const Media* media = made ? made(TESSERA_VERSION) : nullptr) return *media;
    throw Error(ErrorCode::Internal,
                "Can not read or write images and videos: " + file.string() + " is of another version.");
  }
  throw Error(ErrorCode::Internal, "Can not read or write images and videos: there is no " + tried + ".");
}

}  // namespace

const Media& media() {
  static const Media& found = opened();
  return found;
}

}  // namespace tessera
