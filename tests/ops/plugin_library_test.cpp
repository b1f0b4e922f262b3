// Plugins in shared libraries: the example of the docs runs, and what is none is refused with file and
// reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tessera/context.hpp"
#include "tessera/engine.hpp"
#include "tessera/plugin.hpp"
#include "tessera/tessera.h"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const Engine> build(const Shape& shape, TuneMode mode = TuneMode::Off) {
  loadPlugins(test::binFolder() / "soft_argmax.so");
  Graph g;
  g.name = "heat";
  const TensorId x = g.addInput("x", DataType::Float32, shape);
  g.markOutput(g.add("SoftArgMax", "places", {x}, {{"sharpness", 20.0}}, {"y"}));
  EngineOptions options;
  options.tuning.folder = "";
  options.tuning.mode = mode;
  options.tuning.seconds = 2;
  return Engine::build(std::move(g), test::device(), options);
}

TEST(PluginLibrary, TheExampleOfTheDocsFindsPlaces) {
  EXPECT_THAT(loadPlugins(test::binFolder() / "soft_argmax.so"), ElementsAre("SoftArgMax"));
  EXPECT_THAT(loadPlugins(test::binFolder() / "soft_argmax.so"), ElementsAre("SoftArgMax"));  // again
  Context context(build({1, 2, 4, 8}));
  HostTensor maps(DataType::Float32, {1, 2, 4, 8});
  maps.setNumber(2 * 8 + 5, 1);       // x 5, y 2
  maps.setNumber(32 + 1 * 8 + 3, 1);  // between x 3
  maps.setNumber(32 + 1 * 8 + 4, 1);  // and x 4, y 1
  const HostTensor places = context.run({{"x", maps}}).at("y");
  EXPECT_EQ(places.shape, (Shape{1, 2, 2}));
  EXPECT_NEAR(places.number(0), 5, 1e-3);
  EXPECT_NEAR(places.number(1), 2, 1e-3);
  EXPECT_NEAR(places.number(2), 3.5, 1e-3);
  EXPECT_NEAR(places.number(3), 1, 1e-3);
}

TEST(PluginLibrary, IsTunedLikeOtherFamilies) {
  const auto engine = build({2, 16, 16, 16}, TuneMode::Fast);
  EXPECT_GE(engine->tuning().candidates, 3u);
  EXPECT_EQ(engine->tuning().bad, 0u);
  ASSERT_EQ(engine->layers().size(), 1u);
  EXPECT_THAT(engine->layers()[0].tactic, HasSubstr("GROUP="));
  EXPECT_THAT(engine->layers()[0].family, testing::StartsWith("SoftArgMax-"));
  EXPECT_DOUBLE_EQ(engine->layers()[0].operations, 15.0 * 2 * 16 * 16 * 16);
}

TEST(PluginLibrary, OthersAreRefused) {
  const auto why = [](const fs::path& file) {
    const auto text = test::refusal([&] { loadPlugins(file); });
    EXPECT_THAT(text, HasSubstr("The plugin of " + file.string() + " can not be used: "));
    return text;
  };
  EXPECT_THAT(
      why(test::binFolder() / "foreign_plugin.so"),
      HasSubstr(
          "it was compiled for 'tessera plugin interface 0', this Tessera has 'tessera plugin interface 1"));
  EXPECT_THAT(why(test::binFolder() / "no_plugin.so"), HasSubstr("it is no library of plugins"));
  const test::Folder folder;
  std::ofstream(folder / "text.so") << "no library";
  why(folder / "text.so");
  EXPECT_THAT(why(folder / "none.so"), HasSubstr("it does not exist"));
  std::ofstream(folder / "net.onnx") << "no plugin";
  EXPECT_THAT(why(folder / "net.onnx"), HasSubstr("it is neither a manifest (.json) nor a library (.so)"));
}

TEST(PluginLibrary, IsLoadedFromC) {
  EXPECT_EQ(tessera_load_plugins((test::binFolder() / "soft_argmax.so").c_str()), TESSERA_OK);
  EXPECT_EQ(tessera_load_plugins("none.so"), TESSERA_INVALID_ARGUMENT);
  EXPECT_THAT(tessera_last_error(), HasSubstr("none.so"));
  EXPECT_EQ(tessera_load_plugins(nullptr), TESSERA_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace tessera
