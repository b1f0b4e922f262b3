// Plugins: their layers run, from graphs and ONNX models, and what is wrong with them is said before anything
// is computed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "exec/engine_impl.hpp"
#include "graph/evaluate.hpp"
#include "tessera/context.hpp"
#include "tessera/engine.hpp"
#include "tessera/importer.hpp"
#include "tessera/plugin.hpp"
#include "tests/import/onnx_model.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/plugins.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

class PluginTest : public testing::Test {
 protected:
  fs::path write(const std::string& manifest, const std::string& kernel, const std::string& name = "p") {
    scratch_.write("second.cl", kernel);
    return scratch_.write(name + ".json", manifest);
  }
  std::string load(const std::string& name, const std::string& factor = "1") {
    return loadPlugins(write(test::everySecond(name), test::everySecondKernel(factor))).at(0);
  }
  // Why a plugin whose kernel has `to` in the place of `from` is not used.
  std::string whyNot(const std::string& name, const std::string& from, const std::string& to) {
    const fs::path file = write(test::everySecond(name), replaced(test::everySecondKernel(), from, to));
    loadPlugins(file);
    const auto why = test::refusal([&] { run(graphOf(name)); }, ErrorCode::DeviceError);
    EXPECT_THAT(why,
                HasSubstr("Layer 'second' can not be computed by plugin " + name + " of " + file.string()));
    return why;
  }
  static std::vector<float> run(Graph graph) {
    EngineOptions options;
    options.tuning.folder = "";
    const auto engine = Engine::build(std::move(graph), test::device(), options);
    Context context(engine);
    const auto outputs = context.run({{"x", HostTensor::of<float>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})}});
    const auto values = outputs.at("y").as<float>();
    return {values.begin(), values.end()};
  }
  static Graph graphOf(const std::string& op, Attributes attrs = {}) {
    Graph g;
    g.name = "plugins";
    const TensorId x = g.addInput("x", DataType::Float32, {2, 4});
    g.markOutput(g.add(op, "second", {x}, std::move(attrs), {"y"}));
    return g;
  }

  test::ScratchFolder scratch_;
};

TEST_F(PluginTest, RunsFromAGraph) {
  load("SecondOfGraph");
  EXPECT_THAT(run(graphOf("SecondOfGraph")), ElementsAre(1.5f, 4.5f, 7.5f, 10.5f));
  EXPECT_THAT(run(graphOf("SecondOfGraph", {{"scale", std::int64_t{2}}, {"mode", "negative"}})),
              ElementsAre(-2.f, -6.f, -10.f, -14.f));
}

TEST_F(PluginTest, RunsFromOnnxOfAnyDomain) {
  load("SecondOfOnnx");
  for (const std::string domain : {"", "com.example"}) {
    test::OnnxModel model;
    model.input("x", {2, 4}).output("y").floats("s", {2}, {10, 20});
    auto& node = model.node("SecondOfOnnx", {"x", "s"}, {"y"});
    node.set_domain(domain);
    test::OnnxModel::set(node, "begin", std::vector<std::int64_t>{1});
    test::OnnxModel::attribute(node, "scale", tessera_onnx::Attribute::FLOAT).set_f(0.5f);
    const auto file = scratch_.write("m.onnx", model.bytes());
    EXPECT_THAT(run(importModel(file.string())), ElementsAre(11.f, 22.f, 13.f, 24.f)) << domain;
  }
}

