// A library's routine inside a network: CLBlast's matrix product, in order among kernels, profiled, and only
// ever chosen by a record.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "cl/device_impl.hpp"
#include "graph/evaluate.hpp"
#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/int8_network.hpp"
#include "tune/look_up.hpp"
#include "tune/problem.hpp"
#include "tune/records/record_store.hpp"

namespace tessera {
namespace {
namespace fs = std::filesystem;

// A 1x1 convolution with residual and activation between pools, and a fully connected layer behind.
Graph network() {
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {2, 12, 10, 14});
  const auto weights = [&](const char* name, Shape shape, unsigned seed) {
    return g.addConstant(name, test::portableRandom(std::move(shape), seed, -0.3f, 0.3f));
  };
  const Attributes pool{{"kernel", std::vector<std::int64_t>{2, 2}},
                        {"strides", std::vector<std::int64_t>{2, 2}},
                        {"mode", std::string("max")}};
  const TensorId a = g.add("Pool", "before", {x}, pool);
  const TensorId b =
      g.add("Convolution", "product", {a, weights("w", {12, 12, 1, 1}, 1), weights("b", {12}, 2), a},
            {{"activation", std::string("Relu")}});
  const TensorId c = g.add("Pool", "after", {b}, pool);
  const TensorId flat = g.add("Reshape", "flat", {c}, {{"shape", std::vector<std::int64_t>{2, 72}}});
  g.markOutput(g.add("FullyConnected", "fc", {flat, weights("v", {10, 72}, 3), weights("d", {10}, 4)}));
  return g;
}

std::set<std::string> familiesOf(const Engine& engine) {
  std::set<std::string> families;
  for (const LayerInfo& layer : engine.layers()) families.insert(layer.family);
  return families;
}

// Records that say CLBlast is fastest at its layers.
void recordClblast(const fs::path& folder, const Device& device, const Graph& graph) {
  RecordStore store(folder, device.caps());
  const LookUp known(device.caps(), {});
  for (const Layer& layer : graph.layers()) {
    OpView view{layer.op, layer.attrs, {}, {}};
    for (const TensorId id : layer.inputs)
      view.inputs.push_back(id == kNoTensor ? TensorDesc{} : graph.tensor(id).desc());
    for (const TensorId id : layer.outputs) view.outputs.push_back(graph.tensor(id).desc());
    for (const KernelFamily* family : familiesFor(view.op))
      for (const BlockChoice& choice : family->blockChoices(view, device.caps())) {
        const OpView blocked = withBlocks(view, choice);
        if (!family->applies(blocked, device.caps())) continue;
        const Problem problem = family->problem(denseView(blocked));
        const Tactic tactic = family->fallback(problem, device.caps());
        store.add(TacticRecord{family->id().text(), known.sourceHash(*family, problem), problem.text(),
                               device.caps().fingerprint(), tactic.text(),
                               family->id().name == "clblast_gemm" ? 1e-4 : 5.0, false, ""});
      }
  }
}

TEST(LibraryCall, RunsInOrderAmongKernelsAndIsProfiled) {
  const Graph graph = network();
  const std::map<std::string, HostTensor> input{{"x", test::portableRandom({2, 12, 10, 14}, 9, -1, 1)}};
  const HostTensor expected = evaluate(graph, input).at(0);
  const auto difference = [&](const HostTensor& actual) {
    double most = 0;
    for (std::int64_t i = 0; i < expected.size(); ++i)
      most = std::max(most, std::abs(actual.number(i) - expected.number(i)));
    return most;
  };
  const KernelFamily& clblast = *findFamily("clblast_gemm");
  for (const Device& device : test::devices()) {
    const Verdict built = clblast.applies(
        parseOpView("FullyConnected{}(f32:2x72,f32:10x72:c,f32:10:c)->(f32:2x10)"), device.caps());
    if (!built) GTEST_SKIP() << built.why;
    char name[] = "/tmp/tessera-library-XXXXXX";
    EngineOptions options;
    options.optimized = true;
    options.tuning.folder = fs::path(mkdtemp(name));
    options.tuning.mode = TuneMode::Cached;
    EXPECT_FALSE(familiesOf(*Engine::build(graph, device, options)).count("clblast_gemm")) << "never untuned";
    recordClblast(*options.tuning.folder, device, graph);
    const auto engine = Engine::build(graph, device, options);
    int used = 0;
    for (const LayerInfo& layer : engine->layers()) used += layer.family == "clblast_gemm";
    EXPECT_EQ(used, 2) << engine->text();
    Context context(engine);
    EXPECT_LT(difference(context.run(input).begin()->second), 1e-4);
    for (const LayerTime& time : context.profile(3)) {
      EXPECT_GT(time.milliseconds, 0) << time.layer.name;
      EXPECT_LT(time.milliseconds, 1000) << time.layer.name;
    }
    // On a queue that keeps no order of its own, and again after new buffers were bound.
    const auto& impl = device.impl();
    if (impl.device.getInfo<CL_DEVICE_QUEUE_PROPERTIES>() & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) {
      const cl::CommandQueue queue(impl.context(), impl.device, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
      for (int round = 0; round < 5; ++round) {
        const cl::Buffer output(impl.context(), CL_MEM_READ_WRITE, expected.data.size());
        const std::string binding = engine->bindings().back().name;
        context.bind(binding, output());
        cl_event done = nullptr;
        context.enqueue(queue(), {}, &done);
        clWaitForEvents(1, &done);
        clReleaseEvent(done);
        EXPECT_LT(difference(context.download(binding)), 1e-4) << "round " << round;
      }
    }
    fs::remove_all(*options.tuning.folder);
  }
}

TEST(LibraryCall, IsWrittenOncePerItemAndNeverBuiltAsAProgram) {
  const KernelFamily& clblast = *findFamily("clblast_gemm");
  DeviceCaps caps;
  const OpView view = parseOpView("Convolution{}(f32:3x8x5x5,f32:6x8x1x1:c)->(f32:3x6x5x5)");
  EXPECT_TRUE(clblast.onlyMeasured(view));
  const Launch launch = clblast.plan(clblast.problem(view), {}, caps);
  ASSERT_EQ(launch.calls.size(), 3u) << "a product for each item, and no epilogue";
  for (const KernelCall& call : launch.calls) {
    EXPECT_EQ(call.library, "clblast");
    EXPECT_TRUE(call.source.empty());
  }
}

}  // namespace
}  // namespace tessera
