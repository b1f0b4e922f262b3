/// \file
/// An ONNX model while it is written: nodes, constants, and names that are each used once.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "onnx/onnx.pb.h"
#include "tessera/graph.hpp"

namespace tessera::onnx {

/// Operators of the model are those of this set.
inline constexpr int kWrittenOpset = 17;

class ModelWriter {
 public:
  explicit ModelWriter(const std::string& graphName);

  /// `wanted`, with "#2", "#3".. appended where a value has it.
  std::string unique(const std::string& wanted);
  void addInput(const GraphTensor& tensor);
  void addOutput(const std::string& name, const GraphTensor& tensor);
  /// An initializer; returns its name, `wanted` or one like it.
  std::string constant(const std::string& wanted, const HostTensor& value);
  std::string scalar(const std::string& wanted, float value) {
    return constant(wanted, HostTensor::scalar(value));
  }
  std::string integers(const std::string& wanted, const std::vector<std::int64_t>& values);

  /// A node; returns the name of its output, which is `output`. Absent inputs are "". Attributes of kind
  /// float are doubles, integers and lists as they are.
  std::string node(const std::string& type, const std::string& name, const std::vector<std::string>& inputs,
                   const std::string& output, const Attributes& attrs = {});
  /// The same with several outputs.
  void nodes(const std::string& type, const std::string& name, const std::vector<std::string>& inputs,
             const std::vector<std::string>& outputs, const Attributes& attrs = {});

  /// Throws Error(Unsupported) where the model is larger than the format's files can be, and
  /// Error(InvalidArgument) where the file can not be written.
  void save(const std::filesystem::path& file) const;

 private:
  void describe(tessera_onnx::ValueInfo& value, const std::string& name, const GraphTensor& tensor);

  tessera_onnx::Model model_;
  std::set<std::string> taken_, nodeNames_;
};

}  // namespace tessera::onnx
