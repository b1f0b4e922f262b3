/// \file
/// Reading and writing whole files. A file appears complete or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "files/read_file.hpp"

namespace tessera::app {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Regular files of at most `limit` bytes. Throws Error(InvalidArgument) that names the file and the reason.
std::string readFile(const fs::path& file, std::uintmax_t limit = kTextFileLimit);

/// Calls `write` with an empty temporary file beside `file` (same extension), then renames; creates missing
/// folders. Where `write` throws or the rename fails, the temporary file goes and the error stays; so it does
/// where a signal ends the program.
void writeAtomically(const fs::path& file, const std::function<void(const fs::path& temporary)>& write);
/// As writeAtomically(); pipes and devices are written to as they are.
void writeFile(const fs::path& file, std::string_view bytes);

Json readJson(const fs::path& file);
void writeJson(const fs::path& file, const Json& value);

}  // namespace tessera::app
