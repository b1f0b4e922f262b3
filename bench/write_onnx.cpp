// Layer graphs to ONNX.
#include "bench/write_onnx.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>

#include "onnx/onnx.pb.h"

namespace tessera::bench {
namespace {

namespace pb = tessera_onnx;

// Operators without attributes that ONNX calls as we do.
constexpr std::string_view kSameName[] = {"Relu", "Sigmoid", "Add", "Sub", "Mul", "Div", "Identity"};

class Writer {
 public:
  explicit Writer(const Graph& graph) : graph_(graph) {
    model_.set_ir_version(8);
    model_.set_producer_name("tessera");
    model_.add_opset_import()->set_version(13);
    out_ = model_.mutable_graph();
    out_->set_name(graph.name);
  }

  pb::Model write() {
    for (const TensorId id : graph_.inputs()) describe(*out_->add_input(), id);
    for (const TensorId id : graph_.outputs()) describe(*out_->add_output(), id);
    for (const GraphTensor& tensor : graph_.tensors())
      if (tensor.isConstant()) addConstant(tensor.name, *tensor.constant);
    for (const Layer& layer : graph_.layers()) addLayer(layer);
    return std::move(model_);
  }

 private:
  const std::string& nameOf(TensorId id) const { return graph_.tensor(id).name; }

  void describe(pb::ValueInfo& info, TensorId id) {
    info.set_name(nameOf(id));
    auto* type = info.mutable_type()->mutable_tensor_type();
    type->set_elem_type(pb::Tensor::FLOAT);
    for (const std::int64_t extent : graph_.tensor(id).shape)
      type->mutable_shape()->add_dim()->set_dim_value(extent);
  }
  void addConstant(const std::string& name, const HostTensor& value) {
    auto* tensor = out_->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(pb::Tensor::FLOAT);
    for (const std::int64_t extent : value.shape) tensor->add_dims(extent);
    tensor->set_raw_data(value.data.data(), value.data.size());
  }
  pb::Node& node(const std::string& type, const Layer& layer) {
    auto* added = out_->add_node();
    added->set_op_type(type);
    added->set_name(layer.name);
    for (const TensorId input : layer.inputs) added->add_input(nameOf(input));
    for (const TensorId output : layer.outputs) added->add_output(nameOf(output));
    return *added;
  }
  static void set(pb::Node& node, const std::string& name, std::int64_t value) {
    auto* attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(pb::Attribute::INT);
    attribute->set_i(value);
  }
  static void set(pb::Node& node, const std::string& name, const std::vector<std::int64_t>& values) {
    auto* attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(pb::Attribute::INTS);
    for (const std::int64_t value : values) attribute->add_ints(value);
  }

  static void set(pb::Node& node, const std::string& name, const std::string& value) {
    auto* attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(pb::Attribute::STRING);
    attribute->set_s(value);
  }
  // A list of integers as a constant that the node reads.
  void addList(pb::Node& node, const std::string& name, const std::vector<std::int64_t>& values) {
    auto* tensor = out_->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(pb::Tensor::INT64);
    tensor->add_dims(static_cast<std::int64_t>(values.size()));
    for (const std::int64_t value : values) tensor->add_int64_data(value);
    node.add_input(name);
  }
  void addSlice(const Layer& layer) {
    auto& made = node("Slice", layer);
    const auto starts = layer.attrs.integers("starts"), sizes = layer.attrs.integers("sizes");
    const auto steps = layer.attrs.integers("steps", std::vector<std::int64_t>(starts.size(), 1));
    const Shape& from = graph_.tensor(layer.inputs[0]).shape;
    std::vector<std::int64_t> begins, ends, axes, strides;
    for (std::size_t i = 0; i < starts.size(); ++i) {
      if (steps[i] < 1)
        throw Error(ErrorCode::Unsupported, "layer " + layer.name + ": a negative step is not written");
      if (starts[i] == 0 && steps[i] == 1 && sizes[i] == from[i]) continue;  // the batch stays open
      begins.push_back(starts[i]);
      ends.push_back(starts[i] + (sizes[i] - 1) * steps[i] + 1);
      axes.push_back(static_cast<std::int64_t>(i));
      strides.push_back(steps[i]);
    }
    addList(made, layer.name + ".starts", begins);
    addList(made, layer.name + ".ends", ends);
    addList(made, layer.name + ".axes", axes);
    addList(made, layer.name + ".steps", strides);
  }

