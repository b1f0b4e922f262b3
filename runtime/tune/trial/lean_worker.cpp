// The program tessera-worker: how it is found, and that it fits.
#include <unistd.h>

#include <cstdio>

#include "base/hex.hpp"
#include "clkernels/embedded.hpp"
#include "tessera/tuning.hpp"

namespace tessera {
namespace {

// Of the build: a worker with other kernels would time what nobody runs.
std::string identity() {
  std::uint64_t hash = textHash(TESSERA_VERSION);
  for (const auto& [path, text] : embeddedFiles()) hash = hash * 31 + textHash(path) + 7 * textHash(text);
  return hexText(hash);
}

}  // namespace

std::vector<std::string> leanWorker(const std::filesystem::path& folder, std::vector<std::string> otherwise) {
  const std::string file = (folder / "tessera-worker").string();
  if (::access(file.c_str(), X_OK) != 0) return otherwise;
  otherwise.insert(otherwise.begin(), {file, identity()});
  return otherwise;
}

int runLeanWorker(int argc, char** argv) {
  if (argc > 1 && identity() == argv[1]) return runTuneWorker();
  if (argc > 2) ::execv(argv[2], argv + 2);
  std::fputs("tessera-worker serves the programs of its build, which start it themselves.\n", stderr);
  return 2;
}

}  // namespace tessera