TEST_F(PluginTest, NodesThatDoNotSuitAreListed) {
  load("SecondOfOther");
  test::OnnxModel model;
  model.input("x", {2, 5}).output("y").output("z").output("w");
  model.node("SecondOfOther", {"x"}, {"y"}, "odd");
  auto& node = model.node("SecondOfOther", {"x"}, {"z"}, "unknown");
  test::OnnxModel::set(node, "axis", 1);
  auto& foreign = model.node("Nobody", {"x"}, {"w"}, "foreign");
  foreign.set_domain("org.else");
  const auto file = scratch_.write("m.onnx", model.bytes());
  const auto why = test::refusal([&] { importModel(file.string()); }, ErrorCode::Unsupported);
  EXPECT_THAT(why, HasSubstr("plugin SecondOfOther does not take it"));
  EXPECT_THAT(why, HasSubstr("x needs 2 extents, the last of them even"));
  EXPECT_THAT(why, HasSubstr("plugin SecondOfOther has no attribute 'axis'; it has scale, mode, begin"));
  EXPECT_THAT(why, HasSubstr("no plugin that was given serves this one"));
}

TEST_F(PluginTest, KernelsThatAreWrongAreNotUsed) {
  load("SecondButWrong", "(i == 3 ? 1.01f : 1)");
  const auto why = test::refusal([&] { run(graphOf("SecondButWrong")); }, ErrorCode::DeviceError);
  EXPECT_THAT(why, HasSubstr("Layer 'second' can not be computed by plugin SecondButWrong of " +
                             scratch_.path().string()));
  EXPECT_THAT(why, HasSubstr("element 3 of output 0"));
}

TEST_F(PluginTest, KernelsThatWriteOutsideAreNotUsed) {
  const std::string kernel = replaced(test::everySecondKernel(), "y[i] =", "y[i + (i == 3)] =");
  loadPlugins(write(test::everySecond("SecondOutside"), kernel));
  EXPECT_THAT(test::refusal([&] { run(graphOf("SecondOutside")); }, ErrorCode::DeviceError),
              HasSubstr("output 0"));
}

TEST_F(PluginTest, KernelsThatWriteBeforeOutputsAreNotUsed) {
  EXPECT_THAT(whyNot("SecondBefore", "y[i] =", "y[-1] = 3, y[i] ="),
              HasSubstr("output 0: byte -1 was overwritten, which lies before it"));
}

TEST_F(PluginTest, KernelsThatWriteToInputsAreNotUsed) {
  const std::string change = "if (i == 3) ((__global float*)x)[1] = 7; y[i] =";
  EXPECT_THAT(whyNot("SecondIntoInput", "y[i] =", change), HasSubstr("input 'x': element 1 was overwritten"));
  load("SecondRight");
  loadPlugins(
      write(test::everySecond("SecondIntoConstant"),
            replaced(test::everySecondKernel(), "y[i] =", "((__global float*)shift)[1] = 7; y[i] =")));
  Graph g = graphOf("SecondRight");
  const TensorId x = g.addInput("other", DataType::Float32, {2, 4});
  const TensorId s = g.addConstant("s", HostTensor::of<float>({2}, {10, 20}));
  g.markOutput(g.add("SecondIntoConstant", "third", {x, s}, {}, {"z"}));
  const auto why = test::refusal([&] { run(std::move(g)); }, ErrorCode::DeviceError);
  EXPECT_THAT(why, HasSubstr("Layer 'third' can not be computed by plugin SecondIntoConstant of " +
                             scratch_.path().string()));
  EXPECT_THAT(why, HasSubstr("input 'shift': element 1 was overwritten"));
}

TEST_F(PluginTest, RangesAndScratchHaveLimits) {
  const auto limited = [&](const std::string& name, const std::string& from, const std::string& to) {
    const fs::path file = write(replaced(test::everySecond(name), from, to), test::everySecondKernel());
    loadPlugins(file);
    const auto why = test::refusal([&] { run(graphOf(name)); }, ErrorCode::Unsupported);
    EXPECT_THAT(why, HasSubstr("second"));
    EXPECT_THAT(why, HasSubstr("plugin " + name + " of " + file.string()));
    return why;
  };
  const std::string range = "\"global\": [\"size(y) / WIDTH\"]";
  EXPECT_THAT(limited("SecondTooWide", range, "\"global\": [\"65536\", \"65536\"]"),
              HasSubstr("its range 65536 x 65536 has more than 2147483648 work-items"));
  EXPECT_THAT(limited("SecondOfNoItems", range, "\"global\": [\"size(y)\", \"0\"]"),
              HasSubstr("its range 4 x 0 has no work-items"));
  EXPECT_THAT(limited("SecondOfNegative", range, "\"global\": [\"0 - size(y)\"]"),
              HasSubstr("the size '0 - size(y)' is -4"));
  EXPECT_THAT(limited("SecondOfGroups", range, range + ", \"local\": [\"3\"]"),
              HasSubstr("extent 4 is no multiple of the work-group's 3"));
  EXPECT_THAT(limited("SecondOfScratch", "\"kernels\"", "\"scratch\": [\"pow(2, 47)\"], \"kernels\""),
              HasSubstr("it wants 140737488355328 bytes of scratch"));
}

