// Models whose large tensors stay in the file until they are read.
#include "importers/onnx/model_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "importers/onnx/tensor_value.hpp"
#include "tessera/importer.hpp"
#include "tests/import/onnx_model.hpp"

namespace tessera {
namespace {

using onnx::ModelFile;
using onnx::readTensor;
using tessera_onnx::Tensor;
using test::OnnxModel;
using testing::HasSubstr;

constexpr std::int64_t kLarge = 40'000;  // more than ModelFile::kLeast in each type

std::vector<float> ramp(std::int64_t n, float first) {
  std::vector<float> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), first);
  return values;
}

void setRaw(Tensor& tensor, const std::vector<float>& values) {
  tensor.set_raw_data(values.data(), values.size() * sizeof(float));
}

void constantTensor(Tensor& tensor, const std::vector<float>& values) {
  tensor.set_data_type(Tensor::FLOAT);
  tensor.add_dims(static_cast<std::int64_t>(values.size()));
  setRaw(tensor, values);
}

/// Large tensors as an initialiser, in halves, in a node's attribute, in a branch, and in typed fields; x +
/// all.
OnnxModel largeModel() {
  OnnxModel model;
  model.input("x", {kLarge}).output("y");
  setRaw(model.initializer("w", Tensor::FLOAT, {kLarge}), ramp(kLarge, 1));
  std::vector<std::uint16_t> halves(kLarge, 0x3c00);
  model.initializer("h", Tensor::FLOAT16, {kLarge}).set_raw_data(halves.data(), halves.size() * 2);
  model.floats("typed", {kLarge}, ramp(kLarge, 3));
  setRaw(model.initializer("small", Tensor::FLOAT, {1}), {4});
  auto& cond = model.initializer("cond", Tensor::BOOL, {});
  cond.set_raw_data(std::string(1, '\1'));
  auto& constant = model.node("Constant", {}, {"c"}, "constant");
  constantTensor(*OnnxModel::attribute(constant, "value", tessera_onnx::Attribute::TENSOR).mutable_t(),
                 ramp(kLarge, 5));
  auto& choice = model.node("If", {"cond"}, {"b"}, "choice");
  for (const char* branch : {"then_branch", "else_branch"}) {
    auto& graph = *OnnxModel::attribute(choice, branch, tessera_onnx::Attribute::GRAPH).mutable_g();
    auto& inner = *graph.add_initializer();
    constantTensor(inner, ramp(kLarge, 6));
    inner.set_name(std::string("i") + branch);
    OnnxModel::addNode(*graph.mutable_node(), "Neg", {inner.name()}, {std::string("n") + branch}, branch);
    graph.add_output()->set_name(std::string("n") + branch);
  }
  std::string sum = "x";
  for (const char* term : {"w", "h", "typed", "small", "c", "b"}) {
    const std::string next = std::string(term) == "b" ? "y" : "plus_" + std::string(term);
    model.node("Add", {sum, term}, {next}, "add_" + std::string(term));
    sum = next;
  }
  return model;
}

class OnnxModelFile : public testing::Test {
 protected:
  std::filesystem::path file(const OnnxModel& model) { return folder_.write("model.onnx", model.bytes()); }
  test::ScratchFolder folder_;
};

TEST_F(OnnxModelFile, LargeRawDataStayInTheFile) {
  const ModelFile opened(file(largeModel()));
  const auto model = opened.parse();
  const auto& tensors = model.graph().initializer();
  EXPECT_FALSE(tensors[0].has_raw_data());
  EXPECT_FALSE(tensors[1].has_raw_data());
  EXPECT_TRUE(tensors[3].has_raw_data());
  EXPECT_FALSE(model.graph().node(0).attribute(0).t().has_raw_data());
  EXPECT_FALSE(model.graph().node(1).attribute(0).g().initializer(0).has_raw_data());
  EXPECT_LT(model.ByteSizeLong(), kLarge * 5);  // what is typed, and the rest
  EXPECT_EQ(readTensor(tensors[0], {{}, &opened}), HostTensor::of<float>({kLarge}, ramp(kLarge, 1)));
  EXPECT_EQ(readTensor(tensors[1], {{}, &opened}),
            HostTensor::of<float>({kLarge}, std::vector<float>(kLarge, 1)));
}

