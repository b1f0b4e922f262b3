// The pass manager: the list, names, disabling, verification.
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

TEST(Passes, EachHasANameOfItsOwnAndAPurpose) {
  std::set<std::string_view> names;
  for (const Pass& pass : allPasses()) {
    EXPECT_TRUE(names.insert(pass.name).second) << pass.name;
    EXPECT_FALSE(pass.purpose.empty()) << pass.name;
  }
  EXPECT_GE(names.size(), 3u);
}

TEST(Passes, UnknownNamesAreAnError) {
  Graph graph;
  graph.markOutput(graph.add("Relu", "r", {graph.addInput("x", DataType::Float32, {2})}));
  EXPECT_THROW(optimize(graph, {.disabled = {"fold-constant"}}), Error);
}

TEST(Passes, DisabledOnesDoNotRun) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2});
  graph.markOutput(graph.add("Relu", "r", {graph.add("Identity", "i", {x})}));
  Graph kept = graph, removed = graph;
  optimize(kept, {.disabled = {"remove-identity"}});
  optimize(removed);
  EXPECT_EQ(ops(kept), "Identity Relu");
  EXPECT_EQ(ops(removed), "Relu");
}

}  // namespace
}  // namespace tessera
