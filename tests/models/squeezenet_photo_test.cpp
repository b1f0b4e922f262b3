// SqueezeNet 1.1 (Caffe) names what a photo shows, by the scalar references on the host.
#include <gtest/gtest.h>

#include <fstream>

#include "graph/evaluate.hpp"
#include "tessera/importer.hpp"
#include "tessera/passes.hpp"
#include "tests/support/images.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

std::filesystem::path folder() { return test::sharedFolder() / "models" / "squeezenet"; }
std::filesystem::path photo() { return test::sharedFolder() / "images" / "coco" / "coco3.jpg"; }

Graph squeezeNet() {
  return importCaffe(folder() / "squeezenet_v1.1.prototxt", folder() / "squeezenet_v1.1.caffemodel");
}

HostTensor input() { return test::planarImage(photo(), 227, 227, {104, 117, 123}); }

void expectSoccerBall(const HostTensor& probabilities) {
  std::ifstream file(folder() / "synset_words.txt");
  std::vector<std::string> labels;
  for (std::string line; std::getline(file, line);) labels.push_back(line);
  ASSERT_EQ(static_cast<std::int64_t>(labels.size()), probabilities.size());
  std::int64_t best = 0;
  double sum = 0;
  for (std::int64_t i = 0; i < probabilities.size(); ++i) {
    if (probabilities.number(i) > probabilities.number(best)) best = i;
    sum += probabilities.number(i);
  }
  EXPECT_NE(labels[best].find("soccer ball"), std::string::npos) << labels[best];
  EXPECT_NEAR(probabilities.number(best), 0.965, 0.005);
  EXPECT_NEAR(sum, 1, 1e-4);
}

TEST(SqueezeNet, SeesTheBallOnTheHost) {
  if (!std::filesystem::exists(folder()) || !std::filesystem::exists(photo()))
    GTEST_SKIP() << folder() << " is absent";
  Graph graph = squeezeNet();
  optimize(graph);
  expectSoccerBall(evaluate(graph, {{"data", input()}})[0]);
}

}  // namespace
}  // namespace tessera
