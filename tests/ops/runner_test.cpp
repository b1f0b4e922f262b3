// Runner on networks small enough to follow by hand.
#include "tessera/runner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tessera/exporter.hpp"
#include "tessera/presets.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// An image of one colour.
struct Plain {
  Plain(std::int64_t height, std::int64_t width, std::array<std::uint8_t, 3> color)
      : pixels(static_cast<std::size_t>(height * width * 3)), view{pixels.data(), height, width} {
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = color[i % 3];
  }
  std::vector<std::uint8_t> pixels;
  ImageView view;
};

// Means of blue, green and red, as scores or as their softmax; `bias`, where wanted, is another input.
Graph meansOfChannels(std::int64_t batch, bool probabilities, bool bias = false) {
  Graph graph;
  graph.name = "means";
  const TensorId x = graph.addInput("image", DataType::Float32, {batch, 3, 4, 6});
  TensorId y = graph.add("GlobalPool", "mean", {x}, {{"mode", "average"}});
  if (bias) y = graph.add("Add", "shifted", {y, graph.addInput("bias", DataType::Float32, {batch, 3, 1, 1})});
  if (probabilities) y = graph.add("Softmax", "prob", {y}, {{"axis", 1}});
  graph.markOutput(graph.add("Identity", "out", {y}, {}, {"scores"}));
  return graph;
}

RunnerOptions classification(double scale = 1) {
  RunnerOptions options;
  options.preprocess.scale = scale;
  options.classification.emplace();
  return options;
}

TEST(Runner, ClassifiesBatchesOfImagesOfAnySize) {
  Runner runner(Engine::build(meansOfChannels(2, true), test::device()), classification(0.02));
  ASSERT_EQ(runner.batch(), 2);
  EXPECT_EQ(runner.classes(), 3);
  const Plain blue(5, 7, {250, 0, 0}), red(4, 6, {0, 0, 100});
  const std::vector<ImageView> both{blue.view, red.view};
  runner.submit(both);
  runner.submit({&both[1], 1});
  const RunnerBatch first = runner.collect(), second = runner.collect();
  ASSERT_EQ(first.images.size(), 2u);
  EXPECT_EQ(first.images[0].classes[0].index, 0);
  EXPECT_NEAR(first.images[0].classes[0].confidence, std::exp(5.0) / (std::exp(5.0) + 2), 1e-5);
  EXPECT_EQ(first.images[1].classes[0].index, 2);
  EXPECT_EQ(first.images[0].height, 5);
  EXPECT_EQ(second.images[0].classes, first.images[1].classes);
  EXPECT_TRUE(first.outputs.empty()) << "not asked for";
  EXPECT_EQ(runner.waiting(), 0u);
}

// Outputs that nobody takes are read into the same memory again and again.
TEST(Runner, LaterBatchesDoNotChangeEarlierAnswers) {
  Runner runner(Engine::build(meansOfChannels(2, true), test::device()), classification(0.02));
  const Plain blue(5, 7, {250, 0, 0}), red(4, 6, {0, 0, 100}), green(6, 6, {0, 200, 0});
  std::vector<RunnerBatch> batches;
  for (int round = 0; round < 3; ++round)
    for (const Plain* image : {&blue, &red, &green}) {
      runner.submit({&image->view, 1});
      if (runner.waiting() == 2) batches.push_back(runner.collect());
    }
  batches.push_back(runner.collect());
  ASSERT_EQ(batches.size(), 9u);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    EXPECT_EQ(batches[i].images[0].classes[0].index, std::vector<int>({0, 2, 1})[i % 3]) << i;
    EXPECT_EQ(batches[i].images[0].classes, batches[i % 3].images[0].classes) << i;
    EXPECT_TRUE(batches[i].outputs.empty());
  }
}

// What the network does not turn into probabilities becomes some here.
TEST(Runner, LogitsBecomeProbabilities) {
  const Plain green(4, 6, {0, 100, 0});
  Runner logits(Engine::build(meansOfChannels(1, false), test::device()), classification(0.02));
  Runner probabilities(Engine::build(meansOfChannels(1, true), test::device()), classification(0.02));
  const float a = logits.run(green.view).classes[0].confidence,
              b = probabilities.run(green.view).classes[0].confidence;
  EXPECT_NEAR(a, b, 1e-6);
  RunnerOptions asTheyAre = classification();
  asTheyAre.classification->kind = ScoreKind::Probabilities;
  Runner scores(Engine::build(meansOfChannels(1, false), test::device()), asTheyAre);
  EXPECT_NEAR(scores.run(green.view).classes[0].confidence, 100, 1e-3);
}

