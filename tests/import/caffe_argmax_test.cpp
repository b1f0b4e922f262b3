// ArgMax has the shapes and takes the ties of Caffe's.
#include "tests/import/caffe_case.hpp"

namespace tessera {
namespace {

using namespace test;

HostTensor best(const Shape& shape, const std::string& parameters, const std::vector<float>& values) {
  CaffeCase net(oneLayer(shape, "ArgMax", "argmax_param { " + parameters + " }"));
  return net.run({tensor(shape, values)})[0];
}

TEST(CaffeArgMax, WithoutAnAxisEachItemIsOneListWhateverItsRank) {
  const std::vector<float> x = {0, 5, 2, 1, 1, 9};
  expectValues(best({2, 3}, "", x), {2, 1, 1}, {1, 2});
  expectValues(best({2, 3, 1}, "", x), {2, 1, 1}, {1, 2});
  expectValues(best({2, 1, 3, 1}, "", x), {2, 1, 1, 1}, {1, 2});
  expectValues(best({2, 3, 1, 1, 1}, "", x), {2, 1, 1, 1, 1}, {1, 2});
  expectValues(best({6}, "", x), {6, 1, 1}, {0, 0, 0, 0, 0, 0});
  expectValues(best({1, 3, 1, 2}, "", x), {1, 1, 1, 1}, {5});
}

TEST(CaffeArgMax, SeveralAreOrderedBestFirst) {
  const std::vector<float> x = {0, 5, 2, 1, 1, 9};
  expectValues(best({2, 3, 1, 1}, "top_k: 2", x), {2, 1, 2, 1}, {1, 2, 2, 1});
  expectValues(best({2, 3}, "top_k: 3", x), {2, 1, 3}, {1, 2, 0, 2, 1, 0});
}

TEST(CaffeArgMax, MaximaAreASecondChannelAfterTheIndices) {
  const std::vector<float> x = {0, 5, 2, 1, 1, 9};
  expectValues(best({2, 3}, "out_max_val: true", x), {2, 2, 1}, {1, 5, 2, 9});
  expectValues(best({2, 3, 1, 1}, "out_max_val: true top_k: 2", x), {2, 2, 2, 1}, {1, 2, 5, 2, 2, 1, 9, 1});
}

TEST(CaffeArgMax, AlongAnAxisOnlyThatExtentChanges) {
  const std::vector<float> x = {0, 5, 2, 1, 1, 9};
  expectValues(best({1, 3, 1, 2}, "axis: 1", x), {1, 1, 1, 2}, {1, 2});
  expectValues(best({1, 3, 1, 2}, "axis: -3 top_k: 2", x), {1, 2, 1, 2}, {1, 2, 2, 0});
  expectValues(best({1, 3, 1, 2}, "axis: 1 top_k: 2 out_max_val: true", x), {1, 2, 1, 2}, {2, 9, 1, 5});
  expectValues(best({1, 3, 1, 2}, "axis: 1 out_max_val: true", x), {1, 1, 1, 2}, {2, 9});
  expectValues(best({2, 3}, "axis: 0", x), {1, 3}, {1, 0, 1});
}

TEST(CaffeArgMax, OfEqualOnesTheLastComesFirst) {
  const std::vector<float> x = {7, 3, 7, 7};
  expectValues(best({1, 4}, "", x), {1, 1, 1}, {3});
  expectValues(best({1, 4}, "top_k: 4", x), {1, 1, 4}, {3, 2, 0, 1});
  expectValues(best({1, 4}, "axis: 1 top_k: 2", x), {1, 2}, {3, 2});
}

}  // namespace
}  // namespace tessera
