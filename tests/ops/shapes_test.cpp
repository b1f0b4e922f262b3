// Shapes that change: one engine against engines that were built for each shape.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "exec/engine_impl.hpp"
#include "graph/evaluate.hpp"
#include "tessera/context.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/shaped_networks.hpp"

namespace tessera {
namespace {

using namespace test;
using testing::HasSubstr;

std::shared_ptr<const Engine> shapedEngine(const GraphSource& source, const ShapeProfile& profile,
                                           EngineOptions options = untuned()) {
  options.shapes = profile;
  return Engine::build(source, device(), options);
}

HostTensor inputOf(const Shape& shape, unsigned seed = 3) { return portableRandom(shape, seed, -1, 1); }

void expectTheReference(Context& context, const GraphSource& source, const Shape& shape) {
  context.setShape("x", shape);
  EXPECT_EQ(context.binding("x").shape, shape);
  const TensorMap inputs{{"x", inputOf(shape)}};
  const Graph fixed = source(shapesOf(shape));
  const auto expected = evaluate(fixed, inputs);
  const TensorMap outputs = context.run(inputs);
  ASSERT_EQ(outputs.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(compare(outputs.at(fixed.tensor(fixed.outputs()[i]).name), expected[i], {1e-4, 1e-3}), "")
        << fixed.name << " at " << toString(shape);
}

TEST(Shapes, EveryBatchOfAClassifier) {
  Context context(shapedEngine(classifierAt, profileOf({1, 3, 20, 20}, {8, 3, 20, 20})));
  for (const std::int64_t items : {8, 1, 3, 8, 5, 1})
    expectTheReference(context, classifierAt, {items, 3, 20, 20});
}

TEST(Shapes, EverySizeOfAConvolutionalNetwork) {
  Context context(shapedEngine(segmenterAt, profileOf({1, 3, 16, 16}, {2, 3, 48, 64})));
  for (const Shape& shape :
       {Shape{2, 3, 48, 64}, Shape{1, 3, 16, 16}, Shape{2, 3, 20, 64}, Shape{1, 3, 48, 36}})
    expectTheReference(context, segmenterAt, shape);
}

TEST(Shapes, AttentionWhoseReshapesSplitAndJoin) {
  Context context(shapedEngine(attentionAt, profileOf({1, 3, 8, 8}, {3, 3, 24, 16})));
  for (const Shape& shape : {Shape{3, 3, 24, 16}, Shape{1, 3, 8, 16}, Shape{2, 3, 20, 12}})
    expectTheReference(context, attentionAt, shape);
}

EngineOptions int8Options(const GraphSource& source, const Shape& shape) {
  Graph network = source(shapesOf(shape));
  optimize(network);
  EngineOptions options = untuned();
  options.precision = Precision::Int8;
  options.calibration = calibrationOf(network, {{"x", inputOf(shape, 21)}});
  return options;
}

// The promise of INT8 holds for shapes, too: the bits of an engine of that batch.
TEST(Shapes, Int8BatchesHaveTheBitsOfEnginesOfThatBatch) {
  for (const GraphSource& source : {GraphSource(classifierAt), GraphSource(segmenterAt)}) {
    const EngineOptions options = int8Options(source, {8, 3, 20, 20});
    const auto engine = shapedEngine(source, profileOf({1, 3, 20, 20}, {8, 3, 20, 20}), options);
    EXPECT_TRUE(
        std::ranges::any_of(engine->layers(), [](const LayerInfo& l) { return l.precision == "int8"; }));
    Context context(engine);
    for (std::int64_t items = 1; items <= 8; ++items) {
      const Shape shape{items, 3, 20, 20};
      context.setShape("x", shape);
      const TensorMap inputs{{"x", inputOf(shape, 40 + static_cast<unsigned>(items))}};
      const TensorMap fixed = Context(Engine::build(source(shapesOf(shape)), device(), options)).run(inputs);
      for (const auto& [name, value] : context.run(inputs))
        EXPECT_EQ(value.data, fixed.at(name).data) << name << " of " << items << " items";
    }
  }
}

TEST(Shapes, Fp16TakesThemToo) {
  EngineOptions options = untuned();
  options.precision = Precision::Fp16;
  Context context(shapedEngine(classifierAt, profileOf({1, 3, 20, 20}, {4, 3, 20, 20}), options));
  const Shape shape{3, 3, 20, 20};
  context.setShape("x", shape);
  const TensorMap inputs{{"x", inputOf(shape)}};
  const TensorMap fixed =
      Context(Engine::build(classifierAt(shapesOf(shape)), device(), options)).run(inputs);
  for (const auto& [name, value] : context.run(inputs))
    EXPECT_EQ(compare(value, fixed.at(name), {2e-3, 2e-3}), "") << name;
}

// Forms read the same weights; what they compile beside is their own.
TEST(Shapes, FormsShareWeightsAndMemory) {
  const auto engine = shapedEngine(segmenterAt, profileOf({1, 3, 48, 64}, {4, 3, 48, 64}));
  Context context(engine);
  const auto main = engine->impl().weights;
  context.setShape("x", {1, 3, 48, 64});
  const auto form = formOf(*engine, shapesOf({1, 3, 48, 64}));
  ASSERT_TRUE(form);
  std::size_t shared = 0;
  for (const auto& [content, buffer] : form->impl().weights) {
    const auto known = main.find(content);
    if (known == main.end()) continue;  // packed another way for another kernel
    EXPECT_EQ(known->second(), buffer()) << content[2] << " bytes are there twice";
    shared += content[2];
  }
  EXPECT_GT(shared, 0u);
  EXPECT_LE(form->impl().lowered.arenaBytes, engine->impl().lowered.arenaBytes);
  EXPECT_EQ(formOf(*engine, shapesOf({1, 3, 48, 64})), form) << "made again";
  EXPECT_EQ(formOf(*engine, shapesOf({4, 3, 48, 64})), nullptr);
}

TEST(Shapes, WhatIsNotAllowedIsNamed) {
  Context context(shapedEngine(classifierAt, profileOf({1, 3, 20, 20}, {4, 3, 20, 20})));
  EXPECT_THAT(refusal([&] {
                context.setShape("x", {5, 3, 20, 20});
              }),
              HasSubstr("from 1x3x20x20 to 4x3x20x20"));
  EXPECT_THAT(refusal([&] { context.setShape("y", {1}); }), HasSubstr("'y'"));
  EXPECT_THAT(refusal([&] { context.setShape("probabilities", {1, 10}); }), HasSubstr("output"));
  EXPECT_EQ(context.binding("x").shape, (Shape{4, 3, 20, 20}));
  context.setShape("x", {2, 3, 20, 20});
  EXPECT_THAT(refusal([&] { context.run({{"x", inputOf({4, 3, 20, 20})}}); }), HasSubstr("2x3x20x20"));
  Context fixed(Engine::build(classifierAt(shapesOf({1, 3, 20, 20})), device(), untuned()));
  fixed.setShape("x", {1, 3, 20, 20});  // what it has anyway
  EXPECT_THAT(refusal([&] { fixed.setShape("x", {2, 3, 20, 20}); }), HasSubstr("--max-shape"));
  EngineOptions options = untuned();
  options.shapes = profileOf({1, 3, 20, 20}, {2, 3, 20, 20});
  EXPECT_THAT(refusal([&] {
                Engine::build(classifierAt(shapesOf({2, 3, 20, 20})), device(), options);
              }),
              HasSubstr("GraphSource"));
}

TEST(Shapes, PlansKeepThem) {
  const Folder folder;
  const auto file = folder / "net.plan";
  const ShapeProfile profile = profileOf({1, 3, 8, 8}, {3, 3, 24, 16});
  shapedEngine(attentionAt, profile)->save(file);
  TuneOptions off;
  off.mode = TuneMode::Off;
  const auto loaded = Engine::load(file, device(), off);
  EXPECT_EQ(loaded->shapes(), profile);
  Context context(loaded);
  for (const Shape& shape : {Shape{1, 3, 8, 16}, Shape{3, 3, 24, 16}, Shape{2, 3, 20, 12}})
    expectTheReference(context, attentionAt, shape);
  shapedEngine(attentionAt, profile)->save(folder / "again.plan");
  EXPECT_TRUE(std::ranges::equal(Engine::load(folder / "again.plan", device(), off)->bindings(),
                                 loaded->bindings(),
                                 [](const Binding& a, const Binding& b) { return a.shape == b.shape; }));
}

// Contexts of one engine at different shapes, from several threads, which ask for the same new forms at once.
TEST(Shapes, ThreadsAtDifferentShapes) {
  const auto engine = shapedEngine(classifierAt, profileOf({1, 3, 20, 20}, {4, 3, 20, 20}));
  std::vector<TensorMap> expected(5);
  std::vector<TensorMap> inputs(5);
  for (std::int64_t items = 1; items <= 4; ++items) {
    const auto i = static_cast<std::size_t>(items);
    inputs[i] = {{"x", inputOf({items, 3, 20, 20}, 60 + static_cast<unsigned>(items))}};
    const Graph fixed = classifierAt(shapesOf({items, 3, 20, 20}));
    expected[i]["probabilities"] = evaluate(fixed, inputs[i])[0];
  }
  std::vector<std::string> faults(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < faults.size(); ++t)
    threads.emplace_back([&, t] {
      try {
        Context context(engine);
        for (std::size_t run = 0; run < 8; ++run) {
          const std::size_t items = (t + run) % 4 + 1;
          context.setShape("x", inputs[items].at("x").shape);
          faults[t] += compare(context.run(inputs[items]).at("probabilities"),
                               expected[items].at("probabilities"), {1e-4, 1e-3});
        }
      } catch (const std::exception& e) {
        faults[t] += e.what();
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto& fault : faults) EXPECT_EQ(fault, "");
}

// At its largest shape an engine is the one that is built for it: the same steps, and so the same time.
TEST(Shapes, TheLargestRunsAsAnEngineOfThatShape) {
  const Shape largest{4, 3, 48, 64};
  const auto shaped = shapedEngine(segmenterAt, profileOf({1, 3, 16, 16}, largest));
  const auto fixed = Engine::build(segmenterAt(shapesOf(largest)), device(), untuned());
  EXPECT_EQ(shaped->text(), fixed->text());
  EXPECT_EQ(shaped->memory().weights, fixed->memory().weights);
  EXPECT_EQ(shaped->memory().workspace, fixed->memory().workspace);
}

}  // namespace
}  // namespace tessera
