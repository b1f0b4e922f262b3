// Segmentation end to end on a network small enough to follow by hand: its scores are the image's own
// channels.
#include "tessera/segmentation.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "launch/device_ops.hpp"
#include "ops/image.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

std::shared_ptr<const Engine> channelsAsScores(std::int64_t batch, std::int64_t height, std::int64_t width) {
  Graph graph;
  graph.name = "channels";
  const TensorId x = graph.addInput("image", DataType::Float32, {batch, 3, height, width});
  graph.markOutput(graph.add("Identity", "scores", {x}, {}, {"scores"}));
  return Engine::build(graph, test::device());
}

std::vector<std::uint8_t> randomPixels(std::int64_t height, std::int64_t width, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * width * 3));
  for (auto& p : pixels) p = static_cast<std::uint8_t>(random());
  return pixels;
}

// What the operators' references make of the image.
SegmentedImage expected(const ImageView& image, const SegmentationOptions& options, std::int64_t border) {
  const auto run = [](const OpView& view, const std::vector<HostTensor>& inputs) {
    return test::referenceOutputs(view, inputs);
  };
  HostTensor pixels(DataType::UInt8, {1, image.height, image.width, 3});
  std::copy(image.pixels, image.pixels + image.bytes(), pixels.as<std::uint8_t>().begin());
  const auto desc = [](const HostTensor& t) { return TensorDesc{t.type, t.shape, {}}; };
  const HostTensor x =
      run(inferredView("ImagePreprocess", options.preprocess.attributes(), {desc(pixels)}), {pixels})[0];
  const HostTensor map = run(inferredView("ClassMap", {}, {desc(x)}), {x})[0];
  HostTensor palette(DataType::UInt8, {kPaletteSize, 4});
  for (std::size_t i = 0; i < options.palette.size(); ++i)
    for (std::size_t c = 0; c < 4; ++c) palette.as<std::uint8_t>()[i * 4 + c] = options.palette[i][c];
  const ImageRegion r = imageRegion(options.preprocess, image.height, image.width);
  const auto colored =
      run(inferredView("ClassColor",
                       {{"size", std::vector<std::int64_t>{image.height, image.width}},
                        {"region", std::vector<std::int64_t>{r.top, r.left, r.height, r.width}},
                        {"border", border}},
                       {desc(map), desc(palette), desc(pixels)}),
          {map, palette, pixels});
  const auto bytes = [](const HostTensor& t) {
    const auto view = t.as<std::uint8_t>();
    return std::vector<std::uint8_t>(view.begin(), view.end());
  };
  SegmentedImage wanted;
  wanted.height = image.height;
  wanted.width = image.width;
  wanted.classes = bytes(colored[0]);
  wanted.colors = bytes(colored[1]);
  wanted.overlay = bytes(colored[2]);
  wanted.mapHeight = x.shape[2];
  wanted.mapWidth = x.shape[3];
  wanted.map = bytes(map);
  return wanted;
}

class SegmentationOf : public testing::TestWithParam<std::pair<ResizeMode, ImageFit>> {};

