/// \file
/// A network as the readers of TensorFlow's formats (GraphDef, TFLite, UFF) hand it to the one importer:
/// nodes with plain attributes, values by name. Shapes and axes are the file's own, mostly N, H, W, C.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "importers/common/budget.hpp"
#include "importers/common/input_shapes.hpp"
#include "tessera/attributes.hpp"

namespace tessera::tensorflow {

/// One node of the file.
struct SourceNode {
  std::string name, type;
  std::string version = {};               ///< of the operator, where the format has one; for messages
  std::vector<std::string> inputs = {};   ///< values by name; "": an optional operand that is absent
  std::vector<std::string> outputs = {};  ///< names of the values it makes, in order
  /// Types of elements are texts of DataType, shapes lists with -1 for open extents.
  Attributes attributes = {};
  /// Set for constants: reads the value. Throws as readers of tensors do.
  std::function<HostTensor(ImportBudget&)> value = {};
  /// A layer that the format names as one of somebody's own: plugins alone may take it, whatever its type.
  bool custom = false;
  /// Why no row may take it, where the reader knows: custom layers, other domains.
  std::string refused = {};
};

/// The network of one file.
struct SourceGraph {
  std::string file;                   ///< for messages
  std::string format;                 ///< "TensorFlow", "TFLite", "UFF"
  std::string name;                   ///< the network's, may be empty
  std::vector<DeclaredInput> inputs;  ///< types that Tessera lacks are None
  std::vector<SourceNode> nodes;      ///< in any order
  std::vector<std::string> outputs;   ///< values by name, in order
};

/// The layer graph of a network. Throws as importModel() does. `budget` knows the model's file.
Graph importSource(const SourceGraph& source, const ImportOptions& options, ImportBudget budget);

}  // namespace tessera::tensorflow