TEST_F(OnnxModelFile, OtherwiseTheModelIsAsWritten) {
  const OnnxModel written = largeModel();
  const ModelFile opened(file(written));
  EXPECT_EQ(opened.parse(std::uint64_t{1} << 40).SerializeAsString(), written.bytes());
  auto model = opened.parse();
  auto& w = *model.mutable_graph()->mutable_initializer(0);
  setRaw(w, ramp(kLarge, 1));
  w.clear_file_offset(), w.clear_file_bytes();
  EXPECT_EQ(w.SerializeAsString(), written.model.graph().initializer(0).SerializeAsString());
}

TEST_F(OnnxModelFile, ImportsTheSameValues) {
  const Graph graph = importOnnx(file(largeModel()));
  const auto valueOf = [&](const char* name) { return *graph.tensor(graph.findTensor(name)).constant; };
  EXPECT_EQ(valueOf("w"), HostTensor::of<float>({kLarge}, ramp(kLarge, 1)));
  EXPECT_EQ(valueOf("typed"), HostTensor::of<float>({kLarge}, ramp(kLarge, 3)));
  EXPECT_EQ(valueOf("c"), HostTensor::of<float>({kLarge}, ramp(kLarge, 5)));
  EXPECT_EQ(valueOf("b").number(10), -16);
}

TEST_F(OnnxModelFile, RawDataThatDoNotFitTheShapeAreRefused) {
  OnnxModel model = largeModel();
  model.graph().mutable_initializer(0)->set_dims(0, kLarge + 1);
  try {
    importOnnx(file(model));
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("'w' holds 160000 bytes"));
  }
}

TEST_F(OnnxModelFile, RawDataGivenTwiceAreTheLast) {
  Tensor first, second;
  constantTensor(first, ramp(kLarge, 1));
  second.set_raw_data(std::string(kLarge * sizeof(float), '\0'));
  OnnxModel model;
  model.graph().add_initializer();
  std::string tensor = first.SerializeAsString() + second.SerializeAsString();
  // Model { graph { initializer { .. } } } by hand.
  const auto inside = [](int field, const std::string& bytes) {
    std::string out(1, static_cast<char>(field << 3 | 2));
    std::size_t n = bytes.size();
    for (; n >= 0x80; n >>= 7) out += static_cast<char>(n | 0x80);
    return out + static_cast<char>(n) + bytes;
  };
  const ModelFile opened(folder_.write("twice.onnx", inside(7, inside(5, tensor))));
  const auto parsed = opened.parse();
  EXPECT_EQ(parsed.graph().initializer(0).raw_data(), second.raw_data());
  EXPECT_EQ(readTensor(parsed.graph().initializer(0), {{}, &opened}),
            HostTensor(DataType::Float32, {kLarge}));
}

TEST_F(OnnxModelFile, PlacesBeyondTheFileAreRefused) {
  OnnxModel model = largeModel();
  auto& w = *model.graph().mutable_initializer(0);
  w.clear_raw_data();
  w.set_file_offset(std::uint64_t{1} << 62);
  w.set_file_bytes(kLarge * sizeof(float));
  EXPECT_THROW(importOnnx(file(model)), Error);
}

TEST_F(OnnxModelFile, FilesCutOffMeanwhileAreRefused) {
  const auto path = file(largeModel());
  const ModelFile opened(path);
  const auto model = opened.parse();
  std::filesystem::resize_file(path, 1000);
  try {
    readTensor(model.graph().initializer(0), {{}, &opened});
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("became shorter"));
  }
}

TEST_F(OnnxModelFile, EveryTruncationIsRefused) {
  const std::string whole = largeModel().bytes();
  for (std::size_t size = 1; size < whole.size(); size += whole.size() / 97) {
    const auto path = folder_.write("cut.onnx", whole.substr(0, size));
    EXPECT_THROW(importOnnx(path), Error) << size;
  }
}

}  // namespace
}  // namespace tessera
