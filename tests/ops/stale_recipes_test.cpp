// Plans and records that say how a network ran once: where that does not hold any more it runs another way,
// right, and a warning says why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/read_file.hpp"
#include "exec/engine_impl.hpp"
#include "lower/recipe.hpp"
#include "plan/plan.hpp"
#include "tessera/context.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/made_up_times.hpp"
#include "tests/support/said.hpp"
#include "tests/support/samples.hpp"
#include "tune/records/record_store.hpp"
#include "tune/tuner.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

// Two convolutions and a pool.
Graph network() {
  Graph graph;
  graph.name = "aged";
  TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 12, 12});
  for (const std::string name : {"first", "second"}) {
    const Shape shape{4, graph.tensor(x).shape[1], 3, 3};
    const TensorId w = graph.addConstant(name + ".w", test::portableRandom(shape, 7, -1, 1));
    x = graph.add("Convolution", name, {x, w});
  }
  graph.markOutput(graph.add("GlobalPool", "pool", {x}, {{"mode", "average"}}, {"y"}));
  return graph;
}

TensorMap input() { return {{"x", test::portableRandom({1, 3, 12, 12}, 3, -1, 1)}}; }

class StaleRecipes : public testing::Test {
 protected:
  void SetUp() override {
    options_.tuning.mode = TuneMode::Cached;
    options_.tuning.folder = folder_ / "cache";
  }
  void TearDown() override { unsetenv("TESSERA_KERNEL_DIR"); }

  const Device& device() const { return test::device(); }
  std::shared_ptr<const Engine> build() const { return Engine::build(network(), device(), options_); }
  std::shared_ptr<const Engine> load(const fs::path& file) const {
    return Engine::load(file, device(), options_.tuning);
  }
  // What the network computes, whatever is on record.
  HostTensor wanted() const {
    EngineOptions untuned;
    untuned.tuning.mode = TuneMode::Off;
    return Context(Engine::build(network(), device(), untuned)).run(input()).at("y");
  }
  static void expectRight(const std::shared_ptr<const Engine>& engine, const HostTensor& wanted) {
    EXPECT_EQ(test::compare(Context(engine).run(input()).at("y"), wanted, {1e-5, 1e-5}), "");
  }
  // Records by which conv_naive is the fastest.
  void favourNaive() const {
    TuneOptions options = options_.tuning;
    options.mode = TuneMode::Fast;
    Tuner tuner(device(), device().caps(), options, std::make_unique<test::MadeUpTimes>("conv_naive"));
    tuner.tune(network());
  }
  static constexpr const char* kPlanted =
      "the family in which a fault is planted is what this device runs untuned";
  bool untunedIsNaive() const {
    EngineOptions untuned;
    untuned.tuning.mode = TuneMode::Off;
    return Engine::build(network(), device(), untuned)->text().find("conv_naive") != std::string::npos;
  }
  // conv_naive as another build or driver might have it, which does not compile.
  void breakNaive() const {
    fs::create_directories(folder_ / "kernels/conv_naive");
    std::ofstream(folder_ / "kernels/conv_naive/conv_naive.cl") << "this is no kernel\n";
    setenv("TESSERA_KERNEL_DIR", (folder_ / "kernels").c_str(), 1);
  }
  // The plan of the network, its recipe changed.
  fs::path planWith(const std::function<void(std::string&)>& change) const {
    const fs::path file = folder_ / "net.plan";
    build()->save(file);
    Plan plan = readPlan(file);
    change(plan.devices.at(0).recipe);
    writePlan(file, plan);
    return file;
  }

  test::Folder folder_;
  EngineOptions options_;
};

TEST_F(StaleRecipes, AChainWithMoreGroupsThanTheDeviceHoldsRunsStepByStep) {
  const HostTensor right = wanted();
  const std::vector<std::string> groups =
      device().caps().nvidia ? std::vector<std::string>{"1000000"} : std::vector<std::string>{"264", "528"};
  for (const std::string& count : groups) {
    const auto file = planWith([&](std::string& recipe) { recipe = "chain=" + count + " " + recipe; });
    const test::Said said;
    const auto loaded = load(file);
    EXPECT_GT(loaded->launches(), 1u);
    EXPECT_GT(loaded->tuning().planned, 0u) << "the rest of the recipe holds";
    EXPECT_EQ(loaded->impl().programs.deferred(), 0u);
    EXPECT_THAT(said.text(), HasSubstr("does not run in one launch, as it did before"));
    expectRight(loaded, right);
  }
}

TEST_F(StaleRecipes, WhatAPlanSaysThatIsNotToBeHadIsChosenAnew) {
  const HostTensor right = wanted();
  const auto replaced = [](std::string& recipe, const std::string& from, const std::string& to) {
    const auto at = recipe.find(from);
    ASSERT_NE(at, std::string::npos) << recipe;
    recipe.replace(at, from.size(), to);
  };
  const std::vector<std::pair<const char*, std::function<void(std::string&)>>> changes{
      {"no number of groups", [](std::string& r) { r = "chain=99999999999999 " + r; }},
      {"negative groups", [](std::string& r) { r = "chain=-1 " + r; }},
      {"a tactic that no space has", [](std::string& r) { r += ",NOBODY=3"; }},
      {"a tactic that is none", [](std::string& r) { r += ",=,"; }},
      {"another family", [&](std::string& r) { replaced(r, "first|", "first|gone_"); }},
      {"another layer", [&](std::string& r) { replaced(r, "second|", "third|"); }},
      {"a block that no kernel has", [&](std::string& r) { replaced(r, ">1|", ">7|"); }},
      {"a step too few", [](std::string& r) { r.erase(r.rfind(' ')); }},
      {"a step too many", [](std::string& r) { r += r.substr(r.rfind(' ')); }},
      {"nothing", [](std::string& r) { r.clear(); }}};
  for (const auto& [what, change] : changes) {
    SCOPED_TRACE(what);
    const auto file = planWith(change);
    const test::Said said;
    const auto loaded = load(file);
    EXPECT_EQ(loaded->tuning().planned, 0u);
    EXPECT_THAT(said.text(), AllOf(HasSubstr("chosen anew"), HasSubstr("its recipe does not hold any more")));
    expectRight(loaded, right);
  }
}

