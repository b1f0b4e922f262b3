// TensorFlow's frozen graphs, binary and text, TensorFlow Lite models, and UFF.
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <fstream>
#include <iterator>

#include "importers/tensorflow/import.hpp"
#include "importers/tflite/import.hpp"
#include "importers/uff/import.hpp"
#include "tessera/error.hpp"
#include "tessera/passes.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/import/onnx_model.hpp"
#include "tests/import/tensorflow_model.hpp"
#include "tests/import/uff_model.hpp"
#include "tests/support/support.hpp"

namespace tessera::test {
namespace {

void readGraphDefText(std::string_view bytes) {
  static const ScratchFolder folder;
  Graph graph = importTensorflow(folder.write("graph.pb", std::string(bytes)));
  optimize(graph);
}

/// A small classifier: convolutions, pooling, normalisation, a flattened image.
TensorflowModel network() {
  TensorflowModel m;
  m.input("image", {1, 8, 8, 3});
  m.floats("w", {3, 3, 3, 4}, std::vector<float>(108, 0.1f)).floats("b", {4}, {0, 1, -1, 2});
  auto& conv = m.node("Conv2D", "conv", {"image", "w"});
  TensorflowModel::set(conv, "padding", "SAME");
  TensorflowModel::set(conv, "strides", std::vector<int>{1, 2, 2, 1});
  m.node("BiasAdd", "biased", {"conv", "b"});
  for (const char* name : {"scale", "shift", "mean", "variance"}) m.floats(name, {4}, {1, 2, 3, 4});
  auto& norm = m.node("FusedBatchNormV3", "norm", {"biased", "scale", "shift", "mean", "variance"});
  TensorflowModel::attribute(norm, "is_training").set_b(false);
  m.node("Relu6", "relu", {"norm"});
  auto& pool = m.node("MaxPool", "pool", {"relu"});
  TensorflowModel::set(pool, "ksize", std::vector<int>{1, 2, 2, 1});
  TensorflowModel::set(pool, "strides", std::vector<int>{1, 2, 2, 1});
  TensorflowModel::set(pool, "padding", "VALID");
  m.ints("flat", {2}, {-1, 16}).floats("m", {16, 5}, std::vector<float>(80, 0.5f));
  m.node("Reshape", "rows", {"pool", "flat"});
  m.node("MatMul", "scores", {"rows", "m"});
  m.node("Softmax", "probability", {"scores"});
  return m;
}

/// Shapes and moves, with operands that are read as numbers.
TensorflowModel moves() {
  TensorflowModel m;
  m.input("x", {-1, 4, 6, 4});
  m.ints("axes", {2}, {1, 2}).ints("axis", {}, {3}).ints("size", {2}, {8, 3}).ints("perm", {4}, {0, 3, 1, 2});
  m.ints("pads", {4, 2}, {0, 0, 1, 1, 0, 2, 0, 0})
      .ints("from", {4}, {0, 1, 0, 0})
      .ints("to", {4}, {1, -1, 5, 4});
  m.ints("steps", {4}, {1, 1, 2, 1}).ints("block", {2}, {2, 2}).ints("none", {2, 2}, {0, 0, 0, 0});
  TensorflowModel::attribute(m.node("Mean", "mean", {"x", "axes"}), "keep_dims").set_b(true);
  m.node("Mul", "scaled", {"x", "mean"});
  TensorflowModel::attribute(m.node("Split", "split", {"axis", "scaled"}), "num_split").set_i(2);
  m.node("ConcatV2", "join", {"split:1", "split", "axis"});
  m.node("Pad", "pad", {"join", "pads"});
  TensorflowModel::attribute(m.node("StridedSlice", "slice", {"pad", "from", "to", "steps"}), "begin_mask")
      .set_i(5);
  TensorflowModel::attribute(m.node("ResizeBilinear", "resize", {"slice", "size"}), "half_pixel_centers")
      .set_b(true);
  m.node("SpaceToBatchND", "batches", {"x", "block", "none"});
  m.node("BatchToSpaceND", "space", {"batches", "block", "none"});
  m.node("Transpose", "turned", {"resize", "perm"});
  m.node("Shape", "shape", {"space"});
  m.node("Reshape", "last", {"space", "shape"});
  m.node("ArgMax", "classes", {"turned", "axis"});
  return m;
}

std::string text(const tessera_tensorflow::Graph& graph) {
  std::string out;
  google::protobuf::TextFormat::PrintToString(graph, &out);
  return out;
}

template <class Write>
std::string mutated(tessera_tensorflow::Graph graph, Random& random, Write write) {
  for (std::size_t n = 1 + random.below(3); n > 0; --n) mutateMessage(graph, random);
  return write(graph);
}

std::string mutateBinary(std::string_view bytes, Random& random) {
  tessera_tensorflow::Graph graph;
  graph.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  return mutated(std::move(graph), random, [](const auto& g) { return g.SerializePartialAsString(); });
}

std::string mutateText(std::string_view bytes, Random& random) {
  class Silent : public google::protobuf::io::ErrorCollector {
    void AddError(int, int, const std::string&) override {}
  } silent;
  tessera_tensorflow::Graph graph;
  google::protobuf::TextFormat::Parser parser;
  parser.SetRecursionLimit(100);
  parser.RecordErrorsTo(&silent);
  parser.ParseFromString(std::string(bytes), &graph);
  return mutated(std::move(graph), random, text);
}

void readTflite(std::string_view bytes) {
  static const ScratchFolder folder;
  Graph graph = importTflite(folder.write("model.tflite", std::string(bytes)));
  optimize(graph);
}

/// Recorded models: floats, codes, many operators, a custom operator with options of its own.
std::vector<std::string> liteModels() {
  std::vector<std::string> seeds;
  for (const char* name : {"lite_conv", "lite_conv_codes", "lite_shapes", "lite_detection"}) {
    std::ifstream in(sourceFolder() / "tests/import/tensorflow/data" / (std::string(name) + ".tflite"),
                     std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return seeds;
}

void readUff(std::string_view bytes) {
  static const ScratchFolder folder;
  Graph graph = importUff(folder.write("model.uff", std::string(bytes)));
  optimize(graph);
}

std::string mutateUff(std::string_view bytes, Random& random) {
  tessera_uff::MetaGraph meta;
  meta.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  for (std::size_t n = 1 + random.below(3); n > 0; --n) mutateMessage(meta, random);
  return meta.SerializePartialAsString();
}

std::vector<std::string> uffModels() { return {uffClassifier().bytes()}; }

std::vector<std::string> binaries() { return {network().bytes(), moves().bytes()}; }
std::vector<std::string> texts() { return {text(network().graph), text(moves().graph)}; }

}  // namespace

std::vector<FuzzTarget> tensorflowTargets() {
  return {{"graphdef", readGraphDefText, binaries, mutateBinary},
          {"graphdef_text", readGraphDefText, texts, mutateText},
          {"tflite", readTflite, liteModels},
          {"uff", readUff, uffModels, mutateUff}};
}

}  // namespace tessera::test
