// Plugins in plans: what travels, what has to be there, and what a file may not bring.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/plan.pb.h"
#include "plan/plan_network.hpp"
#include "plugin/manifest_plugin.hpp"
#include "tessera/context.hpp"
#include "tessera/engine.hpp"
#include "tessera/plan.hpp"
#include "tessera/plugin.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/plugins.hpp"
#include "tests/support/refusal.hpp"

namespace tessera {
namespace {

using testing::HasSubstr;

Graph graphOf(const std::string& op) {
  Graph g;
  g.name = "plugins";
  const TensorId x = g.addInput("x", DataType::Float32, {2, 4});
  g.markOutput(g.add(op, "second", {x}, {{"scale", 3.0}}, {"y"}));
  return g;
}

TuneOptions untunedOptions() {
  TuneOptions tuning;
  tuning.folder = "";
  return tuning;
}

void saveNetwork(const std::string& op, const std::filesystem::path& file) {
  EngineOptions options;
  options.tuning = untunedOptions();
  Engine::build(graphOf(op), test::device(), options)->save(file);
}

// Not of a name that this process knows for ever.
void addFromManifest(const std::string& name, const std::string& factor = "1") {
  addPlugin(ManifestPlugin::make(test::everySecond(name), test::everySecondKernel(factor), "a test"));
}

// Its travels to a process that does not know it: tests/apps/plugin_programs_test.cpp.
TEST(PluginPlan, HoldsTheManifest) {
  const test::Folder folder;
  addFromManifest("SecondThatTravels");
  saveNetwork("SecondThatTravels", folder / "net.plan");
  const auto engine = Engine::load(folder / "net.plan", test::device(), untunedOptions());
  Context context(engine);
  EXPECT_EQ(context.run({{"x", HostTensor::of<float>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})}}).at("y"),
            HostTensor::of<float>({2, 2}, {3, 9, 15, 21}));
  const Plan plan = readPlan(folder / "net.plan");
  tessera_plan::Network network;
  ASSERT_TRUE(network.ParseFromString(networkSections(plan).network));
  ASSERT_EQ(network.plugins_size(), 1);
  EXPECT_EQ(network.plugins(0).name(), "SecondThatTravels");
  EXPECT_EQ(network.plugins(0).manifest(), test::everySecond("SecondThatTravels"));
  EXPECT_EQ(network.plugins(0).source(), test::everySecondKernel());
}

// Computes what its kernel says, by a class of the program.
class Doubling final : public Plugin {
 public:
  explicit Doubling(std::string name, std::string version)
      : name_(std::move(name)), version_(std::move(version)) {}
  std::string name() const override { return name_; }
  std::string version() const override { return version_; }
  std::vector<PluginInput> inputs() const override { return {{"x"}}; }
  std::vector<PluginAttribute> attributes() const override { return {{"scale", 2.0}}; }
  std::vector<PluginTunable> tunables() const override { return {{"NOTHING", {1, 2}, 1}}; }
  std::vector<TensorDesc> infer(const PluginLayer& layer) const override {
    return {{DataType::Float32, layer.inputs[0].shape}};
  }
  void reference(const PluginLayer& layer, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    for (std::int64_t i = 0; i < inputs[0].size(); ++i)
      outputs[0].setNumber(i, layer.attributes.number("scale") * inputs[0].number(i));
  }
  std::string source() const override {
    return "__kernel void scale(__global const float* x, __global float* y, const float scale) {\n"
           "  y[get_global_id(0)] = scale * x[get_global_id(0)];\n}\n";
  }
  PluginLaunch launch(const PluginLayer& layer, const PluginTactic&, const DeviceCaps&) const override {
    return {{{"scale",
              {},
              {static_cast<std::size_t>(layer.outputs[0].size())},
              {},
              {PluginArgument::input(0), PluginArgument::output(0),
               PluginArgument::ofFloat(static_cast<float>(layer.attributes.number("scale")))}}},
            {}};
  }

 private:
  std::string name_, version_;
};