TEST_F(PluginTest, ReferencesThatFailSayWhoseTheyAre) {
  const fs::path file =
      write(replaced(test::everySecond("SecondBesideX"), "2 * i1 + begin", "4 + i1 + begin"),
            test::everySecondKernel());
  loadPlugins(file);
  const auto why = test::refusal([&] { run(graphOf("SecondBesideX")); });
  EXPECT_THAT(why,
              HasSubstr("Layer 'second' can not be computed by plugin SecondBesideX of " + file.string()));
  EXPECT_THAT(why, HasSubstr("'x' (2x4) has nothing at 4 of axis 1"));
}

TEST_F(PluginTest, PathsThatAreMissingSaySo) {
  for (const char* name : {"none.json", "none.so", "none"})
    EXPECT_THAT(test::refusal([&] { loadPlugins(scratch_.path() / name); }), HasSubstr("it does not exist"));
}

TEST_F(PluginTest, KernelsThatDoNotCompileSayWhichPlugin) {
  loadPlugins(
      write(test::everySecond("SecondOfNothing"), replaced(test::everySecondKernel(), "width * 2", "wide")));
  EXPECT_THAT(test::refusal([&] { run(graphOf("SecondOfNothing")); }, ErrorCode::DeviceError),
              testing::AllOf(HasSubstr("plugin/SecondOfNothing.cl:everySecond"), HasSubstr("wide")));
}

TEST_F(PluginTest, KernelsOfOtherArgumentsAreNotUsed) {
  const std::string manifest =
      replaced(test::everySecond("SecondOfArguments"), ", {\"float\": \"scale\"}", "");
  loadPlugins(write(manifest, test::everySecondKernel()));
  EXPECT_THAT(test::refusal([&] { run(graphOf("SecondOfArguments")); }, ErrorCode::DeviceError),
              HasSubstr("its kernel everySecond takes 7 arguments, 6 are given"));
}

// A tolerance must not switch the check off.
TEST_F(PluginTest, WideTolerancesAreRefused) {
  const auto with = [&](const std::string& name, const std::string& tolerance) {
    const std::string small = replaced(test::everySecond(name), "\"default\": 1.5", "\"default\": 0.5");
    return write(replaced(small, "\"version\"", "\"tolerance\": " + tolerance + ", \"version\""),
                 test::everySecondKernel());
  };
  for (const char* wide : {"{\"absolute\": 1e300, \"relative\": 0}", "{\"absolute\": 0, \"relative\": 0.5}"})
    EXPECT_THAT(test::refusal([&] { loadPlugins(with("SecondOfAnything", wide)); }),
                HasSubstr("0.1 are the most with which a wrong kernel would still be seen"));
  // What it is checked with is below 0.5 here.
  loadPlugins(with("SecondOfLittle", "{\"absolute\": 1, \"relative\": 0.1}"));
  EXPECT_THAT(test::refusal([&] { run(graphOf("SecondOfLittle")); }, ErrorCode::DeviceError),
              HasSubstr("any kernel would be right"));
}

