// Precision by cost: a minimum cut through two levels of nodes.
//
// On the first level the source's side is INT8, the sink's fp32 and fp16; on the second the source's side is
// INT8 and fp32, the sink's fp16. A layer has a node on each.
#include "lower/precision_cut.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>

#include "lower/precision.hpp"

namespace tessera {
namespace {

// Who pays for a tensor's conversions.
struct Border {
  int producer = -1;           ///< layer; -1: an input of the network, in floats
  bool output = false;         ///< of the network: read in floats
  std::vector<int> wantCodes;  ///< readers that need codes in INT8
  std::vector<int> readers;    ///< all of them, which need floats in fp32 and half in fp16
  double encode = 0, decode = 0, cast = 0;
};

bool writesFloats(Int8Role role) { return role == Int8Role::Compute || role == Int8Role::Pointwise; }

std::vector<Border> bordersOf(const Graph& graph, const PrecisionCosts& costs) {
  std::vector<Border> borders(graph.tensors().size());
  std::vector<Int8Role> roles;
  for (const Layer& layer : graph.layers()) roles.push_back(int8Role(graph, layer));
  for (std::size_t i = 0; i < graph.layers().size(); ++i) {
    const Layer& layer = graph.layers()[i];
    const int index = static_cast<int>(i);
    for (const TensorId id : layer.outputs) borders[id].producer = index;
    for (std::size_t k = 0; k < layer.inputs.size(); ++k) {
      const TensorId id = layer.inputs[k];
      if (id == kNoTensor || graph.tensor(id).isConstant()) continue;
      borders[id].readers.push_back(index);
      // A residual and operands of pointwise chains may be floats or codes.
      if (roles[i] != Int8Role::Pointwise && !(roles[i] == Int8Role::Compute && k > 0))
        borders[id].wantCodes.push_back(index);
    }
  }
  for (const TensorId id : graph.outputs()) borders[id].output = true;
  for (std::size_t t = 0; t < borders.size(); ++t) {
    Border& b = borders[t];
    const double cost = costs.conversions.at(t).codes;
    const bool shared = b.readers.size() + b.output > 1;
    b.encode = cost;
    b.cast = costs.conversions[t].half;
    b.decode = b.producer >= 0 && writesFloats(roles[b.producer]) && !shared ? 0 : cost;
  }
  return borders;
}

// Flow through a small network of pipes, by breadth-first augmenting paths.
class Pipes {
 public:
  explicit Pipes(int nodes) : out_(nodes) {}
  int addNode() {
    out_.emplace_back();
    return static_cast<int>(out_.size()) - 1;
  }
  void add(int from, int to, double capacity) {
    out_[from].push_back(static_cast<int>(pipes_.size()));
    pipes_.push_back({to, capacity});
    out_[to].push_back(static_cast<int>(pipes_.size()));
    pipes_.push_back({from, 0});
  }
  // The nodes that stay connected to `source` once the flow to `sink` is greatest.
  std::vector<bool> cut(int source, int sink) {
    for (;;) {
      std::vector<int> by(out_.size(), -1);
      std::vector<bool> reached(out_.size(), false);
      std::queue<int> open;
      open.push(source);
      reached[source] = true;
      while (!open.empty() && !reached[sink]) {
        const int node = open.front();
        open.pop();
        for (const int p : out_[node])
          if (pipes_[p].capacity > kNothing && !reached[pipes_[p].to]) {
            reached[pipes_[p].to] = true;
            by[pipes_[p].to] = p;
            open.push(pipes_[p].to);
          }
      }
      if (!reached[sink]) return reached;
      double least = std::numeric_limits<double>::infinity();
      for (int node = sink; node != source; node = pipes_[by[node] ^ 1].to)
        least = std::min(least, pipes_[by[node]].capacity);
      for (int node = sink; node != source; node = pipes_[by[node] ^ 1].to) {
        pipes_[by[node]].capacity -= least;
        pipes_[by[node] ^ 1].capacity += least;
      }
    }
  }

