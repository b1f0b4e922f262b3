// Pass remove-identity: every layer that moves or changes nothing.
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

struct IdentityCase {
  const char* op;
  Attributes attrs;
};

TEST(RemoveIdentity, LayersThatMoveOrChangeNothing) {
  const IdentityCase cases[] = {
      {"Identity", {}},
      {"Dropout", {}},
      {"Cast", {{"to", std::string("f32")}}},
      {"Affine", {{"alpha", 1.0}, {"beta", 0.0}}},
      {"Power", {{"alpha", 1.0}}},
      {"Clip", {}},
      {"Reshape", {{"shape", ints({1, 4, 2, 3})}}},
      {"Expand", {{"shape", ints({1, 4, 2, 3})}}},
      {"Transpose", {{"perm", ints({0, 1, 2, 3})}}},
      {"Slice", {{"starts", ints({0, 0, 0, 0})}, {"sizes", ints({1, 4, 2, 3})}}},
      {"Pad", {{"pads", ints({0, 0, 0, 0, 0, 0, 0, 0})}}},
      {"Tile", {{"repeats", ints({1, 1, 1, 1})}}},
      {"Concat", {{"axis", std::int64_t{1}}}},
      {"ChannelShuffle", {{"group", std::int64_t{1}}}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.op);
    Graph graph;
    const TensorId x = graph.addInput("x", DataType::Float32, {1, 4, 2, 3});
    const TensorId before = graph.add("Exp", "before", {x});
    const TensorId same = graph.add(c.op, "same", {before}, c.attrs);
    graph.markOutput(graph.add("Sin", "after", {same}));
    EXPECT_EQ(ops(after(graph, "remove-identity")), "Exp Sin");
  }
}

}  // namespace
}  // namespace tessera
