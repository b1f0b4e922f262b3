/// \file
/// Reading whole files that a user, a model or a cache names, without trusting what the name leads to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace tessera {

/// The bytes of a file, or why there are none.
struct FileContent {
  std::string bytes;
  std::string why;       ///< empty: they were read; else goes behind "Can not read x: "
  bool missing = false;  ///< there is nothing of that name
  bool ok() const { return why.empty(); }
};

inline constexpr std::uintmax_t kTextFileLimit = std::uintmax_t{256} << 20;

/// Reads a regular file of at most `limit` bytes. Folders, pipes, devices and sockets are refused at once:
/// opening a pipe would wait for its other end.
FileContent readRegularFile(const std::filesystem::path& file, std::uintmax_t limit = kTextFileLimit);

/// Why a file can not be opened as a regular one; empty: it can. For readers that open it themselves.
std::string whyNotRegular(const std::filesystem::path& file);

/// Whether reading sets the time of the last change, which says when the file was used.
enum class MarkUsed { No, Yes };

/// As readRegularFile(), for files that a program itself keeps in a folder which others may reach: no link is
/// followed, and whyForeign() must be empty.
FileContent readCacheFile(const std::filesystem::path& file, std::uintmax_t limit,
                          MarkUsed mark = MarkUsed::No);

/// Why a file or folder of a cache is not to be trusted: neither this user nor root owns it (or the link to
/// it), or everyone may write it. Empty: it may be used, or is not there.
std::string whyForeign(const std::filesystem::path& path);
/// The same of an open file.
std::string whyForeign(int descriptor);

/// The folder, or an empty path where whyForeign() has a reason, which is logged once in the life of the
/// process.
std::filesystem::path trustedFolder(const std::filesystem::path& folder);

/// Creates what is missing of a cache's folder, for this user alone. False where that fails.
bool createPrivateFolders(const std::filesystem::path& folder);

}  // namespace tessera
