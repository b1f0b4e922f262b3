// RNN, GRU and LSTM, unrolled: the number of steps is known at import. The products of all inputs are one
// layer.
#include <algorithm>
#include <optional>

#include "importers/onnx/matmul.hpp"
#include "importers/onnx/quantize.hpp"

namespace tessera::onnx {
namespace {

constexpr std::int64_t kMostUnrolled =
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
  TensorId inputWeights = kNoTensor, recurrent = kNoTensor;
  TensorId inputBias = kNoTensor, recurrentBias = kNoTensor, peepholes = kNoTensor;  ///< may be absent
  std::vector<Activation> activations = {};
  std::optional<double> clip = std::nullopt;
  /// Of DynamicQuantizeLSTM: [inputs or hidden, gates * hidden].
  std::map<TensorId, Coded> codedWeights = {};

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
    if (const auto coded = codedWeights.find(weights); coded != codedWeights.end())
      return plus(dynamicProduct(x, coded->second), bias);
    if (node.valueOf(weights) && (bias == kNoTensor || node.valueOf(bias))) {
      std::vector<TensorId> operands{x, weights};
      if (bias != kNoTensor) operands.push_back(bias);
      return add("FullyConnected", std::move(operands));
    }
    const TensorId turned = add("Transpose", {weights}, {{"perm", std::vector<std::int64_t>{1, 0}}});
    return plus(add("MatMul", {x, turned}), bias);
  }
  /// The product with x in codes of its own range.
  TensorId dynamicProduct(TensorId x, const Coded& weights) const {
    const Coded codes = quantizedByRange(node, x, part + "/codes");
    const TensorId sums = integerMatMul(node, centred(node, codes.codes, codes.zero, {}),
                                        centred(node, weights.codes, weights.zero, {gates * hidden}));
    return times(node.cast(sums, DataType::Float32), times(codes.scale, weights.scale));
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

/// Codes of one direction, whose scale and zero point are inputs `scale` and `scale` + 1.
Coded codesOfDirection(Node& node, TensorId codes, std::size_t scale, std::int64_t d) {
  const auto of = [&](TensorId id) {
    if (id == kNoTensor) return id;
    const Shape& shape = node.shapeOf(id);
    const Shape rest(shape.begin() + (shape.empty() ? 0 : 1), shape.end());
    return ofDirection(node, id, d, rest);
  };
  return {codes, of(node.in(scale)), of(node.optional(scale + 1))};
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

enum class RecurrentKind { Rnn, Gru, Lstm };

/// What the node says, checked.
struct Recurrent {
  Node& node;
  RecurrentKind kind;
  bool codedWeights;  ///< DynamicQuantizeLSTM: weights in codes, [inputs or hidden, gates * hidden]
  bool batchFirst;    ///< the batch is the outermost extent of inputs and outputs
  std::int64_t gates, directions, steps, batch, inputs, hidden;
  std::string direction;
  TensorId x;  ///< [steps, batch, inputs]
  std::vector<Activation> activations;

  bool backward(std::int64_t d) const { return direction == "reverse" || d == 1; }
  /// Of one direction's weights that are multiplied by so many columns.
  Shape weightShape(std::int64_t columns) const {
    return codedWeights ? Shape{columns, gates * hidden} : Shape{gates * hidden, columns};
  }
  bool fits(std::size_t input, std::int64_t columns) const {
    Shape wanted = weightShape(columns);
    wanted.insert(wanted.begin(), directions);
    return node.shape(input) == wanted;
  }
};

/// Exchanges steps (or directions) and batch.
const std::vector<std::int64_t> kSwapBatch{1, 0, 2};

std::vector<std::string> usualActivations(RecurrentKind kind) {
  switch (kind) {
    case RecurrentKind::Lstm:
      return {"Sigmoid", "Tanh", "Tanh"};
    case RecurrentKind::Gru:
      return {"Sigmoid", "Tanh"};
    case RecurrentKind::Rnn:
      break;
  }
  return {"Tanh"};
}

Recurrent recurrentOf(Node& node) {
  const bool coded = node.type() == "DynamicQuantizeLSTM";
  const RecurrentKind kind = coded || node.type() == "LSTM" ? RecurrentKind::Lstm
                             : node.type() == "GRU"         ? RecurrentKind::Gru
                                                            : RecurrentKind::Rnn;
  if (node.rank(0) != 3 || node.rank(1) != 3 || node.rank(2) != 3)
    node.bad("input and weights want three extents each");
  if (node.flag("input_forget"))
    node.unsupported("its input and forget gates are coupled (input_forget = 1)");
  const bool batchFirst = node.flag("layout");
  const TensorId x =
      batchFirst ? node.add("Transpose", {node.in(0)}, {{"perm", kSwapBatch}}, "time first") : node.in(0);
  const Shape extents = node.shapeOf(x);
  Recurrent r{.node = node,
              .kind = kind,
              .codedWeights = coded,
              .batchFirst = batchFirst,
              .gates = kind == RecurrentKind::Lstm  ? 4
                       : kind == RecurrentKind::Gru ? 3
                                                    : 1,
              .directions = node.shape(1)[0],
              .steps = extents[0],
              .batch = extents[1],
              .inputs = extents[2],
              .hidden = node.shape(2)[coded ? 1 : 2],
              .direction = node.string("direction", "forward"),
              .x = x,
              .activations = {}};
  if ((r.direction == "bidirectional" ? 2 : 1) != r.directions)
    node.bad("attribute direction contradicts the weights");
  if (!r.fits(1, r.inputs) || !r.fits(2, r.hidden))
    node.bad("its weights do not fit each other or the input");
  if (node.integer("hidden_size", r.hidden) != r.hidden)
    node.bad("attribute hidden_size contradicts the weights");
  if (r.steps < 1 || r.steps > kMostUnrolled)
    node.unsupported("it has " + std::to_string(r.steps) + " steps, unrolling stops at " +
                     std::to_string(kMostUnrolled));
  wantFullLengths(node, r.steps);
  r.activations = activationsOf(node, r.directions, usualActivations(kind));
  return r;
}

Cell cellOf(const Recurrent& r, std::int64_t d) {
  Node& node = r.node;
  const std::int64_t width = r.gates * r.hidden;
  const TensorId bias = ofDirection(node, node.optional(3), d, {2 * width});
  Cell cell{node, r.steps, r.batch, r.hidden, r.gates, r.backward(d) ? "backward" : "forward"};
  cell.recurrent = ofDirection(node, node.in(2), d, r.weightShape(r.hidden));
  cell.inputWeights = ofDirection(node, node.in(1), d, r.weightShape(r.inputs));
  if (r.codedWeights) {
    cell.codedWeights[cell.inputWeights] = codesOfDirection(node, cell.inputWeights, 8, d);
    cell.codedWeights[cell.recurrent] = codesOfDirection(node, cell.recurrent, 10, d);
  }
  if (bias != kNoTensor) {
    cell.inputBias = cell.slice(bias, 0, 0, width);
    cell.recurrentBias = cell.slice(bias, 0, width, width);
  }
  if (r.kind == RecurrentKind::Lstm) cell.peepholes = ofDirection(node, node.optional(7), d, {3 * r.hidden});
  const auto count = static_cast<std::ptrdiff_t>(r.activations.size()) / r.directions;
  cell.activations.assign(r.activations.begin() + count * d, r.activations.begin() + count * (d + 1));
  if (node.hasAttribute("clip")) cell.clip = node.number("clip", 0);
  return cell;
}

/// The state that an input gives, else zeros.
TensorId initialState(const Recurrent& r, std::size_t input, std::int64_t d) {
  Node& node = r.node;
  if (!node.has(input)) return zeros(node, {r.batch, r.hidden});
  const TensorId given = r.batchFirst
                             ? node.add("Transpose", {node.in(input)}, {{"perm", kSwapBatch}}, "initial")
                             : node.in(input);
  return ofDirection(node, given, d, {r.batch, r.hidden});
}

State nextState(const Recurrent& r, const Cell& cell, TensorId x, const State& state) {
  switch (r.kind) {
    case RecurrentKind::Lstm:
      return lstmStep(cell, x, state);
    case RecurrentKind::Gru:
      return gruStep(cell, x, state, r.node.flag("linear_before_reset"));
    case RecurrentKind::Rnn:
      break;
  }
  return rnnStep(cell, x, state);
}

/// What directions give, one entry each.
struct Results {
  std::vector<TensorId> sequences;             ///< [steps, 1, batch, hidden], where the node asks for them
  std::vector<TensorId> lastHidden, lastCell;  ///< [1, batch, hidden]
};

/// `flat`: the inputs of all steps, [steps * batch, inputs].
void addDirection(const Recurrent& r, TensorId flat, std::int64_t d, Results& results) {
  Node& node = r.node;
  const bool lstm = r.kind == RecurrentKind::Lstm;
  const Cell cell = cellOf(r, d);
  const TensorId hidden = initialState(r, 5, d);
  State state{hidden, lstm ? initialState(r, 6, d) : kNoTensor};
  const TensorId products = cell.linear(flat, cell.inputWeights, cell.inputBias);
  std::vector<TensorId> outputs(static_cast<std::size_t>(r.steps));
  for (std::int64_t i = 0; i < r.steps; ++i) {
    const std::int64_t t = r.backward(d) ? r.steps - 1 - i : i;
    state = nextState(r, cell, cell.slice(products, 0, t * r.batch, r.batch), state);
    outputs[static_cast<std::size_t>(t)] =
        node.wants(0) ? node.reshape(state.hidden, {1, 1, r.batch, r.hidden}, "step") : state.hidden;
  }
  if (node.wants(0))
    results.sequences.push_back(r.steps == 1 ? outputs[0]
                                             : node.add("Concat", outputs, {{"axis", 0}}, "sequence"));
  results.lastHidden.push_back(node.reshape(state.hidden, {1, r.batch, r.hidden}, "last"));
  if (lstm) results.lastCell.push_back(node.reshape(state.cell, {1, r.batch, r.hidden}, "last cell"));
}

/// Directions side by side; `perm` brings the batch to the front where the node wants it there.
TensorId joinedParts(const Recurrent& r, std::vector<TensorId> parts, std::int64_t axis,
                     const std::vector<std::int64_t>& perm) {
  const TensorId all =
      parts.size() == 1 ? parts[0] : r.node.add("Concat", std::move(parts), {{"axis", axis}}, "directions");
  return r.batchFirst ? r.node.add("Transpose", {all}, {{"perm", perm}}, "batch first") : all;
}

void recurrent(Node& node) {
  const Recurrent r = recurrentOf(node);
  const TensorId flat = node.reshape(r.x, {r.steps * r.batch, r.inputs}, "steps");
  Results results;
  for (std::int64_t d = 0; d < r.directions; ++d) addDirection(r, flat, d, results);
  if (node.wants(0)) node.set(0, joinedParts(r, results.sequences, 1, {2, 0, 1, 3}));
  if (node.wants(1)) node.set(1, joinedParts(r, results.lastHidden, 0, kSwapBatch));
  if (r.kind == RecurrentKind::Lstm && node.wants(2))
    node.set(2, joinedParts(r, results.lastCell, 0, kSwapBatch));
}

}  // namespace

void addRows_recurrent(RowList& rows) {
  for (const char* type : {"RNN", "GRU", "LSTM"}) rows.push_back({type, 7, kNewest, recurrent});
  rows.push_back({"com.microsoft.DynamicQuantizeLSTM", 1, kNewest, recurrent});
}

}  // namespace tessera::onnx
