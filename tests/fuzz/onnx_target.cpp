// ONNX files.
#include "onnx/onnx.pb.h"
#include "tessera/error.hpp"
#include "tessera/importer.hpp"
#include "tessera/passes.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/import/onnx_model.hpp"

namespace tessera::test {
namespace {

void readOnnx(std::string_view bytes) {
  static const ScratchFolder folder;
  Graph graph = importOnnx(folder.write("model.onnx", std::string(bytes)));
  optimize(graph);
}

std::string mutateOnnx(std::string_view bytes, Random& random) {
  tessera_onnx::Model model;
  model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  for (std::size_t n = 1 + random.below(3); n > 0; --n) mutateMessage(model, random);
  return model.SerializePartialAsString();
}

std::string network() {
  OnnxModel m(17);
  m.input("image", {1, 3, 8, 8});
  m.floats("w", {4, 3, 3, 3}, std::vector<float>(108, 0.1f)).floats("b", {4}, {0, 1, -1, 2});
  for (const char* name : {"scale", "shift", "mean", "variance"}) m.floats(name, {4}, {1, 2, 3, 4});
  auto& conv = m.node("Conv", {"image", "w", "b"}, {"c"}, "conv");
  OnnxModel::set(conv, "pads", std::vector<std::int64_t>{1, 1, 1, 1});
  OnnxModel::set(conv, "strides", std::vector<std::int64_t>{1, 1});
  OnnxModel::set(conv, "group", 1);
  m.node("BatchNormalization", {"c", "scale", "shift", "mean", "variance"}, {"n"});
  m.node("Relu", {"n"}, {"r"});
  auto& pool = m.node("MaxPool", {"r"}, {"p"});
  OnnxModel::set(pool, "kernel_shape", std::vector<std::int64_t>{2, 2});
  OnnxModel::set(pool, "strides", std::vector<std::int64_t>{2, 2});
  m.node("GlobalAveragePool", {"p"}, {"g"});
  OnnxModel::set(m.node("Flatten", {"g"}, {"f"}), "axis", 1);
  m.floats("m", {5, 4}, std::vector<float>(20, 0.5f)).floats("v", {5}, {1, 2, 3, 4, 5});
  OnnxModel::set(m.node("Gemm", {"f", "m", "v"}, {"s"}), "transB", 1);
  OnnxModel::set(m.node("Softmax", {"s"}, {"probability"}), "axis", -1);
  m.output("probability");
  return m.bytes();
}

std::string shapes() {
  OnnxModel m(13);
  m.input("x", {-1, 4, 6, 6});
  m.ints("half", {0, 2, -1})
      .ints("pads", {0, 0, 1, 1, 0, 0, 1, 1})
      .ints("start", {1})
      .ints("end", {-1})
      .ints("axis", {2});
  m.floats("roi", {0}, {})
      .floats("scales", {4}, {1, 1, 2, 0.5f})
      .ints("index", {1, 0, -1})
      .ints("repeats", {1, 2, 1, 1});
  m.node("Shape", {"x"}, {"shape"});
  OnnxModel::set(m.node("Gather", {"shape", "index"}, {"picked"}), "axis", 0);
  auto& fill = m.node("ConstantOfShape", {"picked"}, {"filled"});
  auto* value = OnnxModel::attribute(fill, "value", tessera_onnx::Attribute::TENSOR).mutable_t();
  value->set_data_type(tessera_onnx::Tensor::FLOAT);
  value->add_dims(1);
  value->add_float_data(0.5f);
  m.node("ReduceSum", {"filled"}, {"sum"});
  m.node("Pad", {"x", "pads"}, {"padded"});
  m.node("Slice", {"padded", "start", "end", "axis"}, {"sliced"});
  m.node("Resize", {"sliced", "roi", "scales"}, {"resized"});
  OnnxModel::set(m.node("Transpose", {"resized"}, {"turned"}), "perm", std::vector<std::int64_t>{0, 2, 3, 1});
  m.node("Tile", {"x", "repeats"}, {"tiled"});
  auto& split = m.node("Split", {"tiled"}, {"one", "two"});
  OnnxModel::set(split, "axis", 1);
  OnnxModel::set(m.node("Concat", {"one", "two"}, {"joined"}), "axis", 1);
  m.node("Mul", {"joined", "sum"}, {"scaled"});
  m.node("Reshape", {"turned", "half"}, {"flat"});
  OnnxModel::set(m.node("ArgMax", {"scaled"}, {"classes"}), "axis", 1);
  m.output("flat").output("classes");
  return m.bytes();
}

std::string quantised() {
  OnnxModel m(13);
  m.input("x", {1, 2, 5, 5});
  m.floats("s", {}, {0.05f}).floats("ws", {3}, {0.1f, 0.2f, 0.3f});
  m.initializer("z", tessera_onnx::Tensor::INT8, {}).add_int32_data(0);
  auto& zeros = m.initializer("wz", tessera_onnx::Tensor::INT8, {3});
  for (int i = 0; i < 3; ++i) zeros.add_int32_data(0);
  m.initializer("w", tessera_onnx::Tensor::INT8, {3, 2, 3, 3}).set_raw_data(std::string(54, '\x07'));
  m.node("QuantizeLinear", {"x", "s", "z"}, {"xq"});
  m.node("DequantizeLinear", {"xq", "s", "z"}, {"xd"});
  OnnxModel::set(m.node("DequantizeLinear", {"w", "ws", "wz"}, {"wd"}), "axis", 0);
  m.node("Conv", {"xd", "wd"}, {"c"});
  m.node("QuantizeLinear", {"c", "s", "z"}, {"cq"});
  m.node("DequantizeLinear", {"cq", "s", "z"}, {"y"});
  m.output("y");
  return m.bytes();
}

std::string recurrent() {
  OnnxModel m(14);
  m.input("x", {3, 1, 2});
  m.floats("w", {1, 8, 2}, std::vector<float>(16, 0.1f)).floats("r", {1, 8, 2}, std::vector<float>(16, 0.2f));
  OnnxModel::set(m.node("LSTM", {"x", "w", "r"}, {"y", "h"}), "hidden_size", 2);
  m.node("Erf", {"h"}, {"e"});
  auto& sum = m.node("Einsum", {"x", "x"}, {"q"});
  OnnxModel::attribute(sum, "equation", tessera_onnx::Attribute::STRING).set_s("abc,abd->acd");
  m.output("y").output("e").output("q");
  return m.bytes();
}

std::string nested() {
  OnnxModel m(16);
  m.input("x", {2, 3}).input("which", {}, tessera_onnx::Tensor::BOOL);
  auto& choice = m.node("If", {"which"}, {"y"});
  for (const char* name : {"then_branch", "else_branch"}) {
    auto& graph = *OnnxModel::attribute(choice, name, tessera_onnx::Attribute::GRAPH).mutable_g();
    graph.set_name(name);
    OnnxModel::addNode(*graph.mutable_node(), name[0] == 't' ? "Relu" : "Neg", {"x"}, {"r"});
    graph.add_output()->set_name("r");
  }
  auto& function = *m.model.add_functions();
  function.set_name("Twice");
  function.set_domain("own");
  function.add_input("a");
  function.add_output("b");
  auto* set = function.add_opset_import();
  set->set_domain("");
  set->set_version(16);
  OnnxModel::addNode(*function.mutable_node(), "Add", {"a", "a"}, {"b"});
  auto* own = m.model.add_opset_import();
  own->set_domain("own");
  own->set_version(1);
  m.node("Twice", {"y"}, {"z"}).set_domain("own");
  m.output("z");
  return m.bytes();
}

std::vector<std::string> seeds() { return {network(), shapes(), quantised(), recurrent(), nested()}; }

}  // namespace

std::vector<FuzzTarget> onnxTargets() { return {{"onnx", readOnnx, seeds, mutateOnnx}}; }

}  // namespace tessera::test
