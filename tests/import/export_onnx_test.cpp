// Float networks written as ONNX come back as the same networks, and their batch can be changed in the file.
#include <gtest/gtest.h>

#include <fstream>

#include "bench/reference_networks.hpp"
#include "tessera/exporter.hpp"
#include "tests/import/onnx_fixture.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

class ExportOnnx : public test::OnnxFixture {
 protected:
  std::filesystem::path write(const Graph& graph) {
    const auto file = folder_.path() / "out.onnx";
    exportOnnx(graph, file);
    return file;
  }
  static HostTensor image(std::int64_t batch, std::int64_t side, unsigned seed) {
    return test::portableRandom({batch, 3, side, side}, seed, 0, 1);
  }
};

TEST_F(ExportOnnx, ADetectorComesBackBitByBit) {
  const Graph network = bench::yoloxNano(1, 32);
  const Graph again = importOnnx(write(network));
  const std::string input = network.tensor(network.inputs()[0]).name;
  EXPECT_EQ(again.tensor(again.inputs()[0]).name, input);
  const HostTensor x = image(1, 32, 5);
  const auto wanted = evaluate(network, {{input, x}}), got = evaluate(again, {{input, x}});
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(again.tensor(again.outputs()[i]).name, network.tensor(network.outputs()[i]).name);
    EXPECT_EQ(got[i].shape, wanted[i].shape);
    EXPECT_EQ(got[i].data, wanted[i].data);
  }
}

TEST_F(ExportOnnx, TheBatchStaysOpen) {
  const Graph network = bench::yoloxNano(1, 32);
  const auto file = write(network);
  tessera_onnx::Model model;
  {
    std::ifstream in(file, std::ios::binary);
    ASSERT_TRUE(model.ParseFromIstream(&in));
  }
  for (auto* list : {model.mutable_graph()->mutable_input(), model.mutable_graph()->mutable_output()})
    for (auto& value : *list)
      value.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_value(2);
  const Graph two = importOnnx(folder_.write("two.onnx", model.SerializeAsString()));
  const std::string input = network.tensor(network.inputs()[0]).name;
  const HostTensor result = evaluate(two, {{input, image(2, 32, 6)}}).at(0);
  const auto both = result.as<float>();
  const HostTensor pair = image(2, 32, 6);
  HostTensor second(DataType::Float32, {1, 3, 32, 32});
  std::copy_n(pair.as<float>().begin() + second.size(), second.size(), second.as<float>().begin());
  const auto alone = evaluate(network, {{input, second}}).at(0);
  const auto wanted = alone.as<float>();
  ASSERT_EQ(both.size(), 2 * wanted.size());
  EXPECT_TRUE(
      std::equal(wanted.begin(), wanted.end(), both.begin() + static_cast<std::ptrdiff_t>(wanted.size())));
}

TEST_F(ExportOnnx, NamesEveryLayerThatHasNoForm) {
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 4, 4, 4});
  const TensorId padded =
      g.add("Pad", "around", {x},
            {{"pads", std::vector<std::int64_t>{0, 0, 1, 1, 0, 0, 1, 1}}, {"mode", std::string("wrap")}});
  g.markOutput(padded);
  const auto file = folder_.path() / "none.onnx";
  const std::string why = test::refusal([&] { exportOnnx(g, file); }, ErrorCode::Unsupported);
  EXPECT_NE(why.find("'around'"), std::string::npos) << why;
  EXPECT_NE(why.find("wrapping"), std::string::npos) << why;
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace tessera