TEST_F(PluginTest, BadManifestsNameFileAndReason) {
  const std::string good = test::everySecond("SecondBad"), kernel = test::everySecondKernel();
  const auto why = [&](const std::string& manifest) {
    const fs::path file = write(manifest, kernel);
    const auto text = test::refusal([&] { loadPlugins(file); });
    EXPECT_THAT(text, HasSubstr("The plugin of " + file.string() + " can not be used: "));
    return text;
  };
  EXPECT_THAT(why("{"), HasSubstr("it is no JSON"));
  EXPECT_THAT(why(std::string(100, '[')), HasSubstr("nested too deeply"));
  EXPECT_THAT(why(replaced(good, "\"tessera_plugin\": 1", "\"tessera_plugin\": 2")),
              HasSubstr("is 2, this Tessera reads 1"));
  EXPECT_THAT(why(replaced(good, "\"version\": \"1.0\",", "")), HasSubstr("the manifest has no 'version'"));
  EXPECT_THAT(why(replaced(good, "\"version\"", "\"versoin\": \"\", \"version\"")),
              HasSubstr("has an entry 'versoin', which is not known"));
  EXPECT_THAT(why(replaced(good, "\"default\": 1.5", "\"default\": \"1\"")),
              HasSubstr("'default' is no number"));
  EXPECT_THAT(why(replaced(good, "scale) * x", "scale) * z")), HasSubstr("nothing named 'z' here"));
  EXPECT_THAT(why(replaced(good, "\"name\": \"scale\"", "\"name\": \"x\"")),
              HasSubstr("the name 'x' is used twice"));
  EXPECT_THAT(why(replaced(good, "\"entry\": \"everySecond\"", "\"entry\": \"everyThird\"")),
              HasSubstr("second.cl has no kernel named everyThird"));
  EXPECT_THAT(why(replaced(good, "second.cl", "third.cl")), HasSubstr("third.cl"));
  EXPECT_THAT(why(replaced(good, "second.cl", "../second.cl")), HasSubstr("no file beside the manifest"));
  EXPECT_THAT(why(replaced(good, "\"SecondBad\"", "\"Relu\"")),
              HasSubstr("Tessera has an operator named Relu"));
  EXPECT_THAT(why(replaced(good, "\"default\": 1}]", "\"default\": 7}]")),
              HasSubstr("is none of its values"));
  EXPECT_THAT(why(replaced(good, "\"shift\", \"y\"", "\"shfit\", \"y\"")),
              HasSubstr("'shfit', which is no operand"));
  EXPECT_EQ(loadPlugins(write(good, kernel)).at(0), "SecondBad");
}

TEST_F(PluginTest, OneNameIsOnePlugin) {
  load("SecondTwice");
  load("SecondTwice");  // the same again
  const auto why = test::refusal([&] { load("SecondTwice", "2"); });
  EXPECT_THAT(why, HasSubstr("another plugin named SecondTwice, version 1.0, of "));
}

TEST_F(PluginTest, AFolderIsLoadedAsAWhole) {
  write(test::everySecond("SecondOfFolderA"), test::everySecondKernel(), "a");
  write("{}", test::everySecondKernel(), "b");
  EXPECT_THAT(test::refusal([&] { loadPlugins(scratch_.path()); }), HasSubstr("b.json"));
  for (const PluginInfo& info : plugins()) EXPECT_NE(info.name, "SecondOfFolderA");
  write(test::everySecond("SecondOfFolderB"), test::everySecondKernel(), "b");
  EXPECT_THAT(loadPlugins(scratch_.path()), ElementsAre("SecondOfFolderA", "SecondOfFolderB"));
  test::Folder empty;
  EXPECT_THAT(test::refusal([&] { loadPlugins(empty.path()); }), HasSubstr("no manifest"));
}

