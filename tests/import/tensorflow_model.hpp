/// \file
/// GraphDef messages that tests build in code.
#pragma once

#include <string>
#include <vector>

#include "tensorflow/graphdef.pb.h"
#include "tessera/tensor.hpp"

namespace tessera::test {

/// A frozen graph.
class TensorflowModel {
 public:
  TensorflowModel() { graph.mutable_versions()->set_producer(1882); }

  static tessera_tensorflow::AttrValue& attribute(tessera_tensorflow::Node& node, const std::string& key) {
    for (auto& attr : *node.mutable_attr())
      if (attr.key() == key) return *attr.mutable_value();
    auto& added = *node.add_attr();
    added.set_key(key);
    return *added.mutable_value();
  }
  tessera_tensorflow::Node& node(const std::string& op, const std::string& name,
                                 const std::vector<std::string>& inputs = {}) {
    auto& added = *graph.add_node();
    added.set_op(op);
    added.set_name(name);
    for (const auto& input : inputs) added.add_input(input);
    return added;
  }
  /// -1: an open extent.
  TensorflowModel& input(const std::string& name, const Shape& shape) {
    auto& added = node("Placeholder", name);
    attribute(added, "dtype").set_type(tessera_tensorflow::DT_FLOAT);
    auto& declared = *attribute(added, "shape").mutable_shape();
    for (const auto extent : shape) declared.add_dim()->set_size(extent);
    return *this;
  }
  TensorflowModel& floats(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    auto& tensor = constant(name, tessera_tensorflow::DT_FLOAT, shape);
    for (const float value : values) tensor.add_float_val(value);
    return *this;
  }
  TensorflowModel& ints(const std::string& name, const Shape& shape, const std::vector<int>& values) {
    auto& tensor = constant(name, tessera_tensorflow::DT_INT32, shape);
    for (const int value : values) tensor.add_int_val(value);
    return *this;
  }
  tessera_tensorflow::Tensor& constant(const std::string& name, tessera_tensorflow::DataType type,
                                       const Shape& shape) {
    auto& added = node("Const", name);
    attribute(added, "dtype").set_type(type);
    auto& tensor = *attribute(added, "value").mutable_tensor();
    tensor.set_dtype(type);
    for (const auto extent : shape) tensor.mutable_tensor_shape()->add_dim()->set_size(extent);
    return tensor;
  }
  static void set(tessera_tensorflow::Node& node, const std::string& key, const std::string& value) {
    attribute(node, key).set_s(value);
  }
  static void set(tessera_tensorflow::Node& node, const std::string& key, const std::vector<int>& values) {
    for (const int value : values) attribute(node, key).mutable_list()->add_i(value);
  }
  std::string bytes() const { return graph.SerializeAsString(); }

  tessera_tensorflow::Graph graph;
};

}  // namespace tessera::test