  void addLayer(const Layer& layer) {
    const Attributes& a = layer.attrs;
    if (layer.op == "Convolution" || layer.op == "Deconvolution") {
      auto& made = node(layer.op == "Convolution" ? "Conv" : "ConvTranspose", layer);
      set(made, "strides", a.integers("strides", {1, 1}));
      set(made, "pads", a.integers("pads", {0, 0, 0, 0}));
      set(made, "group", a.integer("group", 1));
    } else if (layer.op == "Pool" && a.string("mode") == "max") {
      auto& made = node("MaxPool", layer);
      set(made, "kernel_shape", a.integers("kernel"));
      set(made, "strides", a.integers("strides", {1, 1}));
      set(made, "pads", a.integers("pads", {0, 0, 0, 0}));
      set(made, "ceil_mode", a.integer("ceil_mode"));
    } else if (layer.op == "GlobalPool" && a.string("mode") == "average") {
      node("GlobalAveragePool", layer);
    } else if (layer.op == "FullyConnected") {
      Layer flat = layer;
      flat.inputs.resize(1);
      auto& flatten = node("Flatten", flat);
      flatten.set_name(layer.name + ".flatten");
      flatten.set_output(0, layer.name + ".flat");
      auto& made = node("Gemm", layer);
      made.set_input(0, layer.name + ".flat");
      set(made, "transB", 1);
    } else if (layer.op == "Clip") {
      auto& made = node("Clip", layer);
      for (const char* bound : {"alpha", "beta"}) {
        addConstant(layer.name + "." + bound, HostTensor::scalar(static_cast<float>(a.number(bound))));
        made.add_input(layer.name + "." + bound);
      }
    } else if (layer.op == "Concat") {
      set(node("Concat", layer), "axis", a.integer("axis"));
    } else if (layer.op == "Softmax") {
      set(node("Softmax", layer), "axis", a.integer("axis"));
    } else if (layer.op == "Transpose") {
      set(node("Transpose", layer), "perm", a.integers("perm"));
    } else if (layer.op == "Reshape") {
      addList(node("Reshape", layer), layer.name + ".shape", a.integers("shape"));
    } else if (layer.op == "Resize" && a.string("mode") == "nearest") {
      auto& made = node("Resize", layer);
      made.add_input(""), made.add_input("");  // roi, scales
      addList(made, layer.name + ".sizes", a.integers("sizes"));
      for (const auto& [name, attribute] : {std::pair{"mode", "mode"},
                                            {"coordinate_transformation_mode", "coordinate"},
                                            {"nearest_mode", "nearest"}})
        set(made, name, a.string(attribute));
    } else if (layer.op == "Slice") {
      addSlice(layer);
    } else if (layer.op == "Dropout") {
      node("Identity", layer);
    } else if (std::ranges::find(kSameName, layer.op) != std::end(kSameName)) {
      node(layer.op, layer);
    } else {
      throw Error(ErrorCode::Unsupported,
                  "layer " + layer.name + ": " + layer.op + " is not written as ONNX");
    }
  }

  const Graph& graph_;
  pb::Model model_;
  pb::Graph* out_ = nullptr;
};

}  // namespace

void writeOnnx(const Graph& graph, const std::filesystem::path& file) {
  const pb::Model model = Writer(graph).write();
  std::filesystem::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  if (!model.SerializeToOstream(&out) || !out.flush())
    throw Error(ErrorCode::InvalidArgument, "can not write " + file.string());
}

}  // namespace tessera::bench
