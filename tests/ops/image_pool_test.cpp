// Streams of images: each gets its own result, in order, joined to batches, with its own error.
#include "tessera/image_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <random>
#include <thread>

#include "tests/support/devices.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/shaped_networks.hpp"

namespace tessera {
namespace {

using namespace test;
using testing::HasSubstr;

// Scores are a filter of the image: no batch but a right one gives an image's own.
Graph filterAt(const InputShapes& shapes) {
  Graph graph;
  graph.name = "filter";
  const TensorId x = graph.addInput("x", DataType::Float32, shapes.at("x"));
  HostTensor weights(DataType::Float32, {3, 3, 3, 3});
  for (std::int64_t i = 0; i < weights.size(); ++i) weights.setNumber(i, static_cast<double>(i * 7 % 11) - 5);
  graph.markOutput(graph.add("Convolution", "scores", {x, graph.addConstant("w", weights)},
                             {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}, {"scores"}));
  return graph;
}

std::shared_ptr<const Engine> ofBatch(std::int64_t items) {
  return Engine::build(filterAt(shapesOf({items, 3, 16, 24})), device(), untuned());
}
std::shared_ptr<const Engine> upTo(std::int64_t items) {
  EngineOptions options = untuned();
  options.shapes = profileOf({1, 3, 16, 24}, {items, 3, 16, 24});
  return Engine::build(GraphSource(filterAt), device(), options);
}

struct Photo {
  explicit Photo(unsigned seed) : height(10 + seed % 9), width(20 + seed % 7) {
    std::mt19937 random(seed);
    pixels.resize(static_cast<std::size_t>(height * width * 3));
    for (auto& p : pixels) p = static_cast<std::uint8_t>(random());
  }
  ImageView view() const { return {pixels.data(), height, width}; }
  std::int64_t height, width;
  std::vector<std::uint8_t> pixels;
};

std::vector<Photo> photos(unsigned count) {
  std::vector<Photo> all;
  for (unsigned i = 0; i < count; ++i) all.emplace_back(i);
  return all;
}

using Networks = std::vector<std::shared_ptr<Segmentation>>;
Networks networksOf(const std::shared_ptr<const Engine>& engine, int count) {
  Networks networks;
  for (int i = 0; i < count; ++i)
    networks.push_back(std::make_shared<Segmentation>(engine, SegmentationOptions{}));
  return networks;
}

using Result = ImagePoolResult<Segmentation>;

void expectStream(const Networks& networks, PoolOptions options, std::vector<std::size_t> batches) {
  const auto images = photos(11);
  Segmentation alone(ofBatch(1), {});
  std::vector<Result> results;
  options.inOrder = true;
  {
    ImagePool<Segmentation> pool(networks, options);
    for (std::size_t i = 0; i < images.size(); ++i)
      EXPECT_EQ(pool.submit(images[i].view(), [&](Result r) { results.push_back(std::move(r)); }), i);
    pool.finish();
    EXPECT_THAT(refusal([&] { pool.submit(images[0].view(), {}); }), HasSubstr("no more"));
  }
  ASSERT_EQ(results.size(), images.size());
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < images.size(); ++i) {
    EXPECT_EQ(results[i].request, i);
    EXPECT_FALSE(results[i].error);
    EXPECT_EQ(results[i].image.map, alone.run(images[i].view()).map) << "image " << i;
    EXPECT_EQ(results[i].image.height, images[i].height);
    EXPECT_GT(results[i].network, 0);
    if (results[i].place == 0) found.push_back(results[i].batch);
  }
  EXPECT_EQ(found, batches);
}

TEST(ImagePool, ImagesGetTheirOwnResults) {
  PoolOptions whole;
  whole.delay = std::chrono::hours(1);
  whole.queue = 12;
  expectStream(networksOf(ofBatch(4), 1), whole, {4, 4, 3});
  expectStream(networksOf(upTo(4), 1), whole, {4, 4, 3});
  expectStream(networksOf(upTo(4), 3), whole, {4, 4, 3});
  whole.batch = 2;
  expectStream(networksOf(upTo(4), 2), whole, {2, 2, 2, 2, 2, 1});
  expectStream(networksOf(ofBatch(1), 2), {}, std::vector<std::size_t>(11, 1));
}

// Where the batch may change, a network of many runs few images in the time of few.
TEST(ImagePool, FewImagesRunInFewItems) {
  EngineOptions options = untuned();
  options.shapes = profileOf({1, 3, 96, 160}, {8, 3, 96, 160});
  Segmentation many(Engine::build(GraphSource(filterAt), device(), options), {});
  const Photo photo(3);
  Segmentation one(Engine::build(filterAt(shapesOf({1, 3, 96, 160})), device(), untuned()), {});
  EXPECT_EQ(many.batch(), 8);
  const SegmentedImage expected = one.run(photo.view());
  for (const std::size_t count : {8, 1, 5, 2}) {
    many.submit(std::vector<ImageView>(count, photo.view()));
    for (const SegmentedImage& image : many.collect().images) EXPECT_EQ(image.map, expected.map) << count;
  }
  const auto milliseconds = [&](std::size_t count) {
    double least = 1e9;
    for (int i = 0; i < 15; ++i) {
      many.submit(std::vector<ImageView>(count, photo.view()));
      least = std::min(least, many.collect().network);
    }
    return least;
  };
  if (device().caps().isCpu()) {
    EXPECT_LT(milliseconds(1), 0.7 * milliseconds(8));
  }
}

TEST(ImagePool, ErrorsGoToTheImageThatCausedThem) {
  const auto images = photos(4);
  PoolOptions options;
  options.inOrder = true;
  options.delay = std::chrono::hours(1);
  std::vector<Result> results;
  ImagePool<Segmentation> pool(networksOf(ofBatch(4), 1), options);
  for (std::size_t i = 0; i < images.size(); ++i) {
    ImageView view = images[i].view();
    if (i == 2) view.pixels = nullptr;
    pool.submit(view, [&](Result r) { results.push_back(std::move(r)); });
  }
  pool.finish();
  ASSERT_EQ(results.size(), 4u);
  Segmentation alone(ofBatch(1), {});
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(results[i].error != nullptr, i == 2);
    if (i != 2) {
      EXPECT_EQ(results[i].image.map, alone.run(images[i].view()).map);
    }
  }
  EXPECT_THAT(refusal([&] { std::rethrow_exception(results[2].error); }), HasSubstr("no pixels"));
}

