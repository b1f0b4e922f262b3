/// \file
/// Shapes of a network's inputs: what the model declares, what it leaves open, and what the caller gives.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "importers/common/fold.hpp"
#include "tessera/importer.hpp"

namespace tessera {

/// An extent as a model declares it.
struct DeclaredExtent {
  std::int64_t value = -1;  ///< negative: open
  std::string symbol;       ///< name of an open extent; the same name is the same extent everywhere

  bool open() const { return value < 0; }
};

struct DeclaredInput {
  std::string name;
  DataType type = DataType::Float32;
  bool ranked = true;  ///< false: the model does not even say how many extents there are
  std::vector<DeclaredExtent> extents;
};

/// The shapes of all inputs, by name. Open extents follow from ImportOptions::inputShapes, from another
/// input's extent of that symbol, or are the batch. Throws one Error(InvalidArgument) that lists every input
/// left open and an option that closes it, or says which shapes contradict each other.
std::map<std::string, Shape> resolveInputShapes(const std::string& file, std::vector<DeclaredInput> inputs,
                                                const ImportOptions& options);

/// The tensor of an input: a graph input of the shape that resolveInputShapes() found, or a constant where
/// the caller freezes it. Throws Error(InvalidArgument) where what it is frozen with does not fit, and
/// Error(BadModel) where the shape is impossible.
TensorId addModelInput(ImportBuilder& builder, const DeclaredInput& input,
                       const std::map<std::string, Shape>& shapes, const ImportOptions& options);

/// Throws Error(InvalidArgument) where the options give a shape or value for an input that the model lacks.
void checkGivenInputs(const std::string& file, const std::set<std::string>& inputs,
                      const ImportOptions& options);

/// A tensor of one number for all elements, given as text. Throws Error(InvalidArgument) where it is no value
/// of the type. `name`: of the input, for messages.
HostTensor frozenNumber(const std::string& name, const std::string& text, HostTensor zeros);

}  // namespace tessera
