// NonMaxSuppression, and outputs whose length depends on what it selects: through references, engines and
// contexts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/counted_extents.hpp"
#include "graph/evaluate.hpp"
#include "tessera/context.hpp"
#include "tests/ops/run_operator.hpp"
#include "tests/support/devices.hpp"

namespace tessera {
namespace {

using testing::HasSubstr;
using List = std::vector<std::int64_t>;

// Boxes 0 and 1 share 9 of 11 parts, box 2 is alone.
const HostTensor kBoxes = HostTensor::of<float>({1, 3, 4}, {0, 0, 10, 10, 0, 1, 10, 11, 20, 20, 30, 30});
const HostTensor kScores = HostTensor::of<float>({1, 2, 3}, {0.8f, 0.9f, 0.3f, 0.1f, 0.1f, 0.7f});
const Attributes kSelection = {
    {"max_output_boxes_per_class", 3}, {"iou_threshold", 0.5}, {"score_threshold", 0.2}};

HostTensor rowTensor(List values) {
  return HostTensor::of<std::int64_t>({static_cast<std::int64_t>(values.size()) / 3, 3}, values);
}

TEST(NonMaxSuppression, SelectsByScoreAndDropsWhatOverlaps) {
  const auto y = test::runOperator("NonMaxSuppression", kSelection, {kBoxes, kScores});
  EXPECT_EQ(y[1].integer(0), 3);
  EXPECT_EQ(firstEntries(y[0], 0, 3), rowTensor({0, 0, 1, 0, 0, 2, 0, 1, 2}));
  EXPECT_EQ(y[0].shape, (Shape{6, 3}));
  EXPECT_EQ(y[0].integer(9), -1);
  Attributes loose = kSelection;
  EXPECT_EQ(
      test::runOperator("NonMaxSuppression", loose.set("iou_threshold", 0.9), {kBoxes, kScores})[1].integer(
          0),
      4);
  EXPECT_EQ(test::runOperator("NonMaxSuppression", {}, {kBoxes, kScores})[0].shape, (Shape{0, 3}));
}

TEST(NonMaxSuppression, OfEqualScoresTheLowerBoxComesFirst) {
  const auto equal = HostTensor::of<float>({1, 1, 3}, {0.5f, 0.5f, 0.5f});
  const auto y = test::runOperator("NonMaxSuppression", kSelection, {kBoxes, equal});
  EXPECT_EQ(firstEntries(y[0], 0, y[1].integer(0)), rowTensor({0, 0, 0, 0, 0, 2}));
}

struct Detector {
  Graph graph;
  TensorId selected;

  Detector() {
    graph.name = "detector";
    const TensorId boxes = graph.addInput("boxes", DataType::Float32, {1, 3, 4});
    const TensorId scores = graph.addInput("scores", DataType::Float32, {1, 2, 3});
    selected =
        graph.addLayer("NonMaxSuppression", "nms", {boxes, scores}, kSelection, {"selected", "nms/count"})
            .outputs[0];
  }
  TensorMap run(const HostTensor& scores) const {
    Context context(Engine::build(graph, test::device()));
    return context.run({{"boxes", kBoxes}, {"scores", scores}});
  }
};

TEST(CountedRows, OutputsComeInTheirActualShape) {
  Detector d;
  d.graph.markOutput(d.selected);
  const TensorMap found = d.run(kScores);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.at("selected"), rowTensor({0, 0, 1, 0, 0, 2, 0, 1, 2}));
  HostTensor none(DataType::Float32, {1, 2, 3});
  EXPECT_EQ(d.run(none).at("selected").shape, (Shape{0, 3}));
  EXPECT_EQ(evaluate(d.graph, {{"boxes", kBoxes}, {"scores", kScores}})[0], found.at("selected"));
}

TEST(CountedRows, TheCountIsABindingForCallersWhoReadBuffers) {
  Detector d;
  d.graph.markOutput(d.selected);
  Context context(Engine::build(d.graph, test::device()));
  context.run({{"boxes", kBoxes}, {"scores", kScores}});
  EXPECT_EQ(context.engine().binding("selected").shape, (Shape{6, 3}));
  EXPECT_EQ(context.download("nms/count").integer(0), 3);
}

// The boxes that are selected, with their class behind the corners, as detectors end.
TEST(CountedRows, LayersThatComputeEachRowForItselfKeepTheCount) {
  Detector d;
  Graph& g = d.graph;
  const auto column = [&](std::int64_t i, const std::string& name) {
    return g.add("Slice", name, {d.selected},
                 {{"starts", List{0, i}}, {"sizes", List{6, 1}}, {"steps", List{1, 1}}});
  };
  const TensorId box = g.add("Reshape", "box", {column(2, "boxColumn")}, {{"shape", List{6}}});
  const TensorId flat = g.add("Reshape", "flat", {g.findTensor("boxes")}, {{"shape", List{3, 4}}});
  const TensorId corners = g.add("Gather", "corners", {flat, box}, {{"axis", 0}});
  const TensorId half = g.addConstant("half", HostTensor::of<float>({4}, {0.5f, 0.5f, 0.5f, 0.5f}));
  const TensorId scaled = g.add("Mul", "scaled", {corners, half});
  const TensorId type = g.add("Cast", "class", {column(1, "classColumn")}, {{"to", std::string("f32")}});
  const TensorId all = g.add("Concat", "all", {scaled, type}, {{"axis", 1}});
  g.markOutput(g.add("Reshape", "item", {all}, {{"shape", List{1, 6, 5}}}, {"detections"}));
  const TensorMap found = d.run(kScores);
  EXPECT_EQ(found.at("detections"),
            HostTensor::of<float>({1, 3, 5}, {0, 0.5f, 5, 5.5f, 0, 10, 10, 15, 15, 0, 10, 10, 15, 15, 1}));
  EXPECT_EQ(evaluate(g, {{"boxes", kBoxes}, {"scores", kScores}})[0], found.at("detections"));
}

TEST(CountedRows, LayersThatMixRowsAreRefusedByName) {
  const auto refused = [](const std::string& op, Attributes attrs, bool joins = false) {
    Detector d;
    std::vector<TensorId> operands{d.selected};
    if (joins) operands.push_back(d.graph.addConstant("rows", HostTensor(DataType::Int64, {6, 3})));
    d.graph.markOutput(d.graph.add(op, "mixer", operands, std::move(attrs)));
    try {
      Engine::build(d.graph, test::device());
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::Unsupported);
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(refused("Reduce", {{"mode", std::string("max")}, {"axes", List{0}}}),
              HasSubstr("'mixer' (Reduce) mixes rows of 'selected'"));
  EXPECT_THAT(refused("Reshape", {{"shape", List{18}}}), HasSubstr("mixer"));
  EXPECT_THAT(refused("TopK", {{"k", 1}, {"axis", 0}}), HasSubstr("mixer"));
  EXPECT_THAT(refused("Slice", {{"starts", List{0, 0}}, {"sizes", List{2, 3}}, {"steps", List{1, 1}}}),
              HasSubstr("mixer"));
  EXPECT_THAT(refused("Concat", {{"axis", 0}}, true), HasSubstr("mixer"));
  EXPECT_THAT(refused("Add", {}, true), HasSubstr("joins 'rows' of fixed length to 'selected'"));
  EXPECT_EQ(refused("Reduce", {{"mode", std::string("max")}, {"axes", List{1}}}), "accepted");
}

}  // namespace
}  // namespace tessera
