/// \file
/// A program that reads lines from this process and writes lines to it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tessera {

/// A child with a pipe to its standard input and one from its standard output. It ends with its parent.
class ChildProcess {
 public:
  /// `variable`: name and value, added to its environment.
  ChildProcess(std::vector<std::string> command, const std::pair<std::string, std::string>& variable);
  ~ChildProcess() { stop(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  bool send(const std::string& text);  ///< false where the child does not read any more
  /// The next line; none where the child ended, or said nothing for `seconds`, which `hung` then says.
  std::optional<std::string> receive(double seconds, bool& hung);
  /// Ends the child; says how it ended by itself, if it did.
  std::string stop();

 private:
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  std::string buffer_;
};

}  // namespace tessera