TEST_F(StaleRecipes, KernelsOfAPlanThatDoNotCompileAreReplaced) {
  const HostTensor right = wanted();
  favourNaive();
  const auto tuned = build();
  ASSERT_THAT(tuned->text(), HasSubstr("conv_naive"));
  tuned->save(folder_ / "naive.plan");
  options_.tuning.folder = "";
  if (untunedIsNaive()) GTEST_SKIP() << kPlanted;
  breakNaive();
  const test::Said said;
  const auto loaded = load(folder_ / "naive.plan");
  EXPECT_THAT(said.text(), AllOf(HasSubstr("the kernels in the plan of 'aged'"), HasSubstr("conv_naive")));
  EXPECT_EQ(loaded->text().find("conv_naive"), std::string::npos);
  EXPECT_EQ(loaded->tuning().planned, 0u);
  expectRight(loaded, right);
}

TEST_F(StaleRecipes, KernelsOnRecordThatDoNotCompileAreReplaced) {
  const HostTensor right = wanted();
  if (untunedIsNaive()) GTEST_SKIP() << kPlanted;
  breakNaive();
  favourNaive();
  const test::Said said;
  const auto engine = build();
  if (said.text().empty()) {
    EXPECT_EQ(engine->text().find("conv_naive"), std::string::npos);
    GTEST_SKIP() << "no layer would run by conv_naive";
  }
  EXPECT_THAT(said.text(), AllOf(HasSubstr("the kernels on record of 'aged'"), HasSubstr("runs untuned")));
  EXPECT_EQ(engine->text().find("conv_naive"), std::string::npos);
  expectRight(engine, right);
}

// Rewrites the text of the recipe that is on record.
void editRecordText(const fs::path& folder, const std::function<void(std::string&)>& edit) {
  int edited = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".tactics") continue;
    std::string text;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      auto record = parseRecord(line);
      ASSERT_TRUE(record);
      if (auto* note = std::get_if<Note>(&*record); note && note->kind == RecipeNote::kKind) {
        edit(note->text);
        ++edited;
      }
      text += lineOf(*record) + "\n";
    }
    in.close();
    std::ofstream(entry.path()) << text;
  }
  EXPECT_GT(edited, 0);
}

void editRecord(const fs::path& folder, const std::function<void(RecipeNote&)>& edit) {
  editRecordText(folder, [&](std::string& text) {
    auto recipe = RecipeNote::parse(text);
    ASSERT_TRUE(recipe);
    edit(*recipe);
    text = recipe->text();
  });
}

TEST_F(StaleRecipes, ARecordThatDoesNotReadIsNamedOnce) {
  const HostTensor right = wanted();
  {
    TuneOptions fast = options_.tuning;
    fast.mode = TuneMode::Fast;
    Tuner tuner(device(), device().caps(), fast, std::make_unique<test::MadeUpTimes>("conv_direct"));
    tuner.recordRecipe(network(), tuner.lower(network()).recipe, 1);
  }
  editRecordText(*options_.tuning.folder, [](std::string& text) { text += "|"; });
  const test::Said said;
  expectRight(build(), right);
  const std::string text = said.text();
  EXPECT_THAT(text, HasSubstr("the recipe on record of 'network"));
  EXPECT_THAT(text, HasSubstr("does not read as one"));
  EXPECT_EQ(text.find("does not read"), text.rfind("does not read"));
}

TEST_F(StaleRecipes, ARecordThatDoesNotHoldIsNotUsed) {
  const HostTensor right = wanted();
  {
    TuneOptions fast = options_.tuning;
    fast.mode = TuneMode::Fast;
    Tuner tuner(device(), device().caps(), fast, std::make_unique<test::MadeUpTimes>("conv_direct"));
    tuner.recordRecipe(network(), tuner.lower(network()).recipe, 1);
  }
  const auto expectSaid = [&](const std::string& what, const std::function<void(RecipeNote&)>& edit) {
    SCOPED_TRACE(what);
    editRecord(*options_.tuning.folder, edit);
    const test::Said said;
    const auto engine = build();
    EXPECT_THAT(said.text(), HasSubstr(what));
    EXPECT_GT(engine->launches(), 1u);
    expectRight(engine, right);
  };
  {
    const test::Said said;
    expectRight(build(), right);
    EXPECT_EQ(said.text(), "");
  }
  expectSaid("does not run in one launch",
             [&](RecipeNote& note) { note.recipe.chainGroups = device().caps().nvidia ? 1000000 : 528; });
  expectSaid("its kernels are others in this build", [](RecipeNote& note) {
    note.recipe.chainGroups = kChainUnknown;
    note.sources ^= 1;
  });
  expectSaid("does not offer", [](RecipeNote& note) {
    note.sources ^= 1;
    note.recipe.steps.at(0).tactic.set("NOBODY", 3);
  });
}

}  // namespace
}  // namespace tessera
