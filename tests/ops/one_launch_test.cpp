// Networks in one launch: the same bits as in a launch for each kernel, whatever is bound and on whatever
// queue.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "cl/device_impl.hpp"
#include "clkernels/common/in_chains.hpp"
#include "clkernels/common/tensor_cores.hpp"
#include "exec/engine_impl.hpp"
#include "lower/chain.hpp"
#include "lower/recipe.hpp"
#include "lower/recipe_chooser.hpp"
#include "plan/plan.hpp"
#include "tessera/context.hpp"
#include "tessera/engine.hpp"
#include "tessera/profile.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/invented_device.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

using testing::HasSubstr;

// Two branches that need not wait for each other, a concatenation that they write, what reads it.
Graph branches() {
  Graph g;
  g.name = "branches";
  TensorId x = g.addInput("x", DataType::Float32, {2, 8, 9, 11});
  const auto conv = [&](const std::string& name, TensorId in, std::int64_t out) {
    const HostTensor weights = test::portableRandom({out, g.tensor(in).shape[1], 3, 3}, 7, -0.3f, 0.3f);
    return g.add("Convolution", name, {in, g.addConstant(name + ".w", weights)},
                 {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  };
  x = g.add("Relu", "stem.relu", {conv("stem", x, 16)});
  const TensorId left = conv("left", x, 16), right = conv("right", x, 16);
  const TensorId both = g.add("Concat", "both", {left, right}, {{"axis", 1}, {"in_place", 1}});
  g.markOutput(conv("last", both, 5));
  return g;
}

// Convolutions of one input, of which each from the second on adds the one before; the last reads what it
// adds.
Graph sums() {
  Graph g;
  g.name = "sums";
  const TensorId x = g.addInput("x", DataType::Float32, {2, 8, 9, 11});
  const auto conv = [&](const std::string& name, TensorId in, TensorId residual) {
    const HostTensor weights = test::portableRandom({16, g.tensor(in).shape[1], 3, 3}, 7, -0.3f, 0.3f);
    std::vector<TensorId> inputs{in, g.addConstant(name + ".w", weights)};
    if (residual != kNoTensor) inputs.insert(inputs.end(), {kNoTensor, residual});
    return g.add("Convolution", name, inputs, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  };
  const TensorId stem = conv("stem", x, kNoTensor), first = conv("first", stem, kNoTensor),
                 second = conv("second", stem, first), third = conv("third", stem, second);
  g.markOutput(third);
  g.markOutput(conv("both", second, second));
  return g;
}

// Tiny extents: kernels whose loops run once or not at all, by one item.
Graph tiny() {
  using Ints = std::vector<std::int64_t>;
  Graph g;
  g.name = "tiny";
  const auto weights = [&](const std::string& name, Shape shape) {
    return g.addConstant(name, test::portableRandom(std::move(shape), 7, -0.3f, 0.3f));
  };
  const TensorId x = g.addInput("x", DataType::Float32, {2, 8, 9, 11});
  const TensorId thin = g.add("Convolution", "thin", {x, weights("thin.w", {1, 8, 1, 1})}, {});
  const TensorId mean = g.add("GlobalPool", "mean", {thin}, {{"mode", "average"}});
  const TensorId wide =
      g.add("Convolution", "wide", {mean, weights("wide.w", {12, 1, 3, 3})}, {{"pads", Ints{1, 1, 1, 1}}});
  const TensorId grown =
      g.add("Resize", "grown", {mean},
            {{"coordinate", "align_corners"}, {"mode", "linear"}, {"sizes", Ints{2, 1, 3, 3}}});
  const TensorId least = g.add("Min", "least", {grown, mean});
  const TensorId apart =
      g.add("Convolution", "apart", {least, weights("apart.w", {7, 1, 3, 3})},
            {{"dilations", Ints{3, 1}}, {"pads", Ints{2, 1, 2, 2}}, {"strides", Ints{2, 2}}});
  g.markOutput(wide);
  g.markOutput(g.add("Max", "most", {mean, apart}));
  return g;
}

EngineOptions launching(Launches launches) {
  EngineOptions options;
  options.launches = launches;
  options.tuning.mode = TuneMode::Off;
  return options;
}

TensorMap inputOf(unsigned seed) { return {{"x", test::portableRandom({2, 8, 9, 11}, seed, -2, 2)}}; }

const Device* chainable() {
  for (const Device& device : test::devices())
    if (canChain(device.caps())) return &device;
  return nullptr;
}

TEST(OneLaunch, TakesTinyLayers) {
  const Device* device = chainable();
  if (!device) GTEST_SKIP() << "no device runs networks in one launch";
  Context steps(Engine::build(tiny(), *device, launching(Launches::Steps))),
      one(Engine::build(tiny(), *device, launching(Launches::One)));
  EXPECT_EQ(one.run(inputOf(1)), steps.run(inputOf(1)));
}

// One kernel whose second call wants more local memory than its first.
TEST(OneLaunch, KernelsTakeTheLocalMemoryOfTheLargestCall) {
  const Device* device = chainable();
  if (!device) GTEST_SKIP() << "no device runs networks in one launch";
  Graph g;
  g.name = "growing";
  TensorId last = g.addInput("x", DataType::Float32, {1, 3, 8, 8});
  for (const std::int64_t channels : {8, 8}) {
    const std::string name = "conv" + std::to_string(last);
    const HostTensor weights =
        test::portableRandom({channels, g.tensor(last).shape[1], 3, 3}, 7, -0.3f, 0.3f);
    last = g.add("Convolution", name, {last, g.addConstant(name + ".w", weights)},
                 {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  }
  g.markOutput(last);
  Context steps(Engine::build(Graph(g), *device, launching(Launches::Steps))),
      one(Engine::build(Graph(g), *device, launching(Launches::One)));
  const TensorMap x{{"x", test::portableRandom({1, 3, 8, 8}, 1, -2, 2)}};
  EXPECT_EQ(one.run(x), steps.run(x));
}

// As when something keeps groups from coming: another process that shares the device by time, say.
TEST(OneLaunch, GroupsThatComeInTimeDoTheWorkOfAll) {
  const Device* device = chainable();
  if (!device || !device->caps().nvidia) GTEST_SKIP() << "no device whose groups meet";
  Context steps(Engine::build(branches(), *device, launching(Launches::Steps)));
  const auto engine = Engine::build(branches(), *device, launching(Launches::One));
  ChainLaunch& launch = *const_cast<Engine::Impl&>(engine->impl()).chain;
  Context one(engine);
  for (const std::size_t groups : {launch.mostGroups * 8, launch.groups}) {
    launch.groups = groups;
    for (const unsigned seed : {1u, 2u, 1u}) EXPECT_EQ(one.run(inputOf(seed)), steps.run(inputOf(seed)));
  }
}

TEST(OneLaunch, ComputesTheSameBits) {
  const Device* device = chainable();
  if (!device) GTEST_SKIP() << "no device runs networks in one launch";
  const auto steps = Engine::build(branches(), *device, launching(Launches::Steps));
  const auto one = Engine::build(branches(), *device, launching(Launches::One));
  EXPECT_GE(steps->launches(), 3u);
  EXPECT_EQ(one->launches(), 1u);
  EXPECT_GT(one->memory().weights, steps->memory().weights);
  Context expected(steps), context(one), other(one);
  for (const unsigned seed : {1u, 2u, 1u}) {
    const TensorMap wanted = expected.run(inputOf(seed));
    EXPECT_EQ(context.run(inputOf(seed)), wanted);
    EXPECT_EQ(other.run(inputOf(seed)), wanted);
  }
  EXPECT_EQ(context.profile(1).size(), expected.profile(1).size());  // by steps in any case
}

TEST(OneLaunch, ComputesSumsBehindWhatTheyAdd) {
  const Device* device = chainable();
  if (!device) GTEST_SKIP() << "no device runs networks in one launch";
  Context steps(Engine::build(sums(), *device, launching(Launches::Steps))),
      one(Engine::build(sums(), *device, launching(Launches::One)));
  for (const unsigned seed : {1u, 2u}) EXPECT_EQ(one.run(inputOf(seed)), steps.run(inputOf(seed)));
}

TEST(OneLaunch, TakesBuffersAndQueuesOfTheCaller) {
  const Device* device = chainable();
  if (!device) GTEST_SKIP() << "no device runs networks in one launch";
  const auto one = Engine::build(branches(), *device, launching(Launches::One));
  Context context(one);
  const TensorMap wanted = context.run(inputOf(3));
  const std::string output = one->bindings().back().name;
  const auto& impl = device->impl();
  const cl::CommandQueue queue(impl.context(), impl.device);
  const cl::Buffer own(impl.context(), CL_MEM_READ_WRITE, one->binding(output).bytes());
  context.bind(output, own());
  context.enqueue(queue());
  queue.finish();
  EXPECT_EQ(context.download(output), wanted.at(output));
}

// A plan that runs in one launch, and what it computes.
struct OneLaunchPlan {
  explicit OneLaunchPlan(const Device& device) {
    const auto one = Engine::build(branches(), device, launching(Launches::One));
    wanted = Context(one).run(inputOf(4));
    one->save(file);
  }
  std::shared_ptr<const Engine> load(const Device& device) const {
    TuneOptions tuning;
    tuning.folder = "";
    return Engine::load(file, device, tuning);
  }
  test::Folder folder;
  std::filesystem::path file = folder / "one.plan";
  TensorMap wanted;
};

TEST(OneLaunch, AStartReadsNoProgramsOfSteps) {
  const Device* device = chainable();
  if (!device) GTEST_SKIP() << "no device runs networks in one launch";
  const OneLaunchPlan plan(*device);
  const auto loaded = plan.load(*device);
  const ProgramSet& programs = loaded->impl().programs;
  EXPECT_EQ(loaded->launches(), 1u);
  EXPECT_GT(programs.size(), 2u);
  Context context(loaded);
  EXPECT_EQ(context.run(inputOf(4)), plan.wanted);
  EXPECT_EQ(programs.deferred(), programs.size() - 1);
  // They go from plan to plan as they are.
  if (readPlan(plan.file).devices.at(0).parts.programs.at(0).bytes.empty()) return;
  loaded->save(plan.folder / "again.plan");
  EXPECT_EQ(readPlan(plan.folder / "again.plan").devices, readPlan(plan.file).devices);
  EXPECT_EQ(programs.deferred(), programs.size() - 1);
}

TEST(OneLaunch, RunsThatCanBeCancelledHaveTheirKernelsFromTheStart) {
  const Device* device = chainable();
  if (!device) GTEST_SKIP() << "no device runs networks in one launch";
  const OneLaunchPlan plan(*device);
  const auto loaded = plan.load(*device);
  ContextOptions options;
  options.cancellable = true;
  Context context(loaded, options);
  EXPECT_EQ(loaded->impl().programs.deferred(), 0u) << "a run makes no objects";
  EXPECT_EQ(context.run(inputOf(4)), plan.wanted);
}

TEST(OneLaunch, FollowsWhatIsBoundInItsStepsToo) {
  const Device* device = chainable();
  if (!device) GTEST_SKIP() << "no device runs networks in one launch";
  const OneLaunchPlan plan(*device);
  const auto loaded = plan.load(*device);
  const std::string output = loaded->bindings().back().name;
  const cl::Buffer own(device->impl().context(), CL_MEM_READ_WRITE, loaded->binding(output).bytes());
  Context context(loaded);
  context.bind(output, own());
  for (const bool before : {true, false}) {
    context.upload("x", inputOf(before ? 4 : 5).at("x"));
    traceRun(context);  // makes the kernels of steps, then has them
    const HostTensor bySteps = context.download(output);
    if (before) {
      EXPECT_EQ(bySteps, plan.wanted.at(output));
      context.bind(output, nullptr);
    } else {
      EXPECT_EQ(bySteps, context.run(inputOf(5)).at(output));
    }
  }
}

TEST(OneLaunch, ComputesCodesAsStepsDo) {
  const Device* device = chainable();
  if (!device || !device->caps().nvidia) GTEST_SKIP() << "needs work-groups of several sizes that wait";
  const Graph network = test::int8Network();
  EngineOptions steps = launching(Launches::Steps), one = launching(Launches::One);
  for (EngineOptions* options : {&steps, &one}) {
    options->precision = Precision::Int8;
    options->calibration = test::int8NetworkCalibration(network);
  }
  Context expected(Engine::build(network, *device, steps)), context(Engine::build(network, *device, one));
  EXPECT_EQ(context.run(test::int8NetworkInput()), expected.run(test::int8NetworkInput()));
}

// Planar convolutions, which keep rows in local memory, for many work-items; each adds the one before.
Graph planarSums() {
  Graph g;
  g.name = "planar sums";
  TensorId x = g.addInput("x", DataType::Float32, {1, 5, 96, 64});
  TensorId sum = kNoTensor;
  for (int i = 0; i < 12; ++i) {
    const std::string name = "conv" + std::to_string(i);
    const HostTensor weights = test::portableRandom({5, 5, 3, 3}, 7 + i, -0.2f, 0.2f);
    std::vector<TensorId> inputs{sum == kNoTensor ? x : sum, g.addConstant(name + ".w", weights)};
    if (sum != kNoTensor) inputs.insert(inputs.end(), {kNoTensor, sum});
    sum = g.add("Convolution", name, inputs, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  }
  g.markOutput(sum);
  return g;
}

TEST(OneLaunch, ThreadsHaveLocalMemoryOfTheirOwn) {
  const Device* device = chainable();
  if (!device) GTEST_SKIP() << "no device runs networks in one launch";
  Context steps(Engine::build(planarSums(), *device, launching(Launches::Steps))),
      one(Engine::build(planarSums(), *device, launching(Launches::One)));
  for (unsigned seed = 0; seed < 100; ++seed) {
    const TensorMap input{{"x", test::portableRandom({1, 5, 96, 64}, seed, -2, 2)}};
    ASSERT_EQ(one.run(input), steps.run(input)) << seed;
  }
}

TEST(OneLaunch, RunsOfTwoContextsSideBySide) {
  const Device* device = chainable();
  if (!device) GTEST_SKIP() << "no device runs networks in one launch";
  const auto one = Engine::build(planarSums(), *device, launching(Launches::One));
  const TensorMap input{{"x", test::portableRandom({1, 5, 96, 64}, 1, -2, 2)}};
  const TensorMap wanted = Context(one).run(input);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      Context context(one);
      for (int i = 0; i < 30; ++i) right += context.run(input) == wanted;
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(right, 90);
}

Lowered loweredFor(const DeviceCaps& caps, const Graph& g = branches()) {
  Lowered lowered =
      lowerGraph(g, caps, chooseRecipe(g, caps, fallbackTactics(caps), {}, LayoutChoice::Greedy).recipe);
  planMemory(lowered, caps);
  return lowered;
}

ChainContent anyContent(int step, int index) {
  return {reinterpret_cast<const void*>(static_cast<std::intptr_t>((step + 2) * 100 + index)), 1000};
}

TEST(OneLaunch, LetsBranchesRunSideBySide) {
  const Lowered lowered = loweredFor(test::inventedGpu());
  const auto phases = phasesOf(lowered);
  std::map<std::string, int> first, last;
  for (std::size_t i = 0; i < phases.size(); ++i)
    first[lowered.steps[i].layer] = phases[i].calls.front(),
    last[lowered.steps[i].layer] = phases[i].calls.back();
  EXPECT_GT(first.at("left"), last.at("stem"));
  EXPECT_EQ(first.at("left"), first.at("right"));
  EXPECT_GT(first.at("last"), last.at("right"));
}

// By layer; of the one that it runs behind, the name.
std::map<std::string, std::pair<int, std::string>> placesOf(const Lowered& lowered,
                                                            const SameGroups& same = {}) {
  std::map<std::string, std::pair<int, std::string>> places;
  const auto phases = phasesOf(lowered, same);
  for (std::size_t i = 0; i < phases.size(); ++i)
    places[lowered.steps[i].layer] = {
        phases[i].calls.back(),
        phases[i].behind < 0 ? "" : lowered.steps[static_cast<std::size_t>(phases[i].behind)].layer};
  return places;
}

TEST(OneLaunch, AddsOnTheSameGroupsWithoutAMeeting) {
  const Lowered lowered = loweredFor(test::inventedGpu(), sums());
  auto places = placesOf(lowered);
  const int phase = places.at("first").first;
  EXPECT_GT(phase, places.at("stem").first);
  EXPECT_EQ(places.at("first").second, "");
  EXPECT_EQ(places.at("second"), std::pair(phase, std::string("first")));
  EXPECT_EQ(places.at("third"), std::pair(phase, std::string("second")));
  EXPECT_GT(places.at("both").first, phase) << "other items read what it adds, too";
  EXPECT_EQ(places.at("both").second, "");
  places = placesOf(lowered, [](int, int) { return false; });
  EXPECT_GT(places.at("second").first, places.at("first").first);
  EXPECT_EQ(places.at("second").second, "");
  const Chain chain = composeChain(lowered, test::inventedGpu(), anyContent);
  EXPECT_THAT(chain.phases, testing::Contains("first, second, third"));
}

TEST(OneLaunch, AsksAheadForConstants) {
  const auto large = [](int step, int index) {
    return ChainContent{reinterpret_cast<const void*>(static_cast<std::intptr_t>((step + 2) * 100 + index)),
                        5000};
  };
  const Lowered lowered = loweredFor(test::inventedGpu());
  const std::string text = composeChain(lowered, test::inventedGpu(), large).call.prologue;
  EXPECT_THAT(text, HasSubstr(" ahead(b"));
  EXPECT_THAT(composeChain(lowered, test::inventedGpu(), anyContent).call.prologue,
              testing::Not(HasSubstr(" ahead(b")));
}

TEST(OneLaunch, TacticsOfChainsAreOffered) {
  const DeviceCaps caps = test::inventedGpu();
  for (const KernelFamily* family : allFamilies())
    for (const OpInstance& sample : test::instancesFor(*family))
      for (const BlockChoice& blocks : family->blockChoices(sample.view, caps)) {
        const OpView view = withBlocks(sample.view, blocks);
        if (!family->applies(view, caps)) continue;
        const Problem problem = family->problem(view);
        EXPECT_TRUE(offers(*family, problem, chainedTactic(*family, problem, caps), caps)) << view.text();
      }
}

TEST(OneLaunch, IsComposedForGpus) {
  const Chain chain = composeChain(loweredFor(test::inventedGpu()), test::inventedGpu(), anyContent);
  EXPECT_EQ(chain.items % 32, 0u);
  EXPECT_GE(chain.kernels, chain.phases.size());
  EXPECT_EQ(chain.constantBytes % 256, 0u);
  EXPECT_THAT(chain.call.prologue, HasSubstr("meet(sync, 1, groups, keeps)"));
  EXPECT_THAT(chain.call.prologue, testing::Not(HasSubstr("__kernel")));
}

// PoCL with so many threads.
DeviceCaps threadsOfPocl(int threads) {
  DeviceCaps caps = test::inventedCpu();
  caps.computeUnits = threads;
  return caps;
}

TEST(OneLaunch, IsSharedOutToThreadsOfACpu) {
  const DeviceCaps caps = threadsOfPocl(3);
  const Lowered lowered = loweredFor(caps);
  const Chain chain = composeChain(lowered, caps, anyContent);
  EXPECT_EQ(chain.shares, 3u);
  EXPECT_EQ(chain.items, 1u);
  EXPECT_EQ(chain.phases.size(), chain.kernels) << "one kernel after the other, as launches do";
  EXPECT_THAT(chain.call.prologue, testing::AllOf(HasSubstr("CHAIN_TAKE("), HasSubstr("finishPhase(")));
  EXPECT_THAT(chain.call.prologue, testing::Not(HasSubstr("meet(")));
  EXPECT_GE(chain.timesAt, chain.takenAt + chain.kernels * (3 + 1) * 16);
  EXPECT_EQ(composeChain(loweredFor(test::inventedGpu()), test::inventedGpu(), anyContent).shares, 0u);
}

TEST(OneLaunch, LargeConstantsOfACpuAreNotCopied) {
  const auto large = [](int step, int index) {
    ChainContent content = anyContent(step, index);
    if (index == 0) content.bytes = 100'000;
    return content;
  };
  const DeviceCaps caps = threadsOfPocl(2);
  const Chain chain = composeChain(loweredFor(caps), caps, large);
  EXPECT_GE(std::ranges::count(chain.buffers, ChainBuffer::Kind::Constant, &ChainBuffer::kind), 3);
  EXPECT_LT(chain.constantBytes, 100'000u);
  EXPECT_LE(chain.buffers.size(), 126u) << "two more arguments, and devices take 128 pointers";
  EXPECT_GT(composeChain(loweredFor(test::inventedGpu()), test::inventedGpu(), large).constantBytes,
            300'000u);
}

TEST(OneLaunch, IsRefusedWithTheReason) {
  DeviceCaps caps = test::inventedGpu();
  caps.nvidia = false, caps.vendor = "Somebody";
  const std::string why =
      test::refusal([&] { composeChain(loweredFor(caps), caps, anyContent); }, ErrorCode::Unsupported);
  EXPECT_THAT(why, testing::AllOf(HasSubstr("Test GPU"), HasSubstr("not known to wait for each other")));
  Lowered lowered = loweredFor(test::inventedGpu());
  lowered.steps[0].launch.calls[0].library = "CLBlast";
  EXPECT_THAT(
      test::refusal([&] { composeChain(lowered, test::inventedGpu(), anyContent); }, ErrorCode::Unsupported),
      testing::AllOf(HasSubstr("step '" + lowered.steps[0].layer + "'"), HasSubstr("library CLBlast")));
  lowered = loweredFor(test::inventedGpu());
  lowered.steps[0].launch.calls[0].defines.emplace_back(kPtxTarget, "sm_90a");
  EXPECT_THAT(
      test::refusal([&] { composeChain(lowered, test::inventedGpu(), anyContent); }, ErrorCode::Unsupported),
      testing::AllOf(HasSubstr("step '" + lowered.steps[0].layer + "'"), HasSubstr("a target of its own")));
}

TEST(OneLaunch, IsPartOfARecipe) {
  Recipe recipe = recipeOf(loweredFor(test::inventedGpu()));
  EXPECT_EQ(recipe.chainGroups, kChainUnknown);
  for (const int groups : {kChainUnknown, 0, 264}) {
    recipe.chainGroups = groups;
    EXPECT_EQ(Recipe::parse(recipe.text()), recipe);
    EXPECT_EQ(lowerGraph(branches(), test::inventedGpu(), recipe).chainGroups, groups);
  }
  EXPECT_THROW(Recipe::parse("chain=2147483647"), Error) << "no device has so many";
  EXPECT_THAT(test::refusal([] { Recipe::parse("chain=many"); }, ErrorCode::BadCache),
              HasSubstr("chain=many"));
}

TEST(OneLaunch, IsNamed) {
  for (const Launches l : {Launches::Measured, Launches::Steps, Launches::One})
    EXPECT_EQ(parseLaunches(toString(l)), l);
  EXPECT_THAT(test::refusal([] { parseLaunches("two"); }), HasSubstr("measured, steps or one"));
}

}  // namespace
}  // namespace tessera
