// Whole files.
#include "apps/common/files.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "apps/common/names.hpp"
#include "tessera/error.hpp"

namespace tessera::app {

std::string readFile(const fs::path& file) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored))
    throw Error(ErrorCode::InvalidArgument, file.string() + " is a folder, not a file.");
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf() || in.peek() == std::ifstream::traits_type::eof()))
    throw Error(ErrorCode::InvalidArgument,
                "Can not read " + file.string() + ": " + std::strerror(errno) + ".");
  return std::move(text).str();
}

void writeAtomically(const fs::path& file, const std::function<void(const fs::path& temporary)>& write) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(ErrorCode::InvalidArgument, "Can not write " + file.string() + ": " + reason + ".");
  };
  std::error_code failed;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), failed);
  if (failed) refuse(failed.message());
  const fs::path temporary =
      file.parent_path() /
      ("." + file.stem().string() + "." + std::to_string(getpid()) + ".partial" + file.extension().string());
  try {
    write(temporary);
    fs::rename(temporary, file, failed);
    if (failed) refuse(failed.message());
  } catch (...) {
    fs::remove(temporary, failed);
    throw;
  }
}

void writeFile(const fs::path& file, std::string_view bytes) {
  writeAtomically(file, [&](const fs::path& temporary) {
    std::ofstream out(temporary, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out)
      throw Error(ErrorCode::InvalidArgument,
                  "Can not write " + file.string() + ": " + std::strerror(errno) + ".");
  });
}

Json readJson(const fs::path& file) {
  try {
    return Json::parse(readFile(file));
  } catch (const Json::exception& e) {
    throw Error(ErrorCode::InvalidArgument, file.string() + " is not JSON: " + e.what() + ".");
  }
}

void writeJson(const fs::path& file, const Json& value) { writeFile(file, jsonText(value)); }

}  // namespace tessera::app
