// Attention as ONNX Runtime's optimiser writes it, as compositions: masks are added to the scores as
// mask_filter_value, not as minus infinity.
#include <cmath>
#include <limits>

#include "importers/onnx/attention.hpp"
#include "importers/onnx/matmul.hpp"
#include "importers/onnx/quantize.hpp"

namespace tessera::onnx {
namespace {

/// Queries, keys and values of all heads, [batch, heads, sequence, size].
struct Heads {
  TensorId q = kNoTensor, k = kNoTensor, v = kNoTensor;
  std::int64_t past = 0;  ///< keys that come before those of this run
};

void refuseOptions(Node& node) {
  for (const char* option : {"do_rotary", "past_present_share_buffer"})
    if (node.flag(option)) node.unsupported("its option " + std::string(option) + " is not supported");
}

TensorId slice(Node& node, TensorId x, std::size_t axis, std::int64_t start, std::int64_t size,
               const std::string& part) {
  Shape sizes = node.shapeOf(x);
  if (start < 0 || size < 1 || start + size > sizes.at(axis))
    node.bad("its " + part + " leave a tensor of " + toString(sizes));
  std::vector<std::int64_t> starts(sizes.size(), 0), steps(sizes.size(), 1);
  starts[axis] = start;
  sizes[axis] = size;
  return node.add("Slice", {x}, {{"starts", starts}, {"sizes", sizes}, {"steps", steps}}, part);
}

/// Element `at` of an axis, which goes.
TensorId pick(Node& node, TensorId x, std::size_t axis, std::int64_t at, const std::string& part) {
  const TensorId one = slice(node, x, axis, at, 1, part);
  Shape shape = node.shapeOf(one);
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return node.add("Reshape", {one}, {{"shape", shape}}, part);
}

TensorId integers(Node& node, const std::vector<std::int64_t>& values, Shape shape, DataType type,
                  const std::string& part) {
  HostTensor table(type, std::move(shape));
  for (std::size_t i = 0; i < values.size(); ++i)
    table.setNumber(static_cast<std::int64_t>(i), static_cast<double>(values[i]));
  return node.constantOf(std::move(table), part);
}

/// The mask of input `i`, in any of its forms: lengths of the items, their ends and then their beginnings, or
/// a value above 0 for every key that may be seen.
void addMask(Node& node, ScoreBias& bias, std::size_t i, std::int64_t batch, std::int64_t queries,
             std::int64_t keys) {
  if (!node.has(i)) return;
  const TensorId mask = node.in(i);
  const Shape shape = node.shapeOf(mask);
  const DataType type = node.typeOf(mask);
  if (type == DataType::Float32 || type == DataType::Bool)
    node.unsupported("its mask holds " + std::string(toString(type)) + "; integers are supported");
  if (shape.size() == 1 && (shape[0] == batch || shape[0] == 2 * batch)) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(keys));
    for (std::int64_t k = 0; k < keys; ++k) order[static_cast<std::size_t>(k)] = k;
    const TensorId positions = integers(node, order, {keys}, type, "positions");
    const auto part = [&](std::int64_t start, const char* name) {
      return node.reshape(slice(node, mask, 0, start, batch, name), {batch, 1, 1, 1}, name);
    };
    const TensorId before = node.add("Less", {positions, part(0, "ends")}, {}, "before the end");
    if (shape[0] == batch && batch != 0) return bias.where(before);
    const TensorId after = node.add("LessOrEqual", {part(batch, "starts"), positions}, {}, "after the start");
    return bias.where(node.add("And", {before, after}, {}, "present"));
  }
  const Shape none{batch, 1};
  if (shape == none || shape == Shape{1, 1}) {
    if (keys != 1) return;  // stands for no mask
  }
  Shape wide;
  if (shape == Shape{batch, keys})
    wide = {batch, 1, 1, keys};
  else if (shape == Shape{batch, queries, keys})
    wide = {batch, 1, queries, keys};
  else
    node.unsupported("its mask of " + toString(shape) +
                     " is not supported; it may be one length per item of the batch, " +
                     toString(Shape{batch, keys}) + " or " + toString(Shape{batch, queries, keys}));
  const TensorId seen = node.add("Greater", {mask, integers(node, {0}, {}, type, "nothing")}, {}, "seen");
  bias.where(node.reshape(seen, wide, "seen of heads"));
}

// What ONNX Runtime's attention puts on them: a query that sees no key then takes all of them alike.
constexpr float kLowest = std::numeric_limits<float>::lowest();

/// Later keys than a query's own are out of sight, whatever else a mask says.
void addOrder(Node& node, ScoreBias& bias, std::int64_t queries, std::int64_t keys, std::int64_t past) {
  if (!node.flag("unidirectional") || queries < 2) return;
  HostTensor table = node.allocate(DataType::Float32, {queries, keys});
  for (std::int64_t i = 0; i < queries; ++i)
    for (std::int64_t j = past + i + 1; j < keys; ++j) table.setNumber(i * keys + j, kLowest);
  bias.join(node.constantOf(std::move(table), "order"));
}

