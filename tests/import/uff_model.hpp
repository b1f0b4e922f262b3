/// \file
/// UFF files that tests build in code.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "tessera/tensor.hpp"
#include "uff/uff.pb.h"

namespace tessera::test {

class UffModel {
 public:
  UffModel() {
    meta.set_version(1);
    meta.set_descriptor_core_version(1);
    meta.add_graphs()->set_id("main");
    reference("orders_N+C_+CK", {{0, 2, 2147483647, 1}, {2, 2147483647, 1, 0}});
    reference("orders_N+C_+KC", {{0, 2, 2147483647, 1}, {2, 2147483647, 0, 1}});
    reference("orders_NC_CK", {{0, 1}, {1, 0}});
  }

  static tessera_uff::Data& field(tessera_uff::Node& node, const std::string& key) {
    auto& added = *node.add_fields();
    added.set_key(key);
    return *added.mutable_value();
  }
  static void set(tessera_uff::Node& node, const std::string& key, const std::vector<int>& values) {
    auto& list = *field(node, key).mutable_i_list();
    for (const int value : values) list.add_val(value);
  }
  static void set(tessera_uff::Node& node, const std::string& key, const std::string& value) {
    field(node, key).set_s(value);
  }
  tessera_uff::Node& node(const std::string& operation, const std::string& id,
                          const std::vector<std::string>& inputs = {}) {
    auto& added = *meta.mutable_graphs(0)->add_nodes();
    added.set_operation(operation);
    added.set_id(id);
    for (const auto& input : inputs) added.add_inputs(input);
    return added;
  }
  tessera_uff::Node& function(const std::string& operation, const std::string& func, const std::string& id,
                              const std::vector<std::string>& inputs) {
    auto& added = node(operation, id, inputs);
    set(added, "func", func);
    return added;
  }
  static void ordered(tessera_uff::Node& node, const std::string& reference) {
    field(node, "inputs_orders").set_ref(reference);
  }
  void input(const std::string& id, const std::vector<int>& shape) {
    auto& added = node("Input", id);
    field(added, "dtype").set_dtype(131104);
    set(added, "shape", shape);
  }
  void floats(const std::string& id, const std::vector<int>& shape, const std::vector<float>& values) {
    auto& added = node("Const", id);
    field(added, "dtype").set_dtype(131104);
    set(added, "shape", shape);
    field(added, "values").set_ref("weights_" + id);
    auto& data = *meta.add_referenced_data();
    data.set_key("weights_" + id);
    std::string bytes(values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    data.mutable_value()->set_blob(bytes);
  }
  std::string bytes() const { return meta.SerializeAsString(); }

  tessera_uff::MetaGraph meta;

 private:
  void reference(const std::string& key, const std::vector<std::vector<std::int64_t>>& orders) {
    auto& data = *meta.add_referenced_data();
    data.set_key(key);
    for (const auto& axes : orders) {
      auto& entry = *data.mutable_value()->mutable_dim_orders_list()->add_val()->add_orders();
      entry.set_key(-1);
      for (const std::int64_t axis : axes) entry.mutable_value()->add_val(axis);
    }
  }
};

/// A classifier with a window, a normalisation, a pooling and a matrix product.
inline UffModel uffClassifier() {
  const auto numbers = [](int count, float from) {
    std::vector<float> values;
    for (int i = 0; i < count; ++i) values.push_back(from + 0.07f * static_cast<float>(i % 11) - 0.3f);
    return values;
  };
  UffModel m;
  m.input("image", {-1, 8, 8, 3});
  m.floats("w", {3, 3, 3, 4}, numbers(108, 0));
  m.floats("b", {4}, numbers(4, 0));
  auto& conv = m.node("Conv", "conv", {"image", "w"});
  UffModel::ordered(conv, "orders_N+C_+CK");
  UffModel::set(conv, "strides", std::vector<int>{2, 1});
  UffModel::set(conv, "implicit_padding", "same");
  m.function("Binary", "add", "biased", {"conv", "b"});
  for (const char* name : {"gamma", "beta", "mean", "variance"}) m.floats(name, {4}, numbers(4, 0.9f));
  auto& norm = m.node("BatchNorm", "norm", {"biased", "gamma", "beta", "mean", "variance"});
  UffModel::ordered(norm, "orders_N+C_+CK");
  UffModel::field(norm, "epsilon").set_d(0.01);
  m.function("Activation", "relu6", "relu", {"norm"});
  auto& pool = m.function("Pool", "max", "pool", {"relu"});
  UffModel::ordered(pool, "orders_N+C_+CK");
  UffModel::set(pool, "kernel", std::vector<int>{2, 2});
  UffModel::set(pool, "strides", std::vector<int>{2, 2});
  m.node("Flatten", "flat", {"pool"});
  m.floats("matrix", {32, 5}, numbers(160, 0));
  UffModel::ordered(m.node("FullyConnected", "scores", {"flat", "matrix"}), "orders_NC_CK");
  m.node("Softmax", "probability", {"scores"});
  m.node("MarkOutput", "MarkOutput_0", {"probability"});
  return m;
}

}  // namespace tessera::test
