/// \file
/// Input tensors for commands.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tessera/context.hpp"

namespace tessera::app {

/// Uniform random numbers, [-1, 1] for floating point, 0 to 1 for integers; the same in every run.
HostTensor randomTensor(const Binding& binding, unsigned seed);

/// Arguments `NAME=FILE.npy` or, where the network has one input, `FILE.npy`. Names and paths may hold a '=':
/// of the ways to split an argument, one whose file exists goes first, then one whose name is an input.
class InputArguments {
 public:
  explicit InputArguments(std::vector<std::string> texts) : texts_(std::move(texts)) {}

  /// The shape of the file given for an input; none where there is no such file.
  std::optional<Shape> shapeFor(const std::string& input) const;
  /// The tensors, converted to their inputs' types where every element fits.
  TensorMap read(const Engine& engine) const;
  /// The files by the names that they are for, all of `names`, whatever they are of; a file without a name is
  /// for the only one.
  std::map<std::string, std::string> files(const std::vector<std::string>& names, const char* what) const;

 private:
  struct Split {
    std::string name, file;  ///< name: empty for the only input
  };
  Split split(const std::string& text, const std::vector<std::string>& inputs) const;

  std::vector<std::string> texts_;
};

}  // namespace tessera::app
