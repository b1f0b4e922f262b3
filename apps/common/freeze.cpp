// Inputs of a model frozen on the command line.
#include "apps/common/freeze.hpp"

#include <filesystem>

#include "apps/common/npy.hpp"
#include "apps/common/program.hpp"

namespace tessera::app {
namespace {

bool namesFile(const std::string& value) { return std::filesystem::path(value).extension() == ".npy"; }

/// Where the name ends: names and paths may hold a '=', too. A file that exists decides.
std::size_t endOfName(const std::string& text) {
  if (!namesFile(text)) return text.rfind('=');
  for (auto at = text.find('='); at != std::string::npos; at = text.find('=', at + 1))
    if (std::filesystem::exists(text.substr(at + 1))) return at;
  return text.find('=');
}

}  // namespace

void FreezeArguments::add(CLI::App& app) {
  app.add_option("--freeze", texts, "Make an input a constant: a number, or a file NAME=FILE.npy")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("NAME=VALUE");
}

void FreezeArguments::apply(ImportOptions& options) const {
  for (const std::string& text : texts) {
    const auto end = endOfName(text);
    if (end == std::string::npos || end == 0 || end + 1 == text.size())
      throw UsageError("--freeze takes NAME=VALUE or NAME=FILE.npy, not '" + text + "'.");
    const std::string name = text.substr(0, end), value = text.substr(end + 1);
    if (options.constants.count(name) || options.constantNumbers.count(name))
      throw UsageError("--freeze gives '" + name + "' two values.");
    if (namesFile(value))
      options.constants[name] = readNpy(value);
    else
      options.constantNumbers[name] = value;
  }
}

}  // namespace tessera::app
