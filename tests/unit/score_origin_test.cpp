// Whether scores are probabilities, by the layers that make them.
#include "exec/score_origin.hpp"

#include <gtest/gtest.h>

namespace tessera {
namespace {

Graph scores(const std::string& expression) {
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 5});
  const TensorId y = g.add("Pointwise", "chain", {x}, {{"expression", expression}}, {"y"});
  g.markOutput(g.add("Reshape", "rows", {y}, {{"shape", Shape{5}}}, {"z"}));
  return g;
}

TEST(ScoreOrigin, AChainThatEndsInASigmoidGivesProbabilities) {
  EXPECT_EQ(scoreKindOf(scores("t0=Relu(x0);t1=Sigmoid(t0)"), "z"), ScoreKind::Probabilities);
  EXPECT_EQ(scoreKindOf(scores("t0=Sigmoid(x0);t1=Relu(t0)"), "z"), ScoreKind::Logits);
}

// As INT8 networks end: codes of a softmax's results, decoded.
TEST(ScoreOrigin, CodingKeepsProbabilities) {
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 5});
  const TensorId p = g.add("Softmax", "softmax", {x}, {{"axis", 1}}, {"p"});
  const TensorId codes =
      g.add("QPointwise", "code", {p},
            {{"expression", std::string()}, {"scales", std::vector<double>{0}}, {"rate", 127.0}}, {"codes"});
  g.markOutput(g.add("QPointwise", "decode", {codes},
                     {{"expression", std::string()}, {"scales", std::vector<double>{1.0 / 127}}}, {"y"}));
  EXPECT_EQ(scoreKindOf(g, "y"), ScoreKind::Probabilities);
}

}  // namespace
}  // namespace tessera
