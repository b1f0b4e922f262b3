// From scores to classes.
#include "tessera/classification.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tessera {
namespace {

TEST(Softmax, SumsUpToOneWithoutOverflow) {
  const auto p = softmax(std::vector<float>{1000, 1001, 999});
  EXPECT_NEAR(p[0], 1 / (1 + std::exp(1.0) + std::exp(-1.0)), 1e-7);
  EXPECT_NEAR(p[0] + p[1] + p[2], 1, 1e-6);
}

TEST(TopClasses, AreTheHighestWithTheLowerOfEqualsFirst) {
  const std::vector<float> scores{0.1F, 0.3F, std::nanf(""), 0.3F, 0.2F};
  EXPECT_EQ(topClasses(scores, 3, 0), (std::vector<ClassScore>{{1, 0.3F}, {3, 0.3F}, {4, 0.2F}}));
  EXPECT_EQ(topClasses(scores, 9, 0.15), (std::vector<ClassScore>{{1, 0.3F}, {3, 0.3F}, {4, 0.2F}}));
  EXPECT_TRUE(topClasses(scores, 0, 0).empty());
}

TEST(Classify, ReadsItemsOfABatch) {
  const HostTensor scores = HostTensor::of<float>({2, 3, 1, 1}, {1, 2, 3, 6, 5, 4});
  ClassificationOptions options;
  options.top = 1;
  EXPECT_EQ(classify(scores, 1, 2, options), (std::vector<ClassScore>{{0, 6.0F}}));
  options.kind = ScoreKind::Logits;
  EXPECT_NEAR(classify(scores, 0, 2, options)[0].confidence, 1 / (1 + std::exp(-1.0) + std::exp(-2.0)), 1e-6);
  EXPECT_THROW(classify(scores, 2, 2, options), Error);
  EXPECT_THROW(classify(scores, 0, 3, options), Error);
}

TEST(Classify, TellsScoresFromOtherOutputs) {
  EXPECT_EQ(classCountOf(DataType::Float32, {1, 1000}, 1), 1000);
  EXPECT_EQ(classCountOf(DataType::Float32, {1000}, 1), 1000);
  EXPECT_EQ(classCountOf(DataType::Float32, {4, 1, 1, 10}, 4), 10);
  EXPECT_EQ(classCountOf(DataType::Float32, {4, 10}, 2), 0);
  EXPECT_EQ(classCountOf(DataType::Float32, {1, 3, 8, 8}, 1), 0);
  EXPECT_EQ(classCountOf(DataType::Int64, {1, 10}, 1), 0);
}

}  // namespace
}  // namespace tessera