TEST_F(PluginTest, TheExampleOfTheDocsComputesWhatItSays) {
  EXPECT_THAT(loadPlugins(test::sourceFolder() / "docs/plugins/pixel_norm/pixel_norm.json"),
              ElementsAre("PixelNorm"));
  Graph g;
  g.name = "norm";
  const TensorId x = g.addInput("x", DataType::Float32, {1, 2, 1, 2});
  g.markOutput(g.add("PixelNorm", "norm", {x}, {}, {"y"}));
  EngineOptions options;
  options.tuning.folder = "";
  const auto engine = Engine::build(std::move(g), test::device(), options);
  EXPECT_DOUBLE_EQ(engine->layers().at(0).operations, 16);
  Context context(engine);
  const auto y = context.run({{"x", HostTensor::of<float>({1, 2, 1, 2}, {3, 1, 4, 1})}}).at("y");
  const float root = std::sqrt(12.5f);
  EXPECT_NEAR(y.number(0), 3 / root, 1e-5);
  EXPECT_NEAR(y.number(1), 1, 1e-5);
  EXPECT_NEAR(y.number(2), 4 / root, 1e-5);
}

// y = rate * (x - the mean of its row): two kernels with a buffer between them, local memory, a macro that is
// a float.
constexpr const char* kCentred = R"json({
  "tessera_plugin": 1, "name": "Centred", "version": "1", "source": "centred.cl",
  "inputs": [{"name": "x"}], "attributes": [{"name": "rate", "type": "float", "default": 0.5}],
  "outputs": [{"name": "y", "shape": "x",
    "reference": "rate * (x - sum(k, 0, extent(x, 1), x[i0, k]) / extent(x, 1))"}],
  "scratch": ["4 * extent(x, 0)"],
  "kernels": [
    {"entry": "means", "global": ["4 * extent(x, 0)"], "local": [4],
     "arguments": ["x", {"scratch": 0}, {"int": "extent(x, 1)"}, {"local": "4 * 4"}]},
    {"entry": "centre", "global": ["extent(x, 1)", "extent(x, 0)"], "arguments": ["x", {"scratch": 0}, "y"],
     "defines": {"P_RATE": {"float": "rate"}}}]
})json";
constexpr const char* kCentredKernels = R"(
__kernel void means(__global const float* x, __global float* means, const int width, __local float* parts) {
  const int item = get_local_id(0), row = get_group_id(0);
  parts[item] = 0;
  for (int i = item; i < width; i += 4) parts[item] += x[row * width + i];
  barrier(CLK_LOCAL_MEM_FENCE);
  if (item == 0) means[row] = (parts[0] + parts[1] + parts[2] + parts[3]) / width;
}
__kernel void centre(__global const float* x, __global const float* means, __global float* y) {
  const int at = get_global_id(1) * get_global_size(0) + get_global_id(0);
  y[at] = P_RATE * (x[at] - means[get_global_id(1)]);
}
)";

TEST_F(PluginTest, KernelsFollowEachOtherThroughScratch) {
  scratch_.write("centred.cl", kCentredKernels);
  loadPlugins(scratch_.write("centred.json", kCentred));
  EXPECT_THAT(run(graphOf("Centred")),
              ElementsAre(-0.75f, -0.25f, 0.25f, 0.75f, -0.75f, -0.25f, 0.25f, 0.75f));
}

TEST_F(PluginTest, KernelsThatWriteOutsideScratchAreNotUsed) {
  for (const std::string at : {"2", "-1"}) {
    const std::string name = at == "2" ? "CentredBehind" : "CentredBefore";
    const std::string more = "if (item == 0) means[" + at + "] = 0; if (item == 0) means[row] =";
    scratch_.write("centred.cl", replaced(kCentredKernels, "if (item == 0) means[row] =", more));
    loadPlugins(scratch_.write("centred.json", replaced(kCentred, "Centred", name)));
    const auto why = test::refusal([&] { run(graphOf(name)); }, ErrorCode::DeviceError);
    EXPECT_THAT(why, HasSubstr("Layer 'second' can not be computed by plugin " + name));
    EXPECT_THAT(why, HasSubstr("scratch 0: byte " + std::string(at == "2" ? "8" : "-1")));
  }
}