TEST(PluginPlan, AClassRunsWhereItIsThere) {
  const test::Folder folder;
  addPlugin(std::make_shared<Doubling>("DoublingHere", "1"));
  saveNetwork("DoublingHere", folder / "net.plan");
  Context context(Engine::load(folder / "net.plan", test::device(), untunedOptions()));
  EXPECT_EQ(context.run({{"x", HostTensor::of<float>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})}}).at("y"),
            HostTensor::of<float>({2, 4}, {3, 6, 9, 12, 15, 18, 21, 24}));
}

// Workers are other processes: this one says that it is ready, and fails whatever it is asked.
TEST(PluginPlan, AClassIsTunedByTheProgramThatHasIt) {
  addPlugin(std::make_shared<Doubling>("DoublingTuned", "1"));
  EngineOptions options;
  options.tuning = untunedOptions();
  options.tuning.mode = TuneMode::Fast;
  options.tuning.seconds = 2;
  options.tuning.worker = {"/bin/sh", "-c", "echo ready; read request"};
  const auto engine = Engine::build(graphOf("DoublingTuned"), test::device(), options);
  EXPECT_GE(engine->tuning().candidates, 2u);
  EXPECT_EQ(engine->tuning().bad, 0u);
}

// What a file claims of plugins is checked before anything of it is known.
class PluginSection : public testing::Test {
 protected:
  PluginSection() {
    plan_.name = "claims";
    const TensorId x = plan_.graph.addInput("x", DataType::Float32, {1});
    plan_.graph.markOutput(plan_.graph.add("Abs", "abs", {x}));
    network_.ParseFromString(networkSections(plan_).network);
  }
  std::string refusal() const {
    return test::refusal([&] { parseNetwork(network_.SerializeAsString(), {}); }, ErrorCode::BadCache);
  }
  void add(const std::string& name, const std::string& manifest, const std::string& source) {
    auto& plugin = *network_.add_plugins();
    plugin.set_name(name), plugin.set_version("1.0");
    plugin.set_manifest(manifest), plugin.set_source(source);
  }

  Plan plan_;
  tessera_plan::Network network_;
};

TEST_F(PluginSection, IsNotTooLarge) {
  add("Huge", test::everySecond("Huge"), std::string((1 << 20) + 1, ' '));
  EXPECT_THAT(refusal(), HasSubstr("it has more than 1 MiB"));
}
TEST_F(PluginSection, HasTheNameOfItsManifest) {
  add("Other", test::everySecond("SecondNamedOtherwise"), test::everySecondKernel());
  EXPECT_THAT(refusal(), HasSubstr("its plugin Other has the manifest of SecondNamedOtherwise"));
}
TEST_F(PluginSection, TakesNoNameOfTessera) {
  add("Relu", test::everySecond("Relu"), test::everySecondKernel());
  EXPECT_THAT(refusal(), HasSubstr("Tessera has an operator named Relu"));
}
TEST_F(PluginSection, AsksForClassesByNameAndVersion) {
  add("DoublingAskedFor", "", "");
  EXPECT_THAT(refusal(),
              HasSubstr("it needs the plugin DoublingAskedFor, version 1.0, which does not travel in plans"));
  addPlugin(std::make_shared<Doubling>("DoublingAskedFor", "2.0"));
  EXPECT_THAT(refusal(), HasSubstr("version 1.0, and version 2.0 is loaded"));
}
TEST_F(PluginSection, IsNotAnotherOfANameInUse) {
  addFromManifest("SecondInUse");
  add("SecondInUse", test::everySecond("SecondInUse"), test::everySecondKernel("(1.0f)"));
  EXPECT_THAT(refusal(),
              HasSubstr("another plugin named SecondInUse, version 1.0, of the program is in use already"));
}
TEST_F(PluginSection, IsNotLong) {
  for (int i = 0; i < 65; ++i) add("Many", test::everySecond("Many"), test::everySecondKernel());
  EXPECT_THAT(refusal(), HasSubstr("more than 64 plugins"));
}

}  // namespace
}  // namespace tessera
