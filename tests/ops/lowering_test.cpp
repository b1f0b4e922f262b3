// Every operator's samples, in f32 and with all tensors in half that may be, as one-layer networks through
// lowering, engine and context, against the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "graph/counted_extents.hpp"
#include "tessera/context.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/invented_device.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

class LoweredSamples : public testing::TestWithParam<const Operator*> {};

std::string inputName(std::size_t i) { return "x" + std::to_string(i); }

// A network of one layer; constant inputs of the sample are constants of the graph.
Graph networkOf(const OpInstance& sample, const std::vector<HostTensor>& inputs) {
  Graph graph;
  graph.name = sample.view.op;
  std::vector<TensorId> ids;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto& desc = sample.view.inputs[i];
    if (!desc.present())
      ids.push_back(kNoTensor);
    else if (desc.constant)
      ids.push_back(graph.addConstant(inputName(i), inputs[i]));
    else
      ids.push_back(graph.addInput(inputName(i), desc.type, desc.shape));
  }
  const Layer layer = graph.addLayer(sample.view.op, "layer", ids, sample.view.attrs);
  for (const TensorId id : layer.outputs) graph.markOutput(id);
  return graph;
}

// The samples, then those of them that may be half: every third, at another place for each operator, since a
// twin's program differs in loads and stores only.
std::vector<OpInstance> samplesOf(const Operator& op) {
  std::vector<OpInstance> samples = op.samples();
  const std::size_t count = samples.size(), step = test::wantAll() ? 1 : 3;
  if (count == 0) return samples;
  for (std::size_t i = op.name().size() % std::min(step, count); i < count; i += step)
    if (auto half = inHalf(samples[i].view)) samples.push_back({std::move(*half), samples[i].fills});
  return samples;
}

TEST_P(LoweredSamples, AgreesWithTheReference) {
  const Operator& op = *GetParam();
  if (familiesFor(op.name()).empty()) GTEST_SKIP() << "no kernel family lists " << op.name();
  const char* only = std::getenv("TESSERA_TEST_SAMPLE");
  EngineOptions options;
  for (const auto& pass : allPasses()) options.passes.disabled.insert(std::string(pass.name));
  for (const Device& device : test::devices()) {
    int index = -1;
    for (const OpInstance& sample : samplesOf(op)) {
      ++index;
      if (only && std::atoi(only) != index) continue;
      const auto inputs = test::fillInputs(sample, static_cast<unsigned>(index));
      const auto expected = test::referenceOutputs(sample.view, inputs);
      std::string wrong;
      try {
        const Graph graph = networkOf(sample, inputs);
        Context context(Engine::build(graph, device, options));
        TensorMap given;
        for (const TensorId id : graph.inputs())
          given[graph.tensor(id).name] = inputs[std::stoul(graph.tensor(id).name.substr(1))];
        const TensorMap results = context.run(given);
        const auto counted = countedExtents(graph);
        for (std::size_t i = 0; i < graph.outputs().size() && wrong.empty(); ++i) {
          HostTensor wanted = expected[i];
          if (const auto it = counted.find(graph.outputs()[i]);
              it != counted.end())  // the last output is the count
            wanted = firstEntries(wanted, it->second.axis, expected.back().integer(0));
          wrong = test::compare(results.at(graph.tensor(graph.outputs()[i]).name), wanted,
                                toleranceOf(sample.view));
        }
      } catch (const Error& e) {
        wrong = e.what();
      }
      if (!wrong.empty())
        ADD_FAILURE() << sample.view.text() << " on " << device.caps().name << "\n  " << wrong
                      << "\n  again: TESSERA_TEST_SAMPLE=" << index
                      << " bin/test_ops --gtest_filter='*LoweredSamples*/" << op.name() << "'";
    }
  }
}

// Half is a matter of storage: wherever a family takes an operator in f32, one takes its half twin.
TEST_P(LoweredSamples, TakesHalfInEveryLayoutOfFloat) {
  const Operator& op = *GetParam();
  const auto& families = familiesFor(op.name());
  for (const DeviceCaps& caps : {test::inventedCpu(), test::inventedGpu()})
    for (const OpInstance& sample : op.samples()) {
      const auto half = inHalf(sample.view);
      if (!half) continue;
      for (const KernelFamily* family : families)
        for (const BlockChoice& choice : family->blockChoices(sample.view, caps)) {
          if (!family->applies(withBlocks(sample.view, choice), caps)) continue;
          const OpView twin = withBlocks(*half, choice);
          std::string why;
          const bool taken = std::ranges::any_of(families, [&](const KernelFamily* other) {
            const Verdict verdict = other->applies(twin, caps);
            if (!verdict) why += "\n  " + std::string(other->id().name) + ": " + verdict.why;
            return static_cast<bool>(verdict);
          });
          EXPECT_TRUE(taken) << twin.text() << " on " << caps.name << why;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, LoweredSamples, testing::ValuesIn(allOperators()),
                         [](const auto& param) { return std::string(param.param->name()); });

}  // namespace
}  // namespace tessera