TEST_F(PluginTest, SourcesMayIncludeFilesBesideThemAndTesseras) {
  scratch_.write("helper.cl", "static float twice(float x) { return x + x; }\n");
  const std::string kernel =
      "#include \"helper.cl\"\n#include \"helper.cl\"\n#include \"common/index.cl\"\n" +
      replaced(test::everySecondKernel("twice(0.5f)"), "T_WIDTH", "(int)(twice(T_WIDTH) / 2)");
  loadPlugins(write(test::everySecond("SecondIncluding"), kernel));
  EXPECT_THAT(run(graphOf("SecondIncluding")), ElementsAre(1.5f, 4.5f, 7.5f, 10.5f));
}

TEST_F(PluginTest, StaysInItsTypeInHalfPrecision) {
  load("SecondOfHalves");
  EngineOptions options;
  options.tuning.folder = "";
  options.precision = Precision::Fp16;
  Graph g;
  g.name = "half";
  const TensorId x = g.addInput("x", DataType::Float32, {2, 4});
  const TensorId e = g.add("Exp", "exp", {x});
  g.markOutput(g.add("SecondOfHalves", "second", {e}, {}, {"y"}));
  const auto engine = Engine::build(std::move(g), test::device(), options);
  const auto& layers = engine->layers();
  const auto second = std::ranges::find(layers, "SecondOfHalves", &LayerInfo::op);
  ASSERT_NE(second, layers.end());
  EXPECT_EQ(second->precision, "fp32");
  Context context(engine);
  const auto y = context.run({{"x", HostTensor::of<float>({2, 4}, {0, 1, 1, 2, 0, 1, 0, 1})}}).at("y");
  EXPECT_NEAR(y.number(0), 1.5, 1e-2);
  EXPECT_NEAR(y.number(1), 1.5 * std::exp(1), 1e-2);
}

// A layer of codes on either side: what is between them is floats, and the report says so.
TEST_F(PluginTest, StaysInItsTypeBetweenLayersOfCodes) {
  load("SecondOfCodes");
  Graph g;
  g.name = "coded";
  TensorId x = g.addInput("x", DataType::Float32, {1, 8});
  const auto fullyConnected = [&](const char* name, TensorId from) {
    const HostTensor w = test::portableRandom({8, g.tensor(from).shape[1]}, 7, -1, 1);
    return g.add("FullyConnected", name, {from, g.addConstant(std::string(name) + ".w", w), kNoTensor});
  };
  x = g.add("SecondOfCodes", "second", {fullyConnected("first", x)});
  const TensorId last = fullyConnected("last", x);
  g.markOutput(last);
  const std::string y = g.tensor(last).name;
  const TensorMap inputs{{"x", test::portableRandom({1, 8}, 3, -1, 1)}};
  const HostTensor exact = evaluate(g, inputs).at(0);
  for (const Precision rest : {Precision::Fp32, Precision::Fp16}) {
    EngineOptions options;
    options.tuning.folder = "";
    options.precision = Precision::Int8;
    options.layerPrecision.rest = rest;
    options.calibration = test::calibrationOf(g, inputs);
    const auto engine = Engine::build(g, test::device(), options);
    for (const LayerPrecision& layer : engine->precisions()) {
      EXPECT_EQ(layer.precision, layer.layer == "second" ? Precision::Fp32 : Precision::Int8) << layer.layer;
      if (layer.layer == "second") {
        EXPECT_THAT(layer.reason, HasSubstr("SecondOfCodes"));
      }
    }
    const auto second = std::ranges::find(engine->layers(), "SecondOfCodes", &LayerInfo::op);
    ASSERT_NE(second, engine->layers().end());
    EXPECT_EQ(second->precision, "fp32");
    Context context(engine);
    EXPECT_EQ(test::compare(context.run(inputs).at(y), exact, {0.2, 0.1}), "");
  }
}