/// Softmax of the scaled products of queries and keys, times the values; output 0 of the node.
/// `mask`, `added`: inputs that may hold a mask, and numbers to add to the scores.
void attend(Node& node, const Heads& h, std::size_t mask, std::size_t added) {
  const Shape q = node.shapeOf(h.q), k = node.shapeOf(h.k), v = node.shapeOf(h.v);
  if (q[0] != k[0] || q[1] != k[1] || q[3] != k[3] || v[0] != k[0] || v[1] != k[1] || v[2] != k[2])
    node.bad("its queries of " + toString(q) + ", keys of " + toString(k) + " and values of " + toString(v) +
             " do not fit each other");
  const double given = node.number("scale", 0);
  const double scale = given == 0 ? 1 / std::sqrt(static_cast<double>(q[3])) : given;
  const TensorId scaled = node.add("Affine", {h.q}, {{"alpha", scale}, {"beta", 0.0}}, "scaled");
  TensorId scores = node.add("MatMul", {scaled, transposeLast(node, h.k, "k columns")}, {}, "scores");
  ScoreBias bias(node, node.number("mask_filter_value", -10000));
  if (added != 0 && node.has(added)) bias.join(node.in(added));
  addMask(node, bias, mask, q[0], q[2], k[2]);
  addOrder(node, bias, q[2], k[2], h.past);
  if (bias.sum() != kNoTensor) scores = node.add("Add", {scores, bias.sum()}, {}, "masked");
  if (node.shapeOf(scores) != Shape{q[0], q[1], q[2], k[2]})
    node.bad("what is added to its scores of " + toString(Shape{q[0], q[1], q[2], k[2]}) +
             " does not fit them");
  const TensorId weights =
      node.add("Softmax", {scores}, {{"axis", std::int64_t{3}}, {"log", std::int64_t{0}}}, "weights");
  if (node.type() == "MultiHeadAttention") node.set(3, scores);
  node.set(0, joinHeads(node, node.add("MatMul", {weights, h.v})));
}

/// Keys and values of earlier runs, [2, batch, heads, sequence, size] at input `i`, before those of this one;
/// output 1 is both together.
void joinPast(Node& node, Heads& h, std::size_t i) {
  if (node.has(i)) {
    const Shape shape = node.shape(i);
    if (shape.size() != 5 || shape[0] != 2) node.bad("its past of " + toString(shape) + " is no pair");
    h.past = shape[3];
    if (h.past > 0) {
      const auto joined = [&](TensorId now, std::int64_t at, const std::string& part) {
        return node.add("Concat", {pick(node, node.in(i), 0, at, "past " + part), now},
                        {{"axis", std::int64_t{2}}}, "present " + part);
      };
      h.k = joined(h.k, 0, "keys");
      h.v = joined(h.v, 1, "values");
    }
  }
  if (!node.wants(1)) return;
  const auto one = [&](TensorId x, const char* part) {
    const Shape s = node.shapeOf(x);
    return node.reshape(x, {1, s[0], s[1], s[2], s[3]}, part);
  };
  node.set(1, node.add("Concat", {one(h.k, "keys out"), one(h.v, "values out")}, {{"axis", std::int64_t{0}}},
                       "present"));
}

/// Queries, keys and values side by side in the last extent, sizes of all heads together as listed.
Heads apart(Node& node, TensorId all, const std::vector<std::int64_t>& sizes) {
  const std::int64_t heads = node.integer("num_heads");
  std::int64_t start = 0;
  const auto next = [&](std::size_t i, const char* part) {
    const TensorId x = slice(node, all, 2, start, sizes[i], std::string(part) + " part");
    start += sizes[i];
    return splitHeads(node, x, heads, part);
  };
  Heads h;
  h.q = next(0, "q");
  h.k = next(1, "k");
  h.v = next(2, "v");
  return h;
}

std::vector<std::int64_t> hiddenSizes(Node& node, std::int64_t all) {
  std::vector<std::int64_t> sizes = node.integers("qkv_hidden_sizes");
  if (sizes.empty() && all % 3 == 0) sizes = {all / 3, all / 3, all / 3};
  if (sizes.size() != 3 || sizes[0] != sizes[1]) node.bad("its weights do not split into three parts");
  std::int64_t left = all;
  for (const std::int64_t size : sizes) {
    if (size < 1 || size > left) node.bad("qkv_hidden_sizes does not fit its weights");
    left -= size;
  }
  if (left != 0) node.bad("qkv_hidden_sizes does not fit its weights");
  return sizes;
}

void wantSequence(Node& node) {
  if (node.rank(0) != 3) node.bad("its input has to have 3 extents");
  if (node.rank(1) != 2) node.bad("its weights have to be a matrix");
}