 private:
  static constexpr double kNothing = 1e-15;  // seconds
  struct Pipe {
    int to;
    double capacity;
  };
  std::vector<Pipe> pipes_;  ///< each followed by its reverse
  std::vector<std::vector<int>> out_;
};

// One level: layers whose node is on the source's side have one form of tensors, the others another.
struct Level {
  int source, sink;
  std::vector<int> nodes;  ///< by layer
};

// Pipes for the conversions of a tensor at one level: `toSource` where some of `wantSource` is on the
// source's side and its producer is not, `toSink` where some reader is on the sink's side, and its producer
// is not.
struct LevelBorder {
  int producer;  ///< layer, or -1: a node at the end where inputs of the network lie
  int inputsAt, outputsAt;
  bool output;
  const std::vector<int>&wantSource, &wantSink;
  double toSource, toSink;
};

constexpr double kNever = 1e9;  // seconds

void addBorder(Pipes& pipes, const Level& level, const LevelBorder& b) {
  const int producer = b.producer >= 0 ? level.nodes[b.producer] : b.inputsAt;
  const auto readers = [&](const std::vector<int>& layers, int outputEnd) {
    std::vector<int> nodes;
    for (const int layer : layers) nodes.push_back(level.nodes[layer]);
    if (b.output && b.outputsAt == outputEnd) nodes.push_back(outputEnd);
    return nodes;
  };
  if (const auto nodes = readers(b.wantSource, level.source); !nodes.empty() && b.toSource > 0) {
    const int any = pipes.addNode();  // on the source's side with any reader that is
    for (const int node : nodes) pipes.add(node, any, kNever);
    pipes.add(any, producer, b.toSource);
  }
  if (const auto nodes = readers(b.wantSink, level.sink); !nodes.empty() && b.toSink > 0) {
    const int any = pipes.addNode();  // on the sink's side with any reader that is
    for (const int node : nodes) pipes.add(any, node, kNever);
    pipes.add(producer, any, b.toSink);
  }
}

// A layer's seconds as pipes: cut at its first node alone, between its nodes, or at its second.
void addLayer(Pipes& pipes, int source, int sink, int first, int second, const LayerCost& cost) {
  pipes.add(first, sink, cost.mayInt8 ? cost.int8 : kNever);
  // fp32: the first node on the sink's side, the second on the source's. A layer is never in INT8 and fp16 at
  // once.
  pipes.add(second, first, cost.fp32);
  pipes.add(first, second, kNever);
  pipes.add(source, second, cost.mayFp16 ? cost.fp16 : kNever);
}

}  // namespace

bool LayerCost::may(Precision precision) const {
  return precision == Precision::Fp32 || (precision == Precision::Int8 ? mayInt8 : mayFp16);
}

double LayerCost::seconds(Precision precision) const {
  return precision == Precision::Fp32 ? fp32 : precision == Precision::Int8 ? int8 : fp16;
}

double precisionSeconds(const Graph& graph, const PrecisionCosts& costs,
                        const std::vector<Precision>& precisions) {
  double total = 0;
  for (std::size_t i = 0; i < precisions.size(); ++i) total += costs.layers[i].seconds(precisions[i]);
  const auto any = [&](const std::vector<int>& layers, auto&& is) {
    return std::ranges::any_of(layers, [&](int i) { return is(precisions[i]); });
  };
  const auto isCodes = [](Precision p) { return p == Precision::Int8; };
  const auto isHalf = [](Precision p) { return p == Precision::Fp16; };
  for (const Border& b : bordersOf(graph, costs)) {
    const Precision made = b.producer >= 0 ? precisions[b.producer] : Precision::Fp32;
    if (!isCodes(made) && any(b.wantCodes, isCodes)) total += b.encode;
    if (isCodes(made) && (b.output || any(b.readers, std::not_fn(isCodes)))) total += b.decode;
    if (!isHalf(made) && any(b.readers, isHalf)) total += b.cast;
    if (isHalf(made) && (b.output || any(b.readers, std::not_fn(isHalf)))) total += b.cast;
  }
  return total;
}

std::vector<Precision> cheapestPrecisions(const Graph& graph, const PrecisionCosts& costs) {
  const int count = static_cast<int>(graph.layers().size()), source = 2 * count, sink = source + 1;
  Pipes pipes(2 * count + 2);
  Level codes{source, sink, {}}, floats{source, sink, {}};
  for (int i = 0; i < count; ++i) {
    codes.nodes.push_back(i), floats.nodes.push_back(count + i);
    addLayer(pipes, source, sink, codes.nodes[i], floats.nodes[i], costs.layers.at(i));
  }
  for (const Border& b : bordersOf(graph, costs)) {
    // Inputs and outputs of the network are floats: on the sink's side of the first level, the source's of
    // the second.
    const double decode = b.producer >= 0 ? b.decode : 0;
    addBorder(pipes, codes, {b.producer, sink, sink, b.output, b.wantCodes, b.readers, b.encode, decode});
    addBorder(pipes, floats, {b.producer, source, source, b.output, b.readers, b.readers, b.cast, b.cast});
  }
  const std::vector<bool> atSource = pipes.cut(source, sink);
  std::vector<Precision> precisions;
  for (int i = 0; i < count; ++i)
    precisions.push_back(atSource[codes.nodes[i]]    ? Precision::Int8
                         : atSource[floats.nodes[i]] ? Precision::Fp32
                                                     : Precision::Fp16);
  return precisions;
}

}  // namespace tessera
