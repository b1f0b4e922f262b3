// Chains of pointwise layers over operands of every rank: constants and inputs that broadcast, that raise the
// rank of what they meet, and that hold one element only.
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

/// A chain of pointwise layers (and some that move or reduce extents) over operands of random rank.
class RandomChain {
 public:
  explicit RandomChain(std::uint32_t seed) : engine_(seed) {
    for (int d = 0, rank = below(4); d < rank; ++d) extents_.push_back(1 + below(3));
    x_ = graph.addInput("x", DataType::Float32, extents_);
    for (int i = 0, layers = 2 + below(7); i < layers; ++i) grow("l" + std::to_string(i));
    if (graph.producer(x_) < 0) x_ = graph.add("Exp", "last", {x_});
    graph.markOutput(x_);
  }

  Graph graph;

 private:
  int below(int n) { return static_cast<int>(engine_() % static_cast<std::uint32_t>(n)); }

  /// A shape that broadcasts against x: shorter, as long, or of a higher rank.
  Shape partner() {
    const Shape x = graph.tensor(x_).shape;
    Shape shape;
    for (const std::int64_t extent : x)
      shape.push_back(below(2) ? 1 : extent == 1 && below(4) == 0 ? 2 : extent);
    if (below(3) == 0) std::fill(shape.begin(), shape.end(), 1);
    while (!shape.empty() && below(3) == 0) shape.erase(shape.begin());
    while (shape.size() >= x.size() && shape.size() < 5 && below(3) == 0)
      shape.insert(shape.begin(), 1 + (below(4) == 0));
    return shape;
  }
  TensorId operand() {
    const Shape shape = partner();
    if (below(4) == 0)
      return graph.addInput("i" + std::to_string(graph.tensors().size()), DataType::Float32, shape);
    constexpr float kTelling[] = {0, 1, -1, 2, 0.5f};
    HostTensor value = randomTensor(shape, static_cast<std::uint32_t>(engine_()), 0.5f, 1.5f);
    if (below(2)) value = filled(shape, kTelling[below(5)]);
    return graph.addConstant("c" + std::to_string(graph.tensors().size()), std::move(value));
  }

  void grow(const std::string& name) {
    const auto rank = static_cast<std::int64_t>(graph.tensor(x_).shape.size());
    const auto two = [&](const char* op) {
      const TensorId other = operand();
      x_ = below(2) ? graph.add(op, name, {x_, other}) : graph.add(op, name, {other, x_});
    };
    switch (below(14)) {
      case 0:
        return two("Add");
      case 1:
        return two("Mul");
      case 2:
        return two("Sub");
      case 3:
        return two("Max");
      case 4:
        return two("Min");
      case 5:
        x_ = graph.add("Neg", name, {x_});
        return;
      case 6:
        x_ = graph.add(below(2) ? "Relu" : "Tanh", name, {x_});
        return;
      case 7:
        x_ = graph.add("Affine", name, {x_}, {{"alpha", 0.5}, {"beta", below(2) ? 0.0 : 0.25}});
        return;
      case 8: {
        const TensorId x = x_;
        x_ = graph.add("Greater", name + "?", {x, operand()});  // may have a higher rank, or larger extents
        x_ = graph.add("Where", name, {x_, x, operand()});
        return;
      }
      case 9:
        x_ = graph.add("Clip", name, {x_}, {{"alpha", -1.0}, {"beta", 1.0}});
        return;
      case 10:
        x_ = graph.add("PRelu", name, {x_, operand()});
        return;
      case 11:
        x_ = graph.add("Div", name, {x_, graph.addConstant("d", filled(partner(), 2))});
        return;
      case 12:
        if (rank < 2) return;
        x_ = graph.add("Transpose", name, {x_}, {{"perm", reversed(rank)}});
        return;
      default:
        if (rank < 1) return;
        x_ = graph.add("Reduce", name, {x_},
                       {{"mode", std::string("mean")},
                        {"axes", ints({below(static_cast<int>(rank))})},
                        {"keepdims", std::int64_t{below(2)}}});
    }
  }
  static std::vector<std::int64_t> reversed(std::int64_t rank) {
    std::vector<std::int64_t> perm;
    while (rank > 0) perm.push_back(--rank);
    return perm;
  }

  std::mt19937 engine_;
  Shape extents_;
  TensorId x_ = kNoTensor;
};

TEST(BroadcastFuzz, ChainsOverEveryRankComputeTheSame) {
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    optimisedAlike(RandomChain(seed).graph, somePasses(seed), seed);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(FusePointwise, AConstantOfOneElementKeepsTheRankItGives) {
  for (const Shape& constant : {Shape{1, 1, 1}, Shape{1}, Shape{}, Shape{1, 1, 1, 1, 1}}) {
    SCOPED_TRACE(toString(constant));
    Graph graph;
    const TensorId x = graph.addInput("x", DataType::Float32, {2, 3});
    const TensorId sum = graph.add("Add", "sum", {x, graph.addConstant("c", filled(constant, 0.5f))});
    graph.markOutput(graph.add("Neg", "negated", {graph.add("Exp", "raised", {sum})}));
    EXPECT_EQ(ops(after(graph, "fuse-pointwise")), "Pointwise");
  }
}

}  // namespace
}  // namespace tessera