void attention(Node& node) {
  refuseOptions(node);
  if (node.has(6)) node.unsupported("its input past_sequence_length is not supported");
  wantSequence(node);
  TensorId all = matMul(node, node.in(0), node.in(1));
  if (node.has(2)) all = node.add("Add", {all, node.in(2)}, {}, "projected");
  Heads h = apart(node, all, hiddenSizes(node, node.shape(1)[1]));
  joinPast(node, h, 4);
  attend(node, h, 3, 5);
}

void quantisedAttention(Node& node) {
  refuseOptions(node);
  wantSequence(node);
  const TensorId x = dequantized(node, {node.in(0), node.in(3), node.optional(6)}, 0, "x"),
                 weights = dequantized(node, {node.in(1), node.in(4), node.optional(7)}, 1, "weights");
  const TensorId all = node.add("Add", {matMul(node, x, weights), node.in(2)}, {}, "projected");
  Heads h = apart(node, all, hiddenSizes(node, node.shape(1)[1]));
  joinPast(node, h, 8);
  attend(node, h, 5, 0);
}

/// A part of the bias that the projection left out.
TensorId biased(Node& node, TensorId x, std::int64_t start, const std::string& part) {
  if (!node.has(3)) return x;
  const Shape shape = node.shapeOf(x);
  return node.add("Add", {x, slice(node, node.in(3), 0, start, shape.back(), part + " bias")}, {},
                  part + " biased");
}

/// Queries, keys and values that come one by one, packed in one tensor, or keys and values in one.
Heads givenHeads(Node& node) {
  const std::int64_t heads = node.integer("num_heads");
  Heads h;
  TensorId q = node.in(0), k = kNoTensor, v = kNoTensor;
  const auto flat = [&](TensorId x, const char* part) {
    const Shape s = node.shapeOf(x);
    return node.reshape(x, {s[0], s[1], s[2] * s[3]}, part);
  };
  const auto packed = [&](TensorId x, std::int64_t parts) {
    const Shape& s = node.shapeOf(x);
    if (s.size() != 5 || s[2] != heads || s[3] != parts)
      node.bad("a packed input of " + toString(s) + " does not hold " + std::to_string(parts) + " parts of " +
               std::to_string(heads) + " heads");
  };
  if (!node.has(1)) {
    packed(q, 3);
    k = flat(pick(node, q, 3, 1, "k packed"), "k flat");
    v = flat(pick(node, q, 3, 2, "v packed"), "v flat");
    q = flat(pick(node, q, 3, 0, "q packed"), "q flat");
  } else if (node.rank(1) == 5) {
    packed(node.in(1), 2);
    k = flat(pick(node, node.in(1), 3, 0, "k packed"), "k flat");
    v = flat(pick(node, node.in(1), 3, 1, "v packed"), "v flat");
  } else {
    k = node.in(1);
    v = node.in(2);
  }
  if (node.shapeOf(q).size() != 3) node.bad("its queries have to have 3 extents");
  const std::int64_t hidden = node.shapeOf(q)[2];
  h.q = splitHeads(node, biased(node, q, 0, "q"), heads, "q");
  if (node.shapeOf(k).size() == 4) {  // of another sequence, in heads already
    if (node.shapeOf(v).size() != 4) node.bad("its keys have 4 extents, its values have not");
    h.k = k, h.v = v;
    return h;
  }
  h.k = splitHeads(node, biased(node, k, hidden, "k"), heads, "k");
  h.v = splitHeads(node, biased(node, v, 2 * hidden, "v"), heads, "v");
  return h;
}

void multiHeadAttention(Node& node) {
  if (node.has(8) || node.has(9))
    node.unsupported(std::string("its input ") +
                     (node.has(8) ? "past_sequence_length" : "cache_indirection") + " is not supported");
  Heads h = givenHeads(node);
  if (node.has(6) != node.has(7)) node.bad("it has past keys or past values, but not both");
  if (node.has(6)) {
    h.past = node.shape(6).at(2);
    h.k = node.add("Concat", {node.in(6), h.k}, {{"axis", std::int64_t{2}}}, "present key");
    h.v = node.add("Concat", {node.in(7), h.v}, {{"axis", std::int64_t{2}}}, "present value");
  }
  if (node.wants(1)) node.set(1, h.k);
  if (node.wants(2)) node.set(2, h.v);
  attend(node, h, 4, 5);
}

}  // namespace

void addRows_contrib_attention(RowList& rows) {
  rows.push_back({"com.microsoft.Attention", 1, kNewest, attention});
  rows.push_back({"com.microsoft.QAttention", 1, kNewest, quantisedAttention});
  rows.push_back({"com.microsoft.MultiHeadAttention", 1, kNewest, multiHeadAttention});
}

}  // namespace tessera::onnx