TEST(Runner, CallablesFillInputsAndChangeOutputs) {
  RunnerOptions options;
  std::size_t images = 0;
  options.preprocessors["bias"] = [&](std::span<const ImageView> views, const Binding& input) {
    images = views.size();
    return HostTensor::of<float>(input.shape, {1, 2, 3});
  };
  options.postprocessors["scores"] = [](HostTensor scores) {
    for (float& v : scores.as<float>()) v *= 10;
    return scores;
  };
  Runner runner(Engine::build(meansOfChannels(1, false, true), test::device()), options);
  const Plain gray(4, 6, {7, 8, 9});
  runner.submit({&gray.view, 1});
  const RunnerBatch batch = runner.collect();
  EXPECT_EQ(images, 1u);
  const auto scores = batch.outputs.at("scores").as<float>();
  EXPECT_NEAR(scores[0], 80, 1e-3);
  EXPECT_NEAR(scores[1], 100, 1e-3);
  EXPECT_NEAR(scores[2], 120, 1e-3);
}

TEST(Runner, ACallableFillsTheOnlyInput) {
  RunnerOptions options;
  options.preprocessors["image"] = [](std::span<const ImageView> views, const Binding& input) {
    HostTensor x(input.type, input.shape);
    for (std::int64_t i = 0; i < x.size(); ++i) x.setNumber(i, static_cast<double>(i / 24 + views[0].height));
    return x;
  };
  Runner runner(Engine::build(meansOfChannels(1, false), test::device()), options);
  const Plain gray(4, 6, {7, 8, 9});
  runner.submit({&gray.view, 1});
  const RunnerBatch batch = runner.collect();
  EXPECT_THAT(batch.outputs.at("scores").as<float>(), testing::ElementsAre(4, 5, 6));
  EXPECT_EQ(batch.preprocess, 0) << "no kernel made the input";
}

TEST(Runner, FailingCallablesLeaveItUsable) {
  RunnerOptions options;
  bool wrong = true;
  options.preprocessors["bias"] = [&](std::span<const ImageView>, const Binding& input) {
    return HostTensor(DataType::Float32, wrong ? Shape{1} : input.shape);
  };
  Runner runner(Engine::build(meansOfChannels(1, false, true), test::device()), options);
  const Plain gray(4, 6, {7, 8, 9});
  EXPECT_THAT([&] { runner.run(gray.view); }, ThrowsMessage<Error>(HasSubstr("'bias'")));
  wrong = false;
  runner.submit({&gray.view, 1});
  EXPECT_NEAR(runner.collect().outputs.at("scores").as<float>()[1], 8, 1e-4);
}

// Rows of corners at the network's size go back to the image's.
TEST(Runner, DetectsInPixelsOfTheImage) {
  Graph graph;
  graph.name = "rows";
  graph.addInput("image", DataType::Float32, {1, 3, 64, 64});
  const TensorId rows = graph.addConstant(
      "boxes", HostTensor::of<float>({1, 2, 6}, {0, 16, 32, 48, 0.9F, 1, 1, 16, 32, 48, 0.8F, 1}));
  const TensorId mean = graph.add("GlobalPool", "mean", {graph.inputs()[0]}, {{"mode", "average"}});
  const TensorId zero = graph.add("Mul", "zero", {mean, graph.addConstant("0", HostTensor::scalar(0))});
  const TensorId one = graph.add("Reshape", "flat", {zero}, {{"shape", std::vector<std::int64_t>{1, 3, 1}}});
  const TensorId first = graph.add("Slice", "first", {one},
                                   {{"starts", std::vector<std::int64_t>{0, 0, 0}},
                                    {"sizes", std::vector<std::int64_t>{1, 1, 1}},
                                    {"steps", std::vector<std::int64_t>{1, 1, 1}}});
  graph.markOutput(graph.add("Add", "sum", {rows, first}, {}, {"rows"}));
  RunnerOptions options;
  options.preprocess.fit = ImageFit::Letterbox;
  options.detection = presetOf("yolov8").detection;
  Runner runner(Engine::build(graph, test::device()), options);
  const Plain image(100, 200, {1, 2, 3});  // in the rows 16 to 48 of the input
  const Answer answer = runner.run(image.view);
  ASSERT_EQ(answer.objects.size(), 1u) << "the second overlaps the first";
  EXPECT_EQ(answer.objects[0].index, 1);
  EXPECT_NEAR(answer.objects[0].box.right, 100, 1e-3);
  EXPECT_NEAR(answer.objects[0].box.top, 0, 1e-3);
  EXPECT_NEAR(answer.objects[0].box.bottom, 100, 1e-3);
}

TEST(Runner, RunsPlans) {
  const test::Folder folder;
  const auto file = folder / "means.plan";
  Engine::build(meansOfChannels(1, true), test::device())->save(file);
  Runner runner = Runner::load(file.string(), test::device(), classification());
  const Plain red(4, 6, {0, 0, 100});
  EXPECT_EQ(runner.run(red.view).classes[0].index, 2);
}

