/// \file
/// Reading and writing whole files. A file appears complete or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace tessera::app {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Throws Error(InvalidArgument) that names the file and the reason.
std::string readFile(const fs::path& file);

/// Calls `write` with a temporary path beside `file` (same extension), then renames; creates missing folders.
/// Where `write` throws or the rename fails, the temporary file goes and the error stays.
void writeAtomically(const fs::path& file, const std::function<void(const fs::path& temporary)>& write);
void writeFile(const fs::path& file, std::string_view bytes);

Json readJson(const fs::path& file);
void writeJson(const fs::path& file, const Json& value);

}  // namespace tessera::app
