// Tuning workers that hold much memory are replaced; those that want too much are lost, and nothing else is.
#include <gtest/gtest.h>

#include "tessera/tuning.hpp"
#include "tests/apps/program.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/said.hpp"
#include "tune/trial/worker.hpp"

namespace tessera::test {
namespace {

WorkerOptions oneWorker() {
  return {leanWorker(binFolder(), {(binFolder() / "tessera").string(), "--tune-worker"}),
          device().caps().fingerprint()};
}

std::vector<Candidate> copies(std::int64_t elements) {
  OpView view;
  view.op = "Identity";
  view.inputs = view.outputs = {TensorDesc(DataType::Float32, {1, elements})};
  const KernelFamily* family = familiesFor(view).back();
  return {{family, view, family->fallback(family->problem(view), device().caps())}};
}

TEST(TuningWorker, IsReplacedWhenItHoldsMuchMemory) {
  for (const std::size_t renewAt : {std::size_t{0}, std::size_t{1} << 20}) {
    const Said said(spdlog::level::debug);
    WorkerOptions options = oneWorker();
    options.renewAt = renewAt;
    const auto runner = makeWorkerRunner(options);
    for (int i = 0; i < 2; ++i) {
      const auto trials = runner->run(copies(4096), 0, true);
      ASSERT_EQ(trials.size(), 1u);
      EXPECT_EQ(trials[0].outcome, Trial::Outcome::Good) << trials[0].reason;
    }
    EXPECT_EQ(said.text().find("worker is replaced") != std::string::npos, renewAt > 0) << said.text();
  }
}

TEST(TuningWorker, IsLostAloneWhereItWantsTooMuchMemory) {
  WorkerOptions options = oneWorker();
  options.memory = std::size_t{1} << 20;
  const auto trials = makeWorkerRunner(options)->run(copies(1 << 24), 0, true);
  ASSERT_EQ(trials.size(), 1u);
  EXPECT_NE(trials[0].outcome, Trial::Outcome::Good);
}

}  // namespace
}  // namespace tessera::test
