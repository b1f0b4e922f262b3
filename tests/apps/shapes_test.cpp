// Shapes that change, on the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/common/npy.hpp"
#include "apps/common/program.hpp"
#include "apps/common/shapes.hpp"
#include "tests/apps/program.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

using app::readJson;
using app::readNpy;
using app::writeNpy;
using test::Folder;
using test::ProgramResult;
using test::runProgram;
using testing::HasSubstr;

class Ranges : public testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder / name).string(); }
  ProgramResult run(const std::string& network, std::vector<std::string> more) const {
    more.insert(more.begin(), {"run", network, "--out", at("out")});
    return runProgram("tessera", more);
  }

  Folder folder;
  std::string model = test::writeColorNetwork(folder.path());
  const std::vector<std::string> range{"--min-shape", "image=1x3x24x32", "--max-shape", "image=4x3x48x64"};
};

// The network's scores are its image.
TEST_F(Ranges, OnePlanRunsEveryShape) {
  std::vector<std::string> arguments{"build", model, "--out", at("net.plan")};
  arguments.insert(arguments.end(), range.begin(), range.end());
  const auto built = runProgram("tessera", arguments);
  ASSERT_EQ(built.code, 0) << built.err;
  for (const Shape& shape : {Shape{1, 3, 24, 32}, Shape{3, 3, 30, 64}, Shape{4, 3, 48, 64}}) {
    const HostTensor image = test::portableRandom(shape, 4, 0, 1);
    writeNpy(folder / "image.npy", image);
    const auto result = run(at("net.plan"), {"--input", at("image.npy")});
    ASSERT_EQ(result.code, 0) << result.err;
    const HostTensor scores = readNpy(folder / "out" / "scores.npy");
    EXPECT_EQ(scores.shape, shape);
    EXPECT_EQ(scores.data, image.data);
  }
  writeNpy(folder / "image.npy", test::portableRandom({5, 3, 24, 32}, 4, 0, 1));
  const auto large = run(at("net.plan"), {"--input", at("image.npy")});
  EXPECT_EQ(large.code, 1);
  EXPECT_THAT(large.err, HasSubstr("4x3x48x64"));
  const auto bench = runProgram("tessera", {"bench", at("net.plan"), "--shape", "image=2x3x24x32", "--runs",
                                            "2", "--json", at("bench.json")});
  ASSERT_EQ(bench.code, 0) << bench.err;
  EXPECT_EQ(readJson(folder / "bench.json")["batch"], 2);
}

TEST_F(Ranges, InspectShowsThem) {
  std::vector<std::string> arguments{"inspect", model, "--json", at("i.json")};
  arguments.insert(arguments.end(), range.begin(), range.end());
  const auto result = runProgram("tessera", arguments);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("input  image  f32:1x3x24x32 to 4x3x48x64"));
  EXPECT_EQ(readJson(folder / "i.json")["bindings"][0]["min_shape"], (Shape{1, 3, 24, 32}));
  arguments.push_back("--graph");
  EXPECT_EQ(runProgram("tessera", {"calibrate", model, "--min-shape", "1x3x24x32"}).code, 2);
}

// Of a model that fixes its batch, without names, with a shape to tune for.
TEST_F(Ranges, AreForAllInputsWithAsManyExtents) {
  const auto result = run(
      model, {"--random", "--min-shape", "1x3x24x32", "--max-shape", "4x3x24x32", "--shape", "2x3x24x32"});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto none = run(model, {"--random", "--min-shape", "1x3", "--max-shape", "4x3"});
  EXPECT_EQ(none.code, 2);
  EXPECT_THAT(none.err, HasSubstr("No input of the model has as many extents"));
}

TEST_F(Ranges, WrongOnesAreSaid) {
  const auto one = run(model, {"--random", "--max-shape", "image=4x3x48x64"});
  EXPECT_EQ(one.code, 2);
  EXPECT_THAT(one.err, HasSubstr("only one of --min-shape and --max-shape"));
  const auto unknown = run(model, {"--random", "--min-shape", "x=1x3x24x32", "--max-shape", "x=4x3x48x64"});
  EXPECT_NE(unknown.code, 0);
  EXPECT_THAT(unknown.err, HasSubstr("x"));
  const auto order =
      run(model, {"--random", "--min-shape", "image=5x3x24x32", "--max-shape", "image=4x3x48x64"});
  EXPECT_EQ(order.code, 2);
  EXPECT_THAT(order.err, HasSubstr("does not grow"));
}

TEST(ShapeRangeArguments, NamesAndAllInputs) {
  Graph graph;
  graph.addInput("a", DataType::Float32, {8, 3});
  graph.addInput("b", DataType::Float32, {8, 3});
  app::ShapeRangeArguments arguments;
  arguments.least = {"*=1x3", "b=2x3"};
  arguments.most = {"8x3"};
  const ShapeProfile profile = arguments.profile(graph, {{"a", {4, 3}}});
  EXPECT_EQ(profile.at("a"), (ShapeRange{{1, 3}, {4, 3}, {8, 3}}));
  EXPECT_EQ(profile.at("b"), (ShapeRange{{2, 3}, {8, 3}, {8, 3}}));
  arguments.least.push_back("c=1x3");
  EXPECT_THROW(arguments.profile(graph, {}), app::UsageError);
}

}  // namespace
}  // namespace tessera
