// Precision by cost: layers on the source's side of a minimum cut run in INT8.
#include "lower/precision_cut.hpp"

#include <algorithm>
#include <limits>
#include <queue>

#include "lower/precision.hpp"

namespace tessera {
namespace {

// Who pays for a tensor's conversions.
struct Border {
  int producer = -1;            ///< layer; -1: an input of the network, in floats
  bool output = false;          ///< of the network: read in floats
  std::vector<int> wantCodes;   ///< readers that need codes in INT8
  std::vector<int> wantFloats;  ///< readers that need floats in fp32: all of them
  double encode = 0, decode = 0;
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
      borders[id].wantFloats.push_back(index);
      // A residual and operands of pointwise chains may be floats or codes.
      if (roles[i] != Int8Role::Pointwise && !(roles[i] == Int8Role::Compute && k > 0))
        borders[id].wantCodes.push_back(index);
    }
  }
  for (const TensorId id : graph.outputs()) borders[id].output = true;
  for (std::size_t t = 0; t < borders.size(); ++t) {
    Border& b = borders[t];
    const double cost = costs.conversions.at(t);
    const bool shared = b.wantFloats.size() + b.output > 1;
    b.encode = cost;
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

}  // namespace

double precisionSeconds(const Graph& graph, const PrecisionCosts& costs, const std::vector<bool>& int8) {
  double total = 0;
  for (std::size_t i = 0; i < int8.size(); ++i)
    total += int8[i] ? costs.layers[i].int8 : costs.layers[i].fp32;
  const auto any = [&](const std::vector<int>& layers, bool codes) {
    return std::any_of(layers.begin(), layers.end(), [&](int i) { return int8[i] == codes; });
  };
  for (const Border& b : bordersOf(graph, costs)) {
    const bool codes = b.producer >= 0 && int8[b.producer];
    if (!codes && any(b.wantCodes, true)) total += b.encode;
    if (codes && (b.output || any(b.wantFloats, false))) total += b.decode;
  }
  return total;
}

std::vector<bool> cheapestPrecisions(const Graph& graph, const PrecisionCosts& costs) {
  constexpr double kNever = 1e9;  // seconds
  const int count = static_cast<int>(graph.layers().size()), int8 = count, fp32 = count + 1;
  Pipes pipes(count + 2);
  for (int i = 0; i < count; ++i) {
    const LayerCost& cost = costs.layers.at(i);
    pipes.add(i, fp32, cost.int8);
    pipes.add(int8, i, cost.fp32);
    if (!cost.free) pipes.add(i, fp32, kNever);
  }
  for (const Border& b : bordersOf(graph, costs)) {
    const int producer = b.producer >= 0 ? b.producer : fp32;
    if (!b.wantCodes.empty() && b.encode > 0) {
      const int codes = pipes.addNode();  // falls to INT8 with any reader that does
      for (const int reader : b.wantCodes) pipes.add(reader, codes, kNever);
      pipes.add(codes, producer, b.encode);
    }
    if (b.producer >= 0 && b.decode > 0) {
      const int floats = pipes.addNode();  // falls to fp32 with any reader that does
      for (const int reader : b.wantFloats) pipes.add(floats, reader, kNever);
      if (b.output) pipes.add(floats, fp32, kNever);
      pipes.add(producer, floats, b.decode);
    }
  }
  std::vector<bool> side = pipes.cut(int8, fp32);
  side.resize(count);
  return side;
}

}  // namespace tessera
