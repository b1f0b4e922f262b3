// A graph under edit: look-ups agree with what a look at every layer gives, whatever was edited.
#include "passes/edited_graph.hpp"

#include <algorithm>

#include "passes/rewrite.hpp"
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

/// Layers in order, as names.
std::string order(const EditedGraph& graph) {
  std::string names;
  for (int i = graph.first(); i >= 0; i = graph.next(i)) names += graph.layers()[i].name + " ";
  return names;
}

void expectConsistent(const EditedGraph& graph) {
  const auto tensors = static_cast<TensorId>(static_cast<const Graph&>(graph).tensors().size());
  std::vector<int> producers(static_cast<std::size_t>(tensors), -1);
  std::vector<std::vector<int>> consumers(static_cast<std::size_t>(tensors));
  int previous = -1;
  for (int i = graph.first(); i >= 0; i = graph.next(i)) {
    if (previous >= 0) {
      EXPECT_TRUE(graph.comesBefore(previous, i));
      EXPECT_EQ(graph.before(i, 1), previous);
    }
    previous = i;
    for (TensorId id : graph.layers()[i].outputs) producers[static_cast<std::size_t>(id)] = i;
    for (TensorId id : graph.layers()[i].inputs) {
      auto& readers = consumers[static_cast<std::size_t>(id)];
      if (readers.empty() || readers.back() != i) readers.push_back(i);
    }
  }
  for (TensorId id = 0; id < tensors; ++id) {
    EXPECT_EQ(graph.producer(id), producers[static_cast<std::size_t>(id)]) << id;
    EXPECT_EQ(graph.consumers(id), consumers[static_cast<std::size_t>(id)]) << id;
  }
}

TEST(EditedGraph, LookUpsFollowEveryEdit) {
  std::mt19937 engine(7);
  const auto below = [&](std::size_t n) { return static_cast<int>(engine() % n); };
  for (int round = 0; round < 20; ++round) {
    Graph graph;
    graph.addInput("x", DataType::Float32, {1, 4});
    for (int i = 0; i < 12; ++i) {
      const auto any = [&] { return below(graph.tensors().size()); };
      if (below(3) == 0)
        graph.add("Add", "l" + std::to_string(i), {any(), any()});
      else
        graph.add("Relu", "l" + std::to_string(i), {any()});
    }
    graph.markOutput(static_cast<TensorId>(graph.tensors().size()) - 1);
    EditedGraph edited(graph);
    expectConsistent(edited);
    for (int edit = 0; edit < 30 && edited.first() >= 0; ++edit) {
      std::vector<int> live;
      for (int i = edited.first(); i >= 0; i = edited.next(i)) live.push_back(i);
      const int at = live[static_cast<std::size_t>(below(live.size()))];
      switch (below(4)) {
        case 0:
          edited.erase(at);
          break;
        case 1:
          edited.insertBefore(at, {"n" + std::to_string(edit), "Neg", {}, {0}, {}},
                              "t" + std::to_string(edit));
          break;
        case 2: {
          Layer layer = edited.layers()[at];
          layer.inputs.assign(layer.inputs.size(), 0);
          edited.setLayer(at, std::move(layer));
          break;
        }
        default:
          edited.replaceUses(edited.layers()[at].outputs[0], 0);
          break;
      }
      expectConsistent(edited);
    }
  }
}

TEST(EditedGraph, LayersComeBackInOrder) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {4});
  const TensorId a = graph.add("Relu", "a", {x}), b = graph.add("Neg", "b", {a}),
                 c = graph.add("Exp", "c", {b});
  graph.markOutput(c);
  {
    EditedGraph edited(graph);
    for (int i = 0; i < 100; ++i)  // always at the same place: keys run out and are dealt out anew
      edited.insertBefore(1, {"n" + std::to_string(i), "Neg", {}, {a}, {}}, "n" + std::to_string(i));
    expectConsistent(edited);
    EXPECT_EQ(edited.before(1, 2), static_cast<int>(edited.layers().size()) - 2);
    for (int i = 3; i < 103; ++i) edited.erase(i);
    EXPECT_EQ(order(edited), "a b c ");
    EXPECT_EQ(edited.before(50, 1), 0) << "where it was";
    edited.erase(0);
    EXPECT_EQ(edited.before(0, 2), 1) << "the first that is left";
    edited.setLayer(1, {"b", "Neg", {}, {x}, {b}});
  }
  EXPECT_EQ(ops(graph), "Neg Exp");
  graph.compact();
  graph.verify();
}

TEST(EditedGraph, OutputsKeepTheirNames) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {4});
  const TensorId a = graph.add("Relu", "a", {x}), b = graph.add("Identity", "b", {a});
  graph.markOutput(b);
  const TensorId c = graph.add("Identity", "c", {a});
  graph.markOutput(graph.add("Neg", "d", {c}));
  {
    EditedGraph edited(graph);
    EXPECT_TRUE(bypass(edited, 1, a));
    EXPECT_TRUE(edited.isOutput(b));
    EXPECT_TRUE(bypass(edited, 2, b));
    EXPECT_FALSE(bypass(edited, 0, x)) << "nothing computes it";
    expectConsistent(edited);
  }
  EXPECT_EQ(ops(graph), "Relu Neg");
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "b");
}

}  // namespace
}  // namespace tessera
