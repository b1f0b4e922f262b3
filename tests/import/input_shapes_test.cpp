// Open extents of inputs: what closes them, and what the error says where nothing does.
#include <gmock/gmock.h>

#include "importers/common/input_shapes.hpp"
#include "tests/import/onnx_fixture.hpp"

namespace tessera {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using DeclaredExtents = std::vector<DeclaredExtent>;

DeclaredInput input(const std::string& name, DeclaredExtents extents) {
  return {name, DataType::Float32, true, std::move(extents)};
}
DeclaredExtent symbol(const std::string& name) { return {-1, name}; }
DeclaredExtent fixed(std::int64_t value) { return {value, {}}; }
const DeclaredExtent kOpen;

std::map<std::string, Shape> resolve(const std::vector<DeclaredInput>& inputs,
                                     const ImportOptions& options = {}) {
  return resolveInputShapes("m.onnx", inputs, options);
}
std::string refusal(const std::vector<DeclaredInput>& inputs, const ImportOptions& options = {}) {
  return test::refusal([&] { resolve(inputs, options); });
}

const DeclaredInput kImage = input("x", {symbol("batch"), fixed(3), symbol("height"), symbol("width")});

TEST(InputShapes, TheErrorListsEveryOpenInputAndTheOptionsThatCloseThem) {
  const auto mask = input("mask", {symbol("batch"), fixed(1), symbol("height"), symbol("width")});
  EXPECT_THAT(refusal({kImage, input("fixed", {fixed(1), fixed(2)}), mask}),
              AllOf(HasSubstr("2 inputs"), HasSubstr("'x' [1, 3, 'height', 'width']"),
                    HasSubstr("--shape x=1x3x480x640 --shape mask=1x1x480x640"), Not(HasSubstr("'fixed'"))));
  EXPECT_THAT(refusal({input("nhwc", {kOpen, kOpen, kOpen, fixed(3)})}),
              HasSubstr("--shape nhwc=1x480x640x3"));
  EXPECT_THAT(refusal({input("hwc", {symbol("height"), symbol("width"), fixed(3)})}),
              HasSubstr("--shape hwc=480x640x3"));
  EXPECT_THAT(refusal({{"none", DataType::Float32, false, {}}}),
              AllOf(HasSubstr("no shape"), HasSubstr("--shape none=1x3x480x640")));
}

TEST(InputShapes, AShapeClosesTheSymbolsOfOtherInputs) {
  const auto mask = input("mask", {symbol("batch"), symbol("height"), symbol("width")});
  ImportOptions options;
  options.inputShapes["x"] = {2, 3, 8, 9};
  const auto shapes = resolve({mask, kImage}, options);
  EXPECT_EQ(shapes.at("x"), (Shape{2, 3, 8, 9}));
  EXPECT_EQ(shapes.at("mask"), (Shape{2, 8, 9}));
  options.inputShapes["mask"] = {2, 7, 9};
  EXPECT_THAT(refusal({mask, kImage}, options), AllOf(HasSubstr("'height'"), HasSubstr("7"), HasSubstr("8")));
}

// Exporters write one word for every extent without a name.
TEST(InputShapes, AWordThatNamesNothingIsNoName) {
  for (const char* word : {"?", "-1", "None", "*"}) {
    const auto image = input("x", {symbol(word), fixed(3), symbol(word), symbol(word)});
    ImportOptions options;
    options.inputShapes["x"] = {1, 3, 48, 192};
    const auto shapes = resolve({image, input("lengths", {symbol(word)})}, options);
    EXPECT_EQ(shapes.at("x"), (Shape{1, 3, 48, 192})) << word;
    EXPECT_EQ(shapes.at("lengths"), (Shape{1})) << word << ": the batch, not an extent of x";
  }
}

TEST(InputShapes, AStarFillsWhatIsOpen) {
  ImportOptions options;
  options.inputShapes["*"] = {1, 3, 8, 9};
  const auto mask = input("mask", {kOpen, fixed(1), kOpen, kOpen});
  const auto sizes = input("sizes", {fixed(2)});
  const auto shapes = resolve({kImage, mask, sizes, {"free", DataType::Float32, false, {}}}, options);
  EXPECT_EQ(shapes.at("x"), (Shape{1, 3, 8, 9}));
  EXPECT_EQ(shapes.at("mask"), (Shape{1, 1, 8, 9})) << "what the model fixes stays";
  EXPECT_EQ(shapes.at("sizes"), (Shape{2}));
  EXPECT_EQ(shapes.at("free"), (Shape{1, 3, 8, 9}));
  EXPECT_THAT(refusal({input("x", {fixed(1), fixed(3), fixed(4), fixed(4)})}, options),
              HasSubstr("fits none"));
  EXPECT_THAT(refusal({input("x", {kOpen, kOpen})}, options), HasSubstr("fits none"));
  EXPECT_THAT(refusal({input("x", {kOpen, fixed(4), kOpen, kOpen})}, options), HasSubstr("fits none"))
      << "the only input has another number of channels";
}

TEST(InputShapes, TheCallerIsAskedForWhatIsStillOpen) {
  ImportOptions options;
  options.inputShapes["y"] = {1, 5};
  std::vector<std::string> asked;
  options.openShape = [&](const std::string& name,
                          const std::vector<std::int64_t>& declared) -> std::optional<Shape> {
    asked.push_back(name);
    if (name == "z") return std::nullopt;
    EXPECT_EQ(declared, (std::vector<std::int64_t>{-1, 3, -1, -1}));
    return Shape{2, 9, 8, 6};
  };
  const auto shapes = resolve(
      {kImage, input("y", {kOpen, kOpen}), input("z", {kOpen, fixed(4)}), input("w", {symbol("width")})},
      options);
  EXPECT_EQ(asked, (std::vector<std::string>{"x", "z"}));
  EXPECT_EQ(shapes.at("x"), (Shape{2, 3, 8, 6})) << "what the model fixes stays";
  EXPECT_EQ(shapes.at("z"), (Shape{1, 4}));
  EXPECT_EQ(shapes.at("w"), (Shape{6}));
}

TEST(InputShapes, TheBatchMayStandAnywhere) {
  ImportOptions options;
  options.batch = 4;
  EXPECT_EQ(resolve({input("x", {kOpen, fixed(3)})}, options).at("x"), (Shape{4, 3}));
  EXPECT_EQ(resolve({input("x", {fixed(7), symbol("batch_size"), fixed(3)})}, options).at("x"),
            (Shape{7, 4, 3}));
  EXPECT_EQ(
      resolve({input("x", {symbol("N"), fixed(3)}), input("y", {fixed(2), symbol("N")})}, options).at("y"),
      (Shape{2, 4}));
  // A first extent that names something else is no batch, nor is one beside a batch that is named.
  EXPECT_THAT(refusal({input("x", {symbol("height"), fixed(640), fixed(3)})}, options),
              HasSubstr("'height'"));
  EXPECT_THAT(refusal({input("x", {symbol("steps"), symbol("batch"), fixed(3)})}, options),
              HasSubstr("['steps', 4, 3]"));
}

TEST(InputShapes, ShapesThatDoNotFitAreRefused) {
  ImportOptions options;
  options.inputShapes["x"] = {1, 3, 8};
  EXPECT_THAT(refusal({kImage}, options), AllOf(HasSubstr("4 extents"), HasSubstr("3")));
  options.inputShapes["x"] = {1, 3, 8, -1};
  EXPECT_THAT(refusal({kImage}, options), HasSubstr("negative"));
}

}  // namespace
}  // namespace tessera
