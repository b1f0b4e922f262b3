// Packed constants of many problems in one engine: each step gets what its own launch packs, however alike
// the steps, and equal bytes lie on the device once.
#include <gtest/gtest.h>

#include "exec/weights.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/invented_device.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

// Constants of the same type and shape are the same tensor, so that nothing but the problem tells packings
// apart.
using Pool = std::map<std::string, std::shared_ptr<const HostTensor>>;

std::vector<std::shared_ptr<const HostTensor>> constantsOf(const OpView& view, Pool& pool) {
  std::vector<std::shared_ptr<const HostTensor>> constants;
  for (const TensorDesc& input : view.inputs) {
    if (!input.present() || !input.constant) {
      constants.push_back(nullptr);
      continue;
    }
    auto& held = pool[std::string(toString(input.type)) + toString(input.shape)];
    if (!held) {
      HostTensor made(input.type, input.shape);
      for (std::int64_t i = 0; i < made.size(); ++i) made.setNumber(i, static_cast<double>(1 + i % 101));
      held = std::make_shared<const HostTensor>(std::move(made));
    }
    constants.push_back(held);
  }
  return constants;
}

// Of constants: what packings depend on shows in small ones.
constexpr std::int64_t kMostElementsTried = 5000;

std::int64_t constantElements(const OpView& view) {
  std::int64_t all = 0;
  for (const TensorDesc& input : view.inputs)
    if (input.present() && input.constant) all += input.size();
  return all;
}

// The fallback and, where `neighbours` asks for them, those that differ from it in one tunable.
std::vector<Tactic> tactics(const KernelFamily& family, const Problem& problem, const DeviceCaps& caps,
                            bool neighbours) {
  std::vector<Tactic> all{family.fallback(problem, caps)};
  if (!neighbours) return all;
  const TacticSpace space = family.space(problem, caps);
  for (const auto& parameter : space.parameters)
    for (const int value : parameter.values) {
      Tactic near = all.front();
      near.set(parameter.name, value);
      if (near == all.front() || !space.contains(near)) continue;
      all.push_back(std::move(near));
      break;
    }
  return all;
}

// Every small sample of the family in every layout and with several tactics, as steps of one network.
void addSteps(Lowered& lowered, const KernelFamily& family, const DeviceCaps& caps, Pool& pool) {
  int index = 0;
  for (const OpInstance& instance : test::instancesFor(family)) {
    const OpView& base = instance.view;
    if (constantElements(base) > kMostElementsTried) continue;
    for (const BlockChoice& choice : family.blockChoices(base, caps)) {
      const OpView view = withBlocks(base, choice);
      if (!family.applies(view, caps)) continue;
      const Problem problem = family.problem(view);
      for (const Tactic& tactic : tactics(family, problem, caps, index % 4 == 0)) {
        Step step;
        step.layer = "step " + std::to_string(lowered.steps.size());
        step.view = view, step.family = &family, step.tactic = tactic;
        step.launch = family.plan(problem, tactic, caps);
        if (step.launch.packed.empty()) continue;
        step.constants = constantsOf(view, pool);
        lowered.steps.push_back(std::move(step));
      }
    }
    ++index;
  }
}

// The number of packed constants that were compared.
std::size_t expectOwnPackings(const Device& device, const Engine::Impl& engine) {
  std::size_t compared = 0;
  cl::CommandQueue queue(device.impl().context(), device.impl().device);
  for (std::size_t s = 0; s < engine.lowered.steps.size(); ++s) {
    const Step& step = engine.lowered.steps[s];
    std::vector<const HostTensor*> inputs;
    for (const auto& constant : step.constants) inputs.push_back(constant.get());
    for (std::size_t i = 0; i < step.launch.packed.size(); ++i, ++compared) {
      const HostTensor wanted = step.launch.packed[i].pack(inputs);
      std::vector<std::byte> bytes(wanted.data.size());
      if (!bytes.empty())
        queue.enqueueReadBuffer(engine.packed.at(s).at(i), CL_TRUE, 0, bytes.size(), bytes.data());
      EXPECT_TRUE(bytes == wanted.data) << step.family->id().text() << " " << step.tactic.text() << " "
                                        << step.view.text() << ": " << step.launch.packed[i].name;
      if (testing::Test::HasFailure()) return compared;
    }
  }
  return compared;
}

TEST(Packings, OfEveryFamilyInOneEngineAreTheirOwn) {
  const Device& device = test::device();
  std::size_t compared = 0;
  for (const DeviceCaps& caps : {device.int8Caps(), test::inventedGpu()})
    for (const KernelFamily* family : allFamilies()) {
      SCOPED_TRACE(caps.name);
      Pool pool;
      Engine::Impl first(device, caps), second(device, caps);
      addSteps(first.lowered, *family, caps, pool);
      second.lowered = first.lowered;
      std::reverse(second.lowered.steps.begin(), second.lowered.steps.end());
      uploadWeights(first, nullptr);
      uploadWeights(second, &first);
      compared += expectOwnPackings(device, second);
      EXPECT_EQ(first.weights.size(), second.weights.size());
      if (testing::Test::HasFailure()) return;
    }
  EXPECT_GT(compared, 200u);
}

TEST(Packings, ThatAreEqualLieOnTheDeviceOnce) {
  const Device& device = test::device();
  const KernelFamily& family = *findFamily("conv_gemm");
  const DeviceCaps caps = test::inventedGpu();
  Pool pool;
  Engine::Impl engine(device, caps);
  for (const std::int64_t size : {12, 20}) {  // one layer's weights at two sizes of its input
    const OpView view =
        makeSample("Convolution", {}, {f32({1, 8, size, size}), f32({16, 8, 3, 3})}, {}, {false, true}).view;
    Step step;
    step.layer = "step", step.view = view, step.family = &family, step.tactic = family.fallback(view, caps);
    step.tactic = engine.lowered.steps.empty() ? step.tactic : engine.lowered.steps[0].tactic;
    step.launch = family.plan(family.problem(view), step.tactic, caps);
    step.constants = constantsOf(view, pool);
    engine.lowered.steps.push_back(std::move(step));
  }
  uploadWeights(engine, nullptr);
  EXPECT_EQ(engine.packed[0][0](), engine.packed[1][0]());
}

}  // namespace
}  // namespace tessera