TEST(ImagePool, WhatWaitsWhenItEndsIsCancelled) {
  const auto images = photos(3);
  std::vector<std::string> ends;
  {
    PoolOptions options;
    options.delay = std::chrono::hours(1);  // a batch of 4 does not come together
    ImagePool<Segmentation> pool(networksOf(ofBatch(4), 1), options);
    for (const Photo& photo : images)
      pool.submit(photo.view(), [&](Result r) { ends.push_back(r.error ? "cancelled" : "done"); });
  }
  EXPECT_EQ(ends.size(), 3u);  // each once: taken by the thread already, or cancelled
}

TEST(ImagePool, RunnersGiveAnswers) {
  Graph graph;
  graph.name = "means";
  const TensorId x = graph.addInput("image", DataType::Float32, {2, 3, 4, 6});
  graph.markOutput(graph.add("GlobalPool", "mean", {x}, {{"mode", "average"}}, {"scores"}));
  const auto engine = Engine::build(graph, device(), untuned());
  RunnerOptions options;
  options.classification.emplace();
  std::vector<std::shared_ptr<Runner>> runners{std::make_shared<Runner>(engine, options),
                                               std::make_shared<Runner>(engine, options)};
  const auto images = photos(9);
  Runner alone(engine, options);
  std::vector<ImagePoolResult<Runner>> results(images.size());
  {
    ImagePool<Runner> pool(runners);
    for (const Photo& photo : images)
      pool.submit(photo.view(), [&](ImagePoolResult<Runner> r) { results[r.request] = std::move(r); });
    pool.finish();
  }
  for (std::size_t i = 0; i < images.size(); ++i)
    EXPECT_EQ(results[i].image.classes, alone.run(images[i].view()).classes) << "image " << i;
}

TEST(ImagePool, RefusesWhatCanNotWork) {
  PoolOptions many;
  many.batch = 5;
  EXPECT_THAT(refusal([&] { ImagePool<Segmentation>(networksOf(ofBatch(4), 1), many); }),
              HasSubstr("more than the 4 images"));
  EXPECT_THAT(refusal([] { ImagePool<Segmentation>({}); }), HasSubstr("needs networks"));
}

}  // namespace
}  // namespace tessera
