// All passes on random graphs: what they compute must not change.
#include "tests/passes/pass_case.hpp"
#include "tests/passes/random_graph.hpp"

namespace tessera {
namespace {

using namespace test;

TEST(Fuzz, RandomGraphsComputeTheSame) {
  for (std::uint32_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const RandomGraph random(seed);
    PassOptions options;
    std::mt19937 engine(seed);
    if (seed % 2)
      for (const Pass& pass : allPasses())
        if (engine() % 3 == 0) options.disabled.insert(std::string(pass.name));
    Graph optimised = random.graph;
    try {
      optimize(optimised, options);
    } catch (const Error& e) {
      FAIL() << e.what() << "\n" << random.graph.text();
    }
    expectSame(random.graph, optimised, 1e-4, {seed});
    if (testing::Test::HasFailure()) return;
    if (options.disabled.empty()) {
      EXPECT_LE(optimised.layers().size(), random.graph.layers().size());
    }
  }
}

}  // namespace
}  // namespace tessera
