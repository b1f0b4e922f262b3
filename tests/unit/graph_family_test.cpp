// Networks at other shapes: rules that are found, and what can not change.
#include "graph/graph_family.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tessera/passes.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/shaped_networks.hpp"

namespace tessera {
namespace {

using namespace test;
using testing::HasSubstr;
using List = std::vector<std::int64_t>;

Graph optimised(Graph graph) {
  optimize(graph);
  return graph;
}

GraphFamily familyOf(const GraphSource& source, const ShapeProfile& profile, bool passes = true) {
  std::vector<Graph> graphs;
  for (const InputShapes& shapes : probeShapes(profile))
    graphs.push_back(passes ? optimised(source(shapes)) : source(shapes));
  const Graph largest = graphs.front();
  graphs.erase(graphs.begin());
  return GraphFamily::fit(largest, profile, graphs);
}

// As made for just that shape, constants included.
void expectSameGraph(const GraphFamily& family, const GraphSource& source, const Shape& shape) {
  EXPECT_EQ(family.at(shapesOf(shape)).text(), optimised(source(shapesOf(shape))).text()) << toString(shape);
}

TEST(GraphFamily, GivesNetworksAsTheyAreMadeForAShape) {
  const GraphFamily segmenter = familyOf(segmenterAt, profileOf({1, 3, 16, 16}, {4, 3, 64, 96}));
  for (const Shape& shape :
       {Shape{1, 3, 16, 16}, Shape{3, 3, 20, 72}, Shape{2, 3, 64, 16}, Shape{4, 3, 44, 96}})
    expectSameGraph(segmenter, segmenterAt, shape);
  const GraphFamily classifier = familyOf(classifierAt, profileOf({1, 3, 20, 20}, {8, 3, 20, 20}));
  for (std::int64_t items = 1; items <= 8; ++items)
    expectSameGraph(classifier, classifierAt, {items, 3, 20, 20});
  const GraphFamily attention = familyOf(attentionAt, profileOf({1, 3, 8, 8}, {4, 3, 32, 40}));
  for (const Shape& shape : {Shape{1, 3, 8, 40}, Shape{3, 3, 20, 24}, Shape{4, 3, 32, 8}})
    expectSameGraph(attention, attentionAt, shape);
}

TEST(GraphFamily, SharesTheConstants) {
  const GraphFamily family = familyOf(classifierAt, profileOf({1, 3, 20, 20}, {8, 3, 20, 20}));
  const Graph small = family.at(shapesOf({1, 3, 20, 20}));
  for (TensorId id = 0; id < static_cast<TensorId>(small.tensors().size()); ++id)
    EXPECT_EQ(small.tensor(id).constant, family.largest().tensor(id).constant);
}

TEST(GraphFamily, RefusesShapesOutsideItsProfileByName) {
  const GraphFamily family = familyOf(segmenterAt, profileOf({1, 3, 16, 16}, {4, 3, 64, 96}));
  EXPECT_THAT(refusal([&] { family.at(shapesOf({5, 3, 16, 16})); }), HasSubstr("'x' may be from 1x3x16x16"));
  EXPECT_THAT(refusal([&] { family.at(shapesOf({1, 16, 16})); }), HasSubstr("'x' may be from"));
  EXPECT_THAT(refusal([&] { family.at({{"y", {1}}}); }), HasSubstr("'y'"));
}

// What extents that are no multiples of the strides make of the resized branch was not seen: the size of the
// other branch and twice its own size differ there.
TEST(GraphFamily, RefusesWhatDoesNotFollowFromTheShapesItSaw) {
  const GraphFamily family = familyOf(segmenterAt, profileOf({1, 3, 16, 16}, {4, 3, 64, 96}));
  const std::string why = refusal([&] { family.at(shapesOf({1, 3, 18, 16})); });
  EXPECT_THAT(why, HasSubstr("'resized'"));
  EXPECT_THAT(why, HasSubstr("multiples"));
}

Graph withConstantOf(const InputShapes& shapes) {
  Graph g;
  g.name = "grid";
  const TensorId x = g.addInput("x", DataType::Float32, shapes.at("x"));
  HostTensor scale(DataType::Float32, {1});
  scale.as<float>()[0] = 1.0f / static_cast<float>(shapes.at("x")[2]);  // as an exporter folds x / width
  g.markOutput(g.add("Mul", "normalised", {x, g.addConstant("1/width", scale)}));
  return g;
}

Graph withOtherLayers(const InputShapes& shapes) {
  Graph g;
  g.name = "branching";
  TensorId x = g.addInput("x", DataType::Float32, shapes.at("x"));
  if (shapes.at("x")[0] > 2) x = g.add("Relu", "only large", {x});
  g.markOutput(g.add("Sigmoid", "out", {x}));
  return g;
}

Graph withOtherNumbers(const InputShapes& shapes) {
  const Shape& shape = shapes.at("x");
  Graph g;
  g.name = "cut";
  const TensorId x = g.addInput("x", DataType::Float32, shape);
  g.markOutput(
      g.add("Slice", "cut", {x},
            {{"starts", List{0, 0, 0}}, {"sizes", List{shape[0], shape[1], shape[2] * shape[2] % 7 + 1}}}));
  return g;
}

std::string whyNot(const GraphSource& source, const ShapeProfile& profile) {
  return refusal([&] { familyOf(source, profile, false); }, ErrorCode::Unsupported);
}

TEST(GraphFamily, NamesWhatKeepsShapesFromChanging) {
  EXPECT_THAT(whyNot(withConstantOf, profileOf({1, 2, 8}, {1, 2, 16})), HasSubstr("computed from the shape"));
  EXPECT_THAT(whyNot(withOtherLayers, profileOf({1, 2, 8}, {4, 2, 8})), HasSubstr("only large"));
  const std::string numbers = whyNot(withOtherNumbers, profileOf({1, 2, 8}, {1, 2, 21}));
  EXPECT_THAT(numbers, HasSubstr("'cut'"));
  EXPECT_THAT(numbers, HasSubstr("'sizes'"));
}

TEST(GraphFamily, ProfilesHaveToBeInOrder) {
  EXPECT_THAT(refusal([] {
                checkProfile({{"x", {{1, 3}, {1, 3, 8}, {1, 3, 8}}}});
              }),
              HasSubstr("number of extents"));
  EXPECT_THAT(refusal([] { checkProfile({{"x", {{0, 3}, {1, 3}, {1, 3}}}}); }), HasSubstr("below 1"));
  EXPECT_THAT(refusal([] { checkProfile({{"x", {{2, 3}, {1, 3}, {4, 3}}}}); }), HasSubstr("extent 0"));
}

TEST(GraphFamily, RulesFromElsewhereAreChecked) {
  const GraphFamily family = familyOf(classifierAt, profileOf({1, 3, 20, 20}, {8, 3, 20, 20}));
  ASSERT_FALSE(family.rules().empty());
  const auto with = [&](auto&& change) {
    ShapeRule rule = family.rules().front();
    change(rule);
    return refusal([&] { GraphFamily(family.largest(), family.profile(), {rule}); });
  };
  EXPECT_THAT(with([](ShapeRule& r) { r.layer = 99; }), HasSubstr("names no layer"));
  EXPECT_THAT(with([](ShapeRule& r) { r.attribute = "size"; }), HasSubstr("names no attribute"));
  EXPECT_THAT(with([](ShapeRule& r) { r.entry = 7; }), HasSubstr("names no number"));
  EXPECT_THAT(with([](ShapeRule& r) { r.over = 0; }), HasSubstr("out of range"));
  EXPECT_THAT(with([](ShapeRule& r) { r.axis = 9; }), HasSubstr("names no extent"));
  EXPECT_THAT(with([&](ShapeRule& r) { r.tensor = family.largest().outputs()[0], r.axis = 0; }),
              HasSubstr("comes later"));
}

}  // namespace
}  // namespace tessera
