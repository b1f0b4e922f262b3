// An ONNX model while it is written.
#include "exporters/onnx/model_writer.hpp"

#include "base/write_file.hpp"

namespace tessera::onnx {
namespace {

using tessera_onnx::Attribute;
using tessera_onnx::Tensor;

constexpr int kIrVersion = 8;
constexpr std::size_t kMostMessageBytes = (std::size_t{1} << 31) - 1;  // of a protobuf message

int elementType(DataType type) {
  switch (type) {
    case DataType::Float32:
      return Tensor::FLOAT;
    case DataType::Float16:
      return Tensor::FLOAT16;
    case DataType::Int8:
      return Tensor::INT8;
    case DataType::UInt8:
      return Tensor::UINT8;
    case DataType::Int32:
      return Tensor::INT32;
    case DataType::Int64:
      return Tensor::INT64;
    case DataType::Bool:
      return Tensor::BOOL;
    case DataType::None:
      break;
  }
  return Tensor::UNDEFINED;
}

struct SetValue {
  Attribute& to;
  void operator()(std::int64_t v) const { to.set_type(Attribute::INT), to.set_i(v); }
  void operator()(double v) const { to.set_type(Attribute::FLOAT), to.set_f(static_cast<float>(v)); }
  void operator()(const std::string& v) const { to.set_type(Attribute::STRING), to.set_s(v); }
  void operator()(const std::vector<std::int64_t>& v) const {
    to.set_type(Attribute::INTS);
    for (const auto i : v) to.add_ints(i);
  }
  void operator()(const std::vector<double>& v) const {
    to.set_type(Attribute::FLOATS);
    for (const double f : v) to.add_floats(static_cast<float>(f));
  }
};

std::string firstFree(std::set<std::string>& taken, const std::string& wanted) {
  std::string name = wanted;
  for (int i = 2; !taken.insert(name).second; ++i) name = wanted + "#" + std::to_string(i);
  return name;
}

}  // namespace

ModelWriter::ModelWriter(const std::string& graphName) {
  model_.set_ir_version(kIrVersion);
  model_.set_producer_name("Tessera");
  auto* set = model_.add_opset_import();
  set->set_domain("");
  set->set_version(kWrittenOpset);
  model_.mutable_graph()->set_name(graphName.empty() ? "network" : graphName);
}

std::string ModelWriter::unique(const std::string& wanted) { return firstFree(taken_, wanted); }

void ModelWriter::describe(tessera_onnx::ValueInfo& value, const std::string& name,
                           const GraphTensor& tensor) {
  value.set_name(name);
  auto& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(elementType(tensor.type));
  type.mutable_shape();
  for (const auto extent : tensor.shape) type.mutable_shape()->add_dim()->set_dim_value(extent);
}

void ModelWriter::addInput(const GraphTensor& tensor) {
  describe(*model_.mutable_graph()->add_input(), tensor.name, tensor);
}

void ModelWriter::addOutput(const std::string& name, const GraphTensor& tensor) {
  describe(*model_.mutable_graph()->add_output(), name, tensor);
}

std::string ModelWriter::constant(const std::string& wanted, const HostTensor& value) {
  const std::string name = unique(wanted);
  auto& tensor = *model_.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(elementType(value.type));
  for (const auto extent : value.shape) tensor.add_dims(extent);
  tensor.set_raw_data(value.data.data(), value.data.size());
  return name;
}

std::string ModelWriter::integers(const std::string& wanted, const std::vector<std::int64_t>& values) {
  return constant(wanted, HostTensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
}

std::string ModelWriter::node(const std::string& type, const std::string& name,
                              const std::vector<std::string>& inputs, const std::string& output,
                              const Attributes& attrs) {
  nodes(type, name, inputs, {output}, attrs);
  return output;
}

void ModelWriter::nodes(const std::string& type, const std::string& name,
                        const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                        const Attributes& attrs) {
  auto& node = *model_.mutable_graph()->add_node();
  node.set_op_type(type);
  node.set_name(firstFree(nodeNames_, name));
  for (const auto& input : inputs) node.add_input(input);
  for (const auto& output : outputs) node.add_output(output);
  for (const auto& [key, value] : attrs.all()) {
    auto& attribute = *node.add_attribute();
    attribute.set_name(key);
    std::visit(SetValue{attribute}, value);
  }
}

void ModelWriter::save(const std::filesystem::path& file) const {
  if (model_.ByteSizeLong() > kMostMessageBytes)
    throw Error(ErrorCode::Unsupported,
                "the model takes more than the 2 GiB that an ONNX file can hold without others beside it");
  AtomicFile out(file);
  out.write(model_.SerializeAsString());
  out.commit();
}

}  // namespace tessera::onnx