TEST_F(PluginTest, IsTunedWithinItsConstraints) {
  load("SecondTuned");
  EngineOptions options;
  options.tuning.folder = "";
  options.tuning.mode = TuneMode::Fast;
  options.tuning.seconds = 2;
  const auto engine = Engine::build(graphOf("SecondTuned"), test::device(), options);
  EXPECT_GE(engine->tuning().candidates, 2u);
  EXPECT_EQ(engine->tuning().bad, 0u);
  ASSERT_EQ(engine->layers().size(), 1u);
  EXPECT_THAT(engine->layers()[0].family, testing::StartsWith("SecondTuned-"));
  EXPECT_THAT(engine->layers()[0].tactic,
              testing::AnyOf("WIDTH=1", "WIDTH=2"));  // 3 does not divide the output
}

TEST_F(PluginTest, TakesShapesThatChange) {
  load("SecondOfShapes");
  EngineOptions options;
  options.tuning.folder = "";
  options.shapes = {{"x", {{1, 4}, {2, 4}, {3, 4}}}};
  const GraphSource source = [](const InputShapes& shapes) {
    Graph g;
    g.name = "shapes";
    const TensorId x = g.addInput("x", DataType::Float32, shapes.at("x"));
    g.markOutput(g.add("SecondOfShapes", "second", {x}, {}, {"y"}));
    return g;
  };
  Context context(Engine::build(source, test::device(), options));
  for (const std::int64_t rows : {3, 1, 2}) {
    context.setShapes({{"x", {rows, 4}}});
    HostTensor x(DataType::Float32, {rows, 4});
    for (std::int64_t i = 0; i < x.size(); ++i) x.setNumber(i, static_cast<double>(i));
    const HostTensor y = context.run({{"x", x}}).at("y");
    ASSERT_EQ(y.shape, (Shape{rows, 2}));
    for (std::int64_t i = 0; i < y.size(); ++i) EXPECT_EQ(y.number(i), 3.0 * static_cast<double>(i));
  }
}

// Beside layers of Tessera's own: blocked operands come as planar ones, slices of a concatenation as copies.
TEST_F(PluginTest, StandsAmongOtherLayers) {
  load("SecondAmong");
  loadPlugins(test::sourceFolder() / "docs/plugins/pixel_norm/pixel_norm.json");
  Graph g;
  g.name = "among";
  const TensorId x = g.addInput("x", DataType::Float32, {2, 16, 4, 4});
  HostTensor weights(DataType::Float32, {16, 16, 1, 1});
  for (std::int64_t k = 0; k < 16; ++k) weights.setNumber(k * 17, 2);
  const TensorId w = g.addConstant("w", weights);
  const TensorId c = g.add("Convolution", "conv", {x, w});
  const TensorId n = g.add("PixelNorm", "norm", {c});
  g.markOutput(g.add("Concat", "both", {n, c}, {{"axis", std::int64_t{1}}}, {"y"}));
  EngineOptions options;
  options.tuning.folder = "";
  Context context(Engine::build(std::move(g), test::device(), options));
  HostTensor in(DataType::Float32, {2, 16, 4, 4});
  for (std::int64_t i = 0; i < in.size(); ++i) in.setNumber(i, 1 + i % 3);
  const auto y = context.run({{"x", in}}).at("y");
  for (std::int64_t item = 0; item < 2; ++item)
    for (std::int64_t pixel = 0; pixel < 16; ++pixel) {
      double sum = 0;
      for (std::int64_t k = 0; k < 16; ++k) sum += std::pow(2 * in.number((item * 16 + k) * 16 + pixel), 2);
      for (std::int64_t k = 0; k < 16; ++k) {
        const double value = 2 * in.number((item * 16 + k) * 16 + pixel);
        EXPECT_NEAR(y.number((item * 32 + k) * 16 + pixel), value / std::sqrt(sum / 16), 1e-4);
        EXPECT_NEAR(y.number((item * 32 + 16 + k) * 16 + pixel), value, 1e-5);
      }
    }
}

}  // namespace
}  // namespace tessera
