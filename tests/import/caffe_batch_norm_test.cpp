// The orders in which Caffe and its forks store the blobs of BatchNorm.
#include "tests/import/caffe_case.hpp"

namespace tessera {
namespace {

using namespace test;
using testing::HasSubstr;
using Blobs = std::vector<std::pair<Shape, std::vector<float>>>;

const std::vector<float> kMean = {1, 2, -1}, kVariance = {3, 8, 15}, kScale = {2, -1, 4},
                         kOffsets = {10, 0, -1};
// eps 1: y = (x - mean) / {2, 3, 4} * scale + bias
const std::vector<float> kPlain = {2, 2, 1}, kAffine = {14, -2, 3};
const HostTensor kInput = HostTensor::of<float>({1, 3, 1, 1}, {5, 8, 3});

CaffeCase& with(CaffeCase& net, const Blobs& blobs) {
  for (const auto& [shape, values] : blobs) net.blob("layer", shape, values);
  return net;
}

std::string prototxt(const std::string& more = {}) {
  return oneLayer({1, 3, 1, 1}, "BatchNorm", "batch_norm_param { eps: 1 " + more + " }");
}

TEST(CaffeBatchNorm, EveryOrderOfBlobsIsRead) {
  const Shape list = {3}, legacy = {1, 3, 1, 1};
  std::vector<float> doubledMean = kMean, doubledVariance = kVariance;
  for (auto* values : {&doubledMean, &doubledVariance})
    for (float& value : *values) value *= 2;
  const struct {
    const char* who;
    const char* parameters;
    Blobs blobs;
    const std::vector<float>& wanted;
  } cases[] = {
      {"BVLC", "", {{list, doubledMean}, {list, doubledVariance}, {{1}, {2}}}, kPlain},
      {"NVCaffe 0.14",
       "",
       {{legacy, kScale}, {legacy, kOffsets}, {{1, 1, 1, 1}, {0}}, {legacy, kMean}, {legacy, kVariance}},
       kAffine},
      {"NVCaffe 0.15",
       "scale_filler { value: 1 }",
       {{legacy, kScale}, {legacy, kOffsets}, {legacy, kMean}, {legacy, kVariance}, {{1, 1, 1, 1}, {1}}},
       kAffine},
      {"NVCaffe 0.17",
       "",
       {{list, kMean}, {list, kVariance}, {{1}, {1}}, {list, kScale}, {list, kOffsets}},
       kAffine},
      {"NVCaffe 0.17, said so",
       "scale_bias: true",
       {{list, kMean}, {list, kVariance}, {{1}, {1}}, {list, kScale}, {list, kOffsets}},
       kAffine},
      {"Intel",
       "",
       {{list, kScale}, {list, kOffsets}, {list, doubledMean}, {list, doubledVariance}, {{1}, {2}}},
       kAffine},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.who);
    CaffeCase net(prototxt(c.parameters));
    expectValues(with(net, c.blobs).run({kInput})[0], {1, 3, 1, 1}, c.wanted);
  }
}

TEST(CaffeBatchNorm, WhatIsAmbiguousIsRefused) {
  CaffeCase four(prototxt());
  with(four, {{{3}, kMean}, {{3}, kVariance}, {{3}, kScale}, {{3}, kOffsets}});
  EXPECT_THAT(failure(four, ErrorCode::Unsupported), HasSubstr("BatchNorm 'layer'"));
  EXPECT_THAT(failure(four, ErrorCode::Unsupported), HasSubstr("order of its 4 blobs (3, 3, 3, 3)"));

  CaffeCase noFactor(prototxt());
  with(noFactor, {{{3}, kMean}, {{3}, kVariance}, {{3}, kScale}, {{3}, kOffsets}, {{3}, kOffsets}});
  EXPECT_THAT(failure(noFactor, ErrorCode::Unsupported), HasSubstr("neither the third nor the last"));

  CaffeCase swapped(prototxt());  // scale, bias, factor 1, mean, variance: no fork writes that
  with(swapped, {{{3}, kScale}, {{3}, kOffsets}, {{1}, {1}}, {{3}, kMean}, {{3}, kVariance}});
  EXPECT_THAT(failure(swapped, ErrorCode::Unsupported), HasSubstr("variance, has the value -1"));

  const std::string one = oneLayer({1, 1, 1, 1}, "BatchNorm", "batch_norm_param { eps: 1 PARAM }");
  const Blobs numbers = {{{1}, {1}}, {{1}, {3}}, {{1}, {1}}, {{1}, {2}}, {{1}, {10}}};
  CaffeCase unclear(one.substr(0, one.find("PARAM")) + "} }");
  EXPECT_THAT(failure(with(unclear, numbers), ErrorCode::Unsupported), HasSubstr("set scale_bias: true"));
  CaffeCase clear(one.substr(0, one.find("PARAM")) + "scale_bias: true } }");
  expectValues(with(clear, numbers).run({tensor({1, 1, 1, 1}, {5})})[0], {1, 1, 1, 1}, {14});
}

TEST(CaffeBatchNorm, MissingBlobsAreNamed) {
  CaffeCase two(prototxt());
  EXPECT_THAT(failure(with(two, {{{3}, kMean}, {{3}, kVariance}})),
              HasSubstr("its scale factor (blob 2) is missing"));
  CaffeCase none(prototxt());
  EXPECT_THAT(failure(none), HasSubstr("is missing"));
}

}  // namespace
}  // namespace tessera