TEST_P(SegmentationOf, BatchesOfImagesOfAnySize) {
  SegmentationOptions options;
  options.preprocess = {24, 32, GetParam().first, ChannelOrder::Rgb};
  options.preprocess.fit = GetParam().second;
  options.palette = {{255, 0, 10, 128}, {0, 200, 0, 100}, {5, 6, 250, 0}};
  Segmentation segmentation(channelsAsScores(2, 24, 32), options);
  ASSERT_EQ(segmentation.batch(), 2);
  EXPECT_EQ(segmentation.classes(), 3);
  const std::vector<std::pair<std::int64_t, std::int64_t>> sizes{
      {24, 32}, {50, 31}, {7, 90}, {24, 64}, {100, 40}};
  std::vector<std::vector<std::uint8_t>> pixels;
  std::vector<ImageView> images;
  for (const auto& [height, width] : sizes) {
    pixels.push_back(randomPixels(height, width, static_cast<unsigned>(height * width)));
    images.push_back({pixels.back().data(), height, width});
  }
  std::vector<SegmentedImage> results;
  const auto collect = [&] {
    for (auto& image : segmentation.collect().images) results.push_back(std::move(image));
  };
  for (std::size_t i = 0; i < images.size(); i += 2) {  // the last batch is not full
    segmentation.submit(std::span(images).subspan(i, std::min<std::size_t>(2, images.size() - i)));
    if (segmentation.waiting() == 2) collect();
  }
  while (segmentation.waiting() > 0) collect();
  ASSERT_EQ(results.size(), images.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    const SegmentedImage wanted = expected(images[i], options, 1);
    EXPECT_EQ(results[i].map, wanted.map) << i;
    EXPECT_EQ(results[i].classes, wanted.classes) << i;
    EXPECT_EQ(results[i].colors, wanted.colors) << i;
    EXPECT_EQ(results[i].overlay, wanted.overlay) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, SegmentationOf,
                         testing::Values(std::pair{ResizeMode::Linear, ImageFit::Stretch},
                                         std::pair{ResizeMode::Nearest, ImageFit::Stretch},
                                         std::pair{ResizeMode::Area, ImageFit::Stretch},
                                         std::pair{ResizeMode::Linear, ImageFit::Letterbox},
                                         std::pair{ResizeMode::Linear, ImageFit::LetterboxTopLeft}),
                         [](const auto& p) {
                           std::string name;
                           for (const char c : std::string(toString(p.param.first)) + "_" +
                                                   std::string(toString(p.param.second)))
                             name += c == '-' ? '_' : c;
                           return name;
                         });

std::shared_ptr<const Engine> engineOf(const std::function<void(Graph&, TensorId)>& write,
                                       Shape input = {1, 3, 8, 6}) {
  Graph graph;
  graph.name = "small";
  const TensorId x = graph.addInput("image", DataType::Float32, std::move(input));
  write(graph, x);
  return Engine::build(graph, test::device());
}

TEST(Segmentation, ReadsScoresInEitherOrderClassesAndMasks) {
  const auto pixels = randomPixels(8, 6, 3);
  const ImageView image{pixels.data(), 8, 6};
  const auto map = [&](const std::shared_ptr<const Engine>& engine, SegmentationOptions options = {}) {
    return Segmentation(engine, std::move(options)).run(image).map;
  };
  const auto planar =
      map(engineOf([](Graph& g, TensorId x) { g.markOutput(g.add("Identity", "y", {x}, {}, {"y"})); }));
  const auto last = engineOf([](Graph& g, TensorId x) {
    g.markOutput(g.add("Transpose", "y", {x}, {{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}}, {"y"}));
  });
  EXPECT_EQ(Segmentation(last, {}).layout(), OutputLayout::Nhwc);
  EXPECT_EQ(map(last), planar);
  for (const std::int64_t keep : {0, 1}) {
    const auto argMax = engineOf([&](Graph& g, TensorId x) {
      g.markOutput(g.add("ArgReduce", "y", {x}, {{"axis", 1}, {"keepdims", keep}}, {"y"}));
    });
    SegmentationOptions three;
    three.fewestClasses = three.mostClasses = 3;
    EXPECT_EQ(map(argMax, three), planar);
    const SegmentedImage open = Segmentation(argMax, {}).run(image);  // 64-bit numbers may be any class
    EXPECT_EQ(std::vector<std::uint8_t>(open.wideMap.begin(), open.wideMap.end()), planar);
    EXPECT_TRUE(open.map.empty());
  }
  const auto one = engineOf([](Graph& g, TensorId x) {
    g.markOutput(g.add("Reduce", "y", {x},
                       {{"mode", std::string("sum")}, {"axes", std::vector<std::int64_t>{1}}}, {"y"}));
  });
  EXPECT_THROW(Segmentation(one, {}), Error) << "a class or a score?";
  SegmentationOptions mask;
  mask.layout = OutputLayout::Mask;
  mask.threshold = 380;
  const auto cut = map(one, mask);
  for (std::size_t i = 0; i < cut.size(); ++i)
    EXPECT_EQ(cut[i], pixels[3 * i] + pixels[3 * i + 1] + pixels[3 * i + 2] > 380) << i;
}

TEST(Segmentation, RefusesInputsThatNothingFills) {
  const auto engine = engineOf([](Graph& g, TensorId x) {
    const TensorId other = g.addInput("other", DataType::Float32, {1, 3, 8, 6});
    g.markOutput(g.add("Add", "y", {x, other}, {}, {"y"}));
  });
  SegmentationOptions options;
  options.input = "image";
  try {
    Segmentation segmentation(engine, options);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("'other'"), std::string::npos) << e.what();
  }
}

