/// \file
/// Writing files that appear complete or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace tessera {

/// A file beside `target` that takes its place once it is complete. It is created under a name that nobody
/// can know before, and neither follows a link nor opens what is there already. What was not committed goes:
/// with the object, or by removeUnfinishedFiles() when a signal ends the program.
class AtomicFile {
 public:
  /// Throws Error(InvalidArgument) with target and reason. `mode`: as of open(), before the umask.
  explicit AtomicFile(std::filesystem::path target, unsigned mode = 0666);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// For writers that open files by name; has the target's extension.
  const std::filesystem::path& temporary() const { return temporary_; }
  /// Throws as the constructor does: a full disk, say.
  void write(std::string_view bytes);
  /// Renames. Throws where a write is only now found to have failed, or the target can not be replaced.
  void commit();

 private:
  [[noreturn]] void fail(const std::string& reason) const;
  void create(unsigned mode);

  std::filesystem::path target_, temporary_;
  int descriptor_ = -1, slot_ = -1;
};

/// Whether the name is one that AtomicFile gives: left by a process that was killed, where it is old.
bool isUnfinishedFile(const std::filesystem::path& file);

/// Removes the temporary files of this process. Makes only calls that are safe in a signal handler, after
/// which the process must end: nothing is created any more.
void removeUnfinishedFiles() noexcept;

}  // namespace tessera
