// tessera compare and tessera run --compare.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "apps/common/npy.hpp"
#include "tests/apps/program.hpp"

namespace tessera {

namespace {

using app::readJson;
using test::Folder;
using test::runProgram;
using testing::HasSubstr;

class ComparePrograms : public testing::Test {
 protected:
  Folder folder;
  std::string model = test::writeColorNetwork(folder.path());
  std::string at(const std::string& name) const { return (folder / name).string(); }
};

TEST_F(ComparePrograms, PrecisionsOfOneModel) {
  const auto result =
      runProgram("tessera", {"compare", model, "--precision-b", "fp16", "--json", at("c.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("no layer is bad"));
  const auto json = readJson(folder / "c.json");
  ASSERT_FALSE(json["layers"].empty());
  const auto named = [](const auto& layer) { return layer["name"] == "score"; };
  EXPECT_TRUE(std::ranges::any_of(json["layers"], named));
  EXPECT_TRUE(json["first_bad"].is_null());
  EXPECT_GT(json["outputs"]["scores"]["relative"].get<double>(), 0) << "fp16 rounds";
}

TEST_F(ComparePrograms, APlanWithAModelWhoseWeightsDiffer) {
  ASSERT_EQ(runProgram("tessera", {"build", model, "--out", at("a.plan")}).code, 0);
  caffe::TrainedNet weights;
  ASSERT_TRUE(weights.ParseFromString(app::readFile(folder / "net.caffemodel")));
  weights.mutable_layer(0)->mutable_blobs(0)->set_data(0, 0.5f);
  test::writeText(folder / "net.caffemodel", weights.SerializeAsString());
  const auto result = runProgram("tessera", {"compare", at("a.plan"), model, "--tolerance", "0.01"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out, HasSubstr("first bad layer: score ('scores')"));
}

TEST_F(ComparePrograms, ARunWithItsReference) {
  HostTensor x(DataType::Float32, {1, 3, 24, 32});
  for (std::int64_t i = 0; i < x.size(); ++i) x.setNumber(i, static_cast<double>(i % 17) - 8);
  app::writeNpy(folder / "x.npy", x);
  const auto run = [&](const std::string& reference, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"run",     model,    "--input",    at("x.npy"), "--out",
                                       at("out"), "--json", at("r.json"), "--compare", reference};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return runProgram("tessera", arguments);
  };
  EXPECT_EQ(run(at("x.npy")).code, 0) << "its weights are the identity";
  EXPECT_TRUE(readJson(folder / "r.json")["compared"]["scores"]["agrees"].get<bool>());
  HostTensor other = x;
  other.as<float>()[100] += 0.5f;
  app::writeNpy(folder / "y.npy", other);
  const auto differs = run("scores=" + at("y.npy"));
  EXPECT_EQ(differs.code, 1);
  EXPECT_THAT(differs.out, HasSubstr("1 of 2304 elements, the worst at 100"));
  EXPECT_EQ(run(at("y.npy"), {"--atol", "0.6"}).code, 0);
  app::writeNpy(folder / "z.npy", HostTensor(DataType::Float32, {1, 3}));
  EXPECT_EQ(run(at("z.npy")).code, 1);
  const auto unknown = run("nobody=" + at("y.npy"));
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("no output 'nobody'; it has: scores"));
}

}  // namespace
}  // namespace tessera
