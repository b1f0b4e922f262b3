/// \file
/// Small ONNX models written by tests.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "onnx/onnx.pb.h"
#include "tessera/tensor.hpp"

namespace tessera::test {

/// Dimension -1 is written as the symbol "N", others below as "d<i>".
class OnnxModel {
 public:
  explicit OnnxModel(int opset = 13) {
    model.set_ir_version(8);
    auto* set = model.add_opset_import();
    set->set_domain("");
    set->set_version(opset);
    model.mutable_graph()->set_name("test");
  }

  OnnxModel& input(const std::string& name, std::vector<std::int64_t> dims,
                   int type = tessera_onnx::Tensor::FLOAT) {
    auto* value = graph().add_input();
    value->set_name(name);
    auto* tensor = value->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type);
    tensor->mutable_shape();
    for (std::size_t i = 0; i < dims.size(); ++i) {
      auto* dim = tensor->mutable_shape()->add_dim();
      if (dims[i] >= 0)
        dim->set_dim_value(dims[i]);
      else
        dim->set_dim_param(i == 0 ? "N" : "d" + std::to_string(i));
    }
    return *this;
  }
  OnnxModel& output(const std::string& name) {
    graph().add_output()->set_name(name);
    return *this;
  }
  tessera_onnx::Tensor& initializer(const std::string& name, int type, std::vector<std::int64_t> dims) {
    auto* tensor = graph().add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(type);
    for (auto extent : dims) tensor->add_dims(extent);
    return *tensor;
  }
  OnnxModel& floats(const std::string& name, std::vector<std::int64_t> dims,
                    const std::vector<float>& values) {
    auto& tensor = initializer(name, tessera_onnx::Tensor::FLOAT, std::move(dims));
    for (float value : values) tensor.add_float_data(value);
    return *this;
  }
  OnnxModel& ints(const std::string& name, const std::vector<std::int64_t>& values) {
    auto& tensor = initializer(name, tessera_onnx::Tensor::INT64, {static_cast<std::int64_t>(values.size())});
    for (auto value : values) tensor.add_int64_data(value);
    return *this;
  }
  tessera_onnx::Node& node(const std::string& type, const std::vector<std::string>& inputs,
                           const std::vector<std::string>& outputs, const std::string& name = {}) {
    return addNode(*graph().mutable_node(), type, inputs, outputs, name);
  }
  static tessera_onnx::Node& addNode(google::protobuf::RepeatedPtrField<tessera_onnx::Node>& nodes,
                                     const std::string& type, const std::vector<std::string>& inputs,
                                     const std::vector<std::string>& outputs, const std::string& name = {}) {
    auto* node = nodes.Add();
    node->set_op_type(type);
    if (!name.empty()) node->set_name(name);
    for (const auto& input : inputs) node->add_input(input);
    for (const auto& output : outputs) node->add_output(output);
    return *node;
  }
  static tessera_onnx::Attribute& attribute(tessera_onnx::Node& node, const std::string& name, int type) {
    auto* attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return *attribute;
  }
  static void set(tessera_onnx::Node& node, const std::string& name, std::int64_t value) {
    attribute(node, name, tessera_onnx::Attribute::INT).set_i(value);
  }
  static void set(tessera_onnx::Node& node, const std::string& name,
                  const std::vector<std::int64_t>& values) {
    auto& list = attribute(node, name, tessera_onnx::Attribute::INTS);
    for (auto value : values) list.add_ints(value);
  }

  tessera_onnx::Graph& graph() { return *model.mutable_graph(); }
  std::string bytes() const { return model.SerializeAsString(); }

  tessera_onnx::Model model;
};

/// A folder of its own that goes away with the object.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tessera-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace tessera::test