TEST(Runner, SaysWhatIsMissing) {
  const auto build = [](const Graph& graph, const RunnerOptions& options) {
    return [&graph, options] { Runner(Engine::build(graph, test::device()), options); };
  };
  const Graph two = meansOfChannels(1, false, true), one = meansOfChannels(1, false);
  EXPECT_THAT(build(two, {}), ThrowsMessage<Error>(HasSubstr("several inputs")));
  RunnerOptions named = classification();
  named.input = "image";
  EXPECT_THAT(build(two, named), ThrowsMessage<Error>(HasSubstr("'bias'")));
  RunnerOptions unknown = classification();
  unknown.postprocessors["boxes"] = [](HostTensor t) { return t; };
  EXPECT_THAT(build(one, unknown), ThrowsMessage<Error>(HasSubstr("no output 'boxes'")));
  RunnerOptions detection;
  detection.detection = presetOf("yolox").detection;
  EXPECT_THAT(build(one, detection), ThrowsMessage<Error>(HasSubstr("'scores' f32:1x3x1x1")));
  RunnerOptions grey = classification();
  grey.preprocess.order = ChannelOrder::Grey;
  EXPECT_THAT(build(one, grey), ThrowsMessage<Error>(HasSubstr("one channel")));
  Runner runner(Engine::build(one, test::device()), classification());
  EXPECT_THROW(runner.collect(), Error);
  EXPECT_THROW(runner.submit({}), Error);
}

// A plan or a file beside the model says what RunnerOptions would.
TEST(Runner, ReadsTheDescription) {
  EngineOptions options;
  options.description =
      R"({"task": "classification", "input": {"std": [50, 50, 50]}, "output": {"threshold": 0.9}})";
  const test::Folder folder;
  Engine::build(meansOfChannels(1, true), test::device(), options)->save(folder / "described.plan");
  Runner runner = Runner::load((folder / "described.plan").string(), test::device());
  const Answer answer = runner.run(Plain(5, 7, {250, 0, 0}).view);
  ASSERT_EQ(answer.classes.size(), 1u) << "the others are below the threshold";
  EXPECT_NEAR(answer.classes[0].confidence, std::exp(5.0) / (std::exp(5.0) + 2), 1e-5);

  Engine::build(meansOfChannels(1, true), test::device())->save(folder / "silent.plan");
  EXPECT_THAT([&] { Runner::load((folder / "silent.plan").string(), test::device()); },
              ThrowsMessage<Error>(HasSubstr("does not say what its images and outputs are")));
  const auto refusal = [&](const std::string& model, ErrorCode code) {
    return test::refusal([&] { Runner::load((folder / model).string(), test::device()); }, code);
  };
  exportOnnx(meansOfChannels(1, true), folder / "alone.onnx");
  EXPECT_THAT(refusal("alone.onnx", ErrorCode::InvalidArgument),
              HasSubstr("no description beside the model"));
  // What is wrong with the model goes before.
  EXPECT_THAT(refusal("none.onnx", ErrorCode::BadModel), HasSubstr("none.onnx"));
  std::ofstream(folder / "broken.onnx") << "\x08\x07no model";
  EXPECT_THAT(refusal("broken.onnx", ErrorCode::BadModel), HasSubstr("is no ONNX model"));

  const auto demo = test::sourceFolder() / "apps/detector/demo";
  Runner detector = Runner::load((demo / "detector_street.onnx").string(), test::device());
  EXPECT_EQ(detector.classes(), 3);
  EXPECT_TRUE(detector.run(Plain(40, 60, {90, 90, 90}).view).objects.empty());
}

// Every format of the same colours gives the same answer.
TEST(Runner, TakesImagesOfEveryFormat) {
  RunnerOptions options;
  options.preprocess.order = ChannelOrder::Rgb;
  Runner runner(Engine::build(meansOfChannels(1, false), test::device()), options);
  const auto means = [&](const ImageView& image) {
    runner.submit({&image, 1});
    const auto batch = runner.collect();
    const auto scores = batch.outputs.at("scores").as<float>();
    return std::vector<float>(scores.begin(), scores.end());
  };
  const std::vector<std::uint8_t> planes(8 * 6 * 3, 100);
  std::vector<std::uint8_t> luma(8 * 6 * 3 / 2, 128);
  std::fill_n(luma.begin(), 8 * 6, std::uint8_t{102});  // 16 + 219 * 100 / 255 is 101.9
  for (const PixelFormat format : {PixelFormat::Bgr, PixelFormat::Rgb, PixelFormat::Grey,
                                   PixelFormat::PlanarBgr, PixelFormat::PlanarRgb})
    EXPECT_THAT(means({planes.data(), 8, 6, format}), testing::Each(testing::FloatNear(100, 1e-3F)))
        << toString(format);
  EXPECT_THAT(means({luma.data(), 8, 6, PixelFormat::Nv12}),
              testing::Each(testing::FloatNear(100.137F, 1e-2F)));
  EXPECT_THAT(means({luma.data(), 8, 6, PixelFormat::Nv12, YuvColors::Bt601Full}),
              testing::Each(testing::FloatNear(102, 1e-3F)));
  EXPECT_THAT(
      [&] {
        means({luma.data(), 7, 6, PixelFormat::Nv12});
      },
      ThrowsMessage<Error>(HasSubstr("height and width are even")));
}

}  // namespace
}  // namespace tessera