TEST(Context, InputsThatNobodyFillsAreZeros) {
  const auto engine =
      engineOf([](Graph& g, TensorId x) { g.markOutput(g.add("Identity", "y", {x}, {}, {"y"})); });
  for (int i = 0; i < 8; ++i) {
    {
      Context dirty(engine);  // leaves its memory to the next one
      HostTensor full(DataType::Float32, {1, 3, 8, 6});
      for (float& v : full.as<float>()) v = 7;
      dirty.upload("image", full);
      dirty.execute();
    }
    Context context(engine);
    context.execute();
    EXPECT_EQ(context.download("y"), HostTensor(DataType::Float32, {1, 3, 8, 6}));
  }
}

TEST(Segmentation, RefusesWhatItCanNotDo) {
  const auto engine = channelsAsScores(1, 8, 8);
  SegmentationOptions wrongSize;
  wrongSize.preprocess.height = 9;
  wrongSize.preprocess.width = 8;
  EXPECT_THROW(Segmentation(engine, wrongSize), Error);
  SegmentationOptions wrongName;
  wrongName.output = "image";
  EXPECT_THROW(Segmentation(engine, wrongName), Error);
  Segmentation segmentation(engine, {});
  const auto pixels = randomPixels(8, 8, 1);
  const ImageView image{pixels.data(), 8, 8}, none{nullptr, 8, 8};
  EXPECT_THROW(segmentation.submit({&none, 1}), Error);
  const std::vector<ImageView> tooMany{image, image};
  EXPECT_THROW(segmentation.submit(tooMany), Error);
  EXPECT_THROW(segmentation.collect(), Error);
  segmentation.submit({&image, 1});
  segmentation.submit({&image, 1});
  EXPECT_THROW(segmentation.submit({&image, 1}), Error);
  EXPECT_EQ(segmentation.collect().images.size(), 1u);
}

ImageRegion regionOf(ImageFit fit, std::int64_t height, std::int64_t width, std::int64_t imageHeight,
                     std::int64_t imageWidth, double crop = 1) {
  ImagePreprocess how{height, width};
  how.fit = fit;
  how.crop = crop;
  return imageRegion(how, imageHeight, imageWidth);
}

TEST(ImageRegion, LetterboxKeepsTheAspectRatioAndCentres) {
  EXPECT_EQ(regionOf(ImageFit::Letterbox, 100, 100, 50, 200), (ImageRegion{37, 0, 25, 100}));
  EXPECT_EQ(regionOf(ImageFit::Letterbox, 100, 100, 200, 50), (ImageRegion{0, 37, 100, 25}));
  EXPECT_EQ(regionOf(ImageFit::Letterbox, 60, 80, 30, 40), (ImageRegion{0, 0, 60, 80}));
  EXPECT_EQ(regionOf(ImageFit::Letterbox, 10, 10, 1, 1000), (ImageRegion{4, 0, 1, 10}));
  EXPECT_EQ(regionOf(ImageFit::LetterboxTopLeft, 100, 100, 50, 200), (ImageRegion{0, 0, 25, 100}));
  EXPECT_EQ(regionOf(ImageFit::Stretch, 10, 20, 1, 1000), (ImageRegion{0, 0, 10, 20}));
}

TEST(ImageRegion, CropReachesBeyondTheInput) {
  EXPECT_EQ(regionOf(ImageFit::Crop, 100, 100, 50, 200), (ImageRegion{0, -150, 100, 400}));
  // The shorter side becomes 256, of which 224 stay.
  EXPECT_EQ(regionOf(ImageFit::Crop, 224, 224, 480, 640, 224.0 / 256), (ImageRegion{-16, -58, 256, 341}));
  // As torchvision: 640 * 256 / 427 is 383.7, of which 383 stay; 79.5 and 80.5 rows or columns become 80.
  EXPECT_EQ(regionOf(ImageFit::Crop, 224, 224, 427, 640, 224.0 / 256), (ImageRegion{-16, -80, 256, 383}));
  EXPECT_EQ(regionOf(ImageFit::Crop, 224, 224, 385, 256, 224.0 / 256), (ImageRegion{-80, -16, 385, 256}));
}

TEST(Segmentation, RefusesToCrop) {
  SegmentationOptions options;
  options.preprocess.fit = ImageFit::Crop;
  EXPECT_THROW(Segmentation(channelsAsScores(1, 8, 8), options), Error);
}

}  // namespace
}  // namespace tessera
