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
    const PassOptions options = somePasses(seed);
    const Graph optimised = optimisedAlike(random.graph, options, seed);
    if (testing::Test::HasFailure()) return;
    if (options.disabled.empty()) {
      EXPECT_LE(optimised.layers().size(), random.graph.layers().size());
    }
  }
}

}  // namespace
}  // namespace tessera
