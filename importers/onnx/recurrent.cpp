// RNN, GRU and LSTM, unrolled: the number of steps is known at import. The products of all inputs are one
// layer.
#include <algorithm>
#include <optional>

#include "importers/onnx/matmul.hpp"

namespace tessera::onnx {
namespace {

constexpr std::int64_t kMostSteps =
    512;  ///< a longer sequence would make a graph of tens of thousands of layers

struct Activation {
  std::string type;
  double alpha = 0, beta = 0;
};

/// What one direction works on. Weights are [gates * hidden, inputs or hidden], biases [gates * hidden].
struct Cell {
  Node& node;
  std::int64_t steps, batch, hidden, gates;
  std::string part;  ///< of layer names
  TensorId recurrent, inputBias, recurrentBias, peepholes;
  std::vector<Activation> activations;
  std::optional<double> clip;

  TensorId add(const char* op, std::vector<TensorId> operands, Attributes attrs = {}) const {
    return node.add(op, std::move(operands), std::move(attrs), part + "/" + op);
  }
  TensorId plus(TensorId a, TensorId b) const {
    return a == kNoTensor ? b : b == kNoTensor ? a : add("Add", {a, b});
  }
  TensorId times(TensorId a, TensorId b) const { return add("Mul", {a, b}); }
  TensorId slice(TensorId x, std::size_t axis, std::int64_t start, std::int64_t size) const {
    Shape sizes = node.shapeOf(x);
    if (sizes[axis] == size) return x;
    std::vector<std::int64_t> starts(sizes.size(), 0);
    starts[axis] = start;
    sizes[axis] = size;
    return add("Slice", {x},
               {{"starts", starts}, {"sizes", sizes}, {"steps", std::vector<std::int64_t>(sizes.size(), 1)}});
  }
  /// Columns (or elements) of gate g.
  TensorId gate(TensorId all, std::int64_t g) const {
    return all == kNoTensor ? all : slice(all, node.shapeOf(all).size() - 1, g * hidden, hidden);
  }
  /// x * weights^T + bias
  TensorId linear(TensorId x, TensorId weights, TensorId bias) const {
    if (node.valueOf(weights) && (bias == kNoTensor || node.valueOf(bias))) {
      std::vector<TensorId> operands{x, weights};
      if (bias != kNoTensor) operands.push_back(bias);
      return add("FullyConnected", std::move(operands));
    }
    const TensorId turned = add("Transpose", {weights}, {{"perm", std::vector<std::int64_t>{1, 0}}});
    return plus(add("MatMul", {x, turned}), bias);
  }
  TensorId activate(std::size_t which, TensorId x) const {
    const Activation& f = activations[which];
    if (clip) x = add("Clip", {x}, {{"alpha", -*clip}, {"beta", *clip}});
    if (f.type == "ScaledTanh") {
      const TensorId inner = add("Affine", {x}, {{"alpha", f.beta}, {"beta", 0.0}});
      return add("Affine", {add("Tanh", {inner})}, {{"alpha", f.alpha}, {"beta", 0.0}});
    }
    const bool plain = f.type == "Sigmoid" || f.type == "Tanh" || f.type == "Relu" || f.type == "Softsign" ||
                       f.type == "Softplus";
    const bool one = f.type == "LeakyRelu" || f.type == "ThresholdedRelu" || f.type == "Elu";
    if (!plain && !one && f.type != "HardSigmoid" && f.type != "Affine")
      node.unsupported("its activation '" + f.type + "' is not known");
    Attributes attrs;
    if (!plain) attrs.set("alpha", f.alpha);
    if (!plain && !one) attrs.set("beta", f.beta);
    return add(f.type.c_str(), {x}, std::move(attrs));
  }
};

struct State {
  TensorId hidden, cell;
};

State rnnStep(const Cell& c, TensorId x, const State& s) {
  return {c.activate(0, c.plus(x, c.linear(s.hidden, c.recurrent, c.recurrentBias))), kNoTensor};
}

State gruStep(const Cell& c, TensorId x, const State& s, bool linearBeforeReset) {
  const std::int64_t h = c.hidden;
  const TensorId all = linearBeforeReset ? c.linear(s.hidden, c.recurrent, c.recurrentBias) : kNoTensor;
  const auto zr = [&](std::int64_t g) {
    const TensorId r =
        linearBeforeReset ? c.gate(all, g)
                          : c.linear(s.hidden, c.slice(c.recurrent, 0, g * h, h), c.gate(c.recurrentBias, g));
    return c.activate(0, c.plus(c.gate(x, g), r));
  };
  const TensorId update = zr(0), reset = zr(1);
  const TensorId recurrent =
      linearBeforeReset
          ? c.times(reset, c.gate(all, 2))
          : c.linear(c.times(reset, s.hidden), c.slice(c.recurrent, 0, 2 * h, h), c.gate(c.recurrentBias, 2));
  const TensorId candidate = c.activate(1, c.plus(c.gate(x, 2), recurrent));
  const TensorId rest = c.add("Affine", {update}, {{"alpha", -1.0}, {"beta", 1.0}});
  return {c.plus(c.times(rest, candidate), c.times(update, s.hidden)), kNoTensor};
}

State lstmStep(const Cell& c, TensorId x, const State& s) {  // gates: input, output, forget, cell
  const TensorId all = c.plus(x, c.linear(s.hidden, c.recurrent, c.recurrentBias));
  const auto peeking = [&](std::int64_t g, TensorId cell) {
    const TensorId sum = c.gate(all, g);
    return c.activate(0, c.peepholes == kNoTensor ? sum : c.plus(sum, c.times(c.gate(c.peepholes, g), cell)));
  };
  const TensorId in = peeking(0, s.cell), forget = peeking(2, s.cell);
  const TensorId cell = c.plus(c.times(forget, s.cell), c.times(in, c.activate(1, c.gate(all, 3))));
  return {c.times(peeking(1, cell), c.activate(2, cell)), cell};
}

TensorId zeros(Node& node, Shape shape) {
  return node.constantOf(node.allocate(DataType::Float32, shape), "zero");
}

/// Entry d of a tensor whose first extent counts directions.
TensorId ofDirection(Node& node, TensorId x, std::int64_t d, const Shape& rest) {
  if (x == kNoTensor) return x;
  Shape whole = node.shapeOf(x), one = whole;
  if (whole.empty()) node.bad("a weight has no extents");
  if (whole[0] > 1) {
    one[0] = 1;
    std::vector<std::int64_t> starts(whole.size(), 0), steps(whole.size(), 1);
    starts[0] = d;
    x = node.add("Slice", {x}, {{"starts", starts}, {"sizes", one}, {"steps", steps}}, "direction");
  }
  return node.reshape(x, rest, "direction");
}

std::vector<Activation> activationsOf(const Node& node, std::int64_t directions,
                                      std::vector<std::string> usual) {
  std::vector<std::string> names;
  if (const auto* given = node.find("activations"))
    for (const auto& name : given->strings()) names.push_back(name);
  if (names.empty())
    for (std::int64_t d = 0; d < directions; ++d) names.insert(names.end(), usual.begin(), usual.end());
  if (names.size() != usual.size() * static_cast<std::size_t>(directions))
    node.bad("attribute activations has the wrong length");
  const auto alphas = node.numbers("activation_alpha"), betas = node.numbers("activation_beta");
  std::vector<Activation> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& n = names[i];
    const double alpha = n == "LeakyRelu"     ? 0.01
                         : n == "HardSigmoid" ? 0.2
                                              : 1,
                 beta = n == "HardSigmoid"  ? 0.5
                        : n == "ScaledTanh" ? 1
                                            : 0;
    out.push_back({n, i < alphas.size() ? alphas[i] : alpha, i < betas.size() ? betas[i] : beta});
  }
  return out;
}

void wantFullLengths(const Node& node, std::int64_t steps) {
  if (!node.has(4)) return;
  for (auto length : node.constantInts(4, "sequence_lens"))
    if (length != steps) node.unsupported("its sequences differ in length");
}

void recurrent(Node& node) {
  const bool lstm = node.type() == "LSTM", gru = node.type() == "GRU";
  const std::int64_t gates = lstm ? 4 : gru ? 3 : 1;
  if (node.rank(0) != 3 || node.rank(1) != 3 || node.rank(2) != 3)
    node.bad("input and weights want three extents each");
  if (node.flag("input_forget"))
    node.unsupported("its input and forget gates are coupled (input_forget = 1)");
  const bool batchFirst = node.flag("layout");
  const std::vector<std::int64_t> swap{1, 0, 2};
  const TensorId x =
      batchFirst ? node.add("Transpose", {node.in(0)}, {{"perm", swap}}, "time first") : node.in(0);
  const std::int64_t steps = node.shapeOf(x)[0], batch = node.shapeOf(x)[1], inputs = node.shapeOf(x)[2];
  const std::int64_t directions = node.shape(1)[0], hidden = node.shape(2)[2];
  const std::string direction = node.string("direction", "forward");
  if ((direction == "bidirectional" ? 2 : 1) != directions)
    node.bad("attribute direction contradicts the weights");
  if (node.shape(1) != Shape{directions, gates * hidden, inputs} ||
      node.shape(2) != Shape{directions, gates * hidden, hidden})
    node.bad("its weights do not fit each other or the input");
  if (steps < 1 || steps > kMostSteps)
    node.unsupported("it has " + std::to_string(steps) + " steps, unrolling stops at " +
                     std::to_string(kMostSteps));
  wantFullLengths(node, steps);
  const auto activations = activationsOf(node, directions,
                                         lstm  ? std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}
                                         : gru ? std::vector<std::string>{"Sigmoid", "Tanh"}
                                               : std::vector<std::string>{"Tanh"});
  const std::size_t perDirection = activations.size() / static_cast<std::size_t>(directions);
  const TensorId flat = node.reshape(x, {steps * batch, inputs}, "steps");
  std::vector<TensorId> sequences, lastHidden, lastCell;
  for (std::int64_t d = 0; d < directions; ++d) {
    const bool backward = direction == "reverse" || d == 1;
    const std::int64_t width = gates * hidden;
    const TensorId bias = ofDirection(node, node.optional(3), d, {2 * width});
    Cell cell{node,      steps,     batch,     hidden,    gates, backward ? "backward" : "forward",
              kNoTensor, kNoTensor, kNoTensor, kNoTensor, {},    {}};
    cell.recurrent = ofDirection(node, node.in(2), d, {width, hidden});
    if (bias != kNoTensor) {
      cell.inputBias = cell.slice(bias, 0, 0, width);
      cell.recurrentBias = cell.slice(bias, 0, width, width);
    }
    cell.peepholes = lstm ? ofDirection(node, node.optional(7), d, {3 * hidden}) : kNoTensor;
    const auto first = activations.begin() + static_cast<std::ptrdiff_t>(perDirection) * d;
    cell.activations.assign(first, first + static_cast<std::ptrdiff_t>(perDirection));
    if (node.hasAttribute("clip")) cell.clip = node.number("clip", 0);

    const auto initial = [&](std::size_t input) {
      if (!node.has(input)) return zeros(node, {batch, hidden});
      const TensorId given =
          batchFirst ? node.add("Transpose", {node.in(input)}, {{"perm", swap}}, "initial") : node.in(input);
      return ofDirection(node, given, d, {batch, hidden});
    };
    State state{initial(5), lstm ? initial(6) : kNoTensor};
    const TensorId products =
        cell.linear(flat, ofDirection(node, node.in(1), d, {width, inputs}), cell.inputBias);
    std::vector<TensorId> outputs(static_cast<std::size_t>(steps));
    for (std::int64_t i = 0; i < steps; ++i) {
      const std::int64_t t = backward ? steps - 1 - i : i;
      const TensorId now = cell.slice(products, 0, t * batch, batch);
      state = lstm  ? lstmStep(cell, now, state)
              : gru ? gruStep(cell, now, state, node.flag("linear_before_reset"))
                    : rnnStep(cell, now, state);
      outputs[static_cast<std::size_t>(t)] =
          node.wants(0) ? node.reshape(state.hidden, {1, 1, batch, hidden}, "step") : state.hidden;
    }
    if (node.wants(0))
      sequences.push_back(steps == 1 ? outputs[0] : node.add("Concat", outputs, {{"axis", 0}}, "sequence"));
    lastHidden.push_back(node.reshape(state.hidden, {1, batch, hidden}, "last"));
    if (lstm) lastCell.push_back(node.reshape(state.cell, {1, batch, hidden}, "last cell"));
  }
  const auto joined = [&](std::vector<TensorId> parts, std::int64_t axis,
                          const std::vector<std::int64_t>& perm) {
    const TensorId all =
        parts.size() == 1 ? parts[0] : node.add("Concat", std::move(parts), {{"axis", axis}}, "directions");
    return batchFirst ? node.add("Transpose", {all}, {{"perm", perm}}, "batch first") : all;
  };
  if (node.wants(0)) node.set(0, joined(sequences, 1, {2, 0, 1, 3}));
  if (node.wants(1)) node.set(1, joined(lastHidden, 0, swap));
  if (lstm && node.wants(2)) node.set(2, joined(lastCell, 0, swap));
}

}  // namespace

void addRows_recurrent(RowList& rows) {
  for (const char* type : {"RNN", "GRU", "LSTM"}) rows.push_back({type, 7, kNewest, recurrent});
}

}  // namespace tessera::onnx
