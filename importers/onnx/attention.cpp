// Attention and rotary embedding of operator set 23 and later, as compositions.
#include <cmath>

#include "importers/onnx/attention.hpp"

namespace tessera::onnx {

void ScoreBias::join(TensorId part) {
  sum_ = sum_ == kNoTensor ? part : node_.add("Add", {sum_, part}, {}, "bias");
}

void ScoreBias::where(TensorId allowed) {
  join(node_.add(
      "Where",
      {allowed, node_.scalar(DataType::Float32, 0, "zero"), node_.scalar(DataType::Float32, never_, "never")},
      {}, "mask"));
}

TensorId splitHeads(Node& node, TensorId x, std::int64_t heads, const std::string& part) {
  const Shape& shape = node.shapeOf(x);
  if (shape.size() != 3 || heads < 1 || shape[2] % heads != 0)
    node.bad("the number of heads does not divide " + toString(shape));
  const TensorId parts = node.reshape(x, {shape[0], shape[1], heads, shape[2] / heads}, part + " heads");
  return node.add("Transpose", {parts}, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}}, part);
}

TensorId joinHeads(Node& node, TensorId x) {
  const Shape s = node.shapeOf(x);
  const TensorId rows =
      node.add("Transpose", {x}, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}}, "joined");
  return node.reshape(rows, {s[0], s[2], s[1] * s[3]}, "flat");
}

TensorId transposeLast(Node& node, TensorId x, const std::string& part) {
  return node.add("Transpose", {x}, {{"perm", std::vector<std::int64_t>{0, 1, 3, 2}}}, part);
}

namespace {

constexpr double kNever = -INFINITY;

struct Heads {
  TensorId q, k, v;
  bool flat;  ///< given as [batch, sequence, heads * size]
};

Heads headCounts(Node& node) {
  Heads h{node.in(0), node.in(1), node.in(2), node.rank(0) == 3};
  for (std::size_t i = 0; i < 3; ++i) {
    if (node.typeOf(node.in(i)) != DataType::Float32)
      node.unsupported("it is defined for floating-point operands");
    if (node.rank(i) != (h.flat ? 3 : 4)) node.bad("its operands have to have 3 extents, or 4, all alike");
  }
  if (h.flat) {
    const std::int64_t q = node.integer("q_num_heads"), kv = node.integer("kv_num_heads");
    h.q = splitHeads(node, h.q, q, "q");
    h.k = splitHeads(node, h.k, kv, "k");
    h.v = splitHeads(node, h.v, kv, "v");
  }
  return h;
}

/// Every head of keys or values serves several heads of queries.
TensorId repeatHeads(Node& node, TensorId x, std::int64_t heads, const std::string& part) {
  const Shape s = node.shapeOf(x);
  if (s[1] == heads) return x;
  if (s[1] < 1 || heads % s[1] != 0) node.bad("its heads of keys do not divide those of queries");
  const TensorId one = node.reshape(x, {s[0], s[1], 1, s[2], s[3]}, part + " one");
  const TensorId all =
      node.add("Expand", {one}, {{"shape", Shape{s[0], s[1], heads / s[1], s[2], s[3]}}}, part + " repeated");
  return node.reshape(all, {s[0], heads, s[2], s[3]}, part + " all");
}

/// Where a window or the order of the sequence, both relative to the query's own position, lets a query look.
/// `first`: position of the first query among the keys; per item where `valid` counts each item's keys.
void addOrder(Node& node, ScoreBias& bias, std::int64_t queries, std::int64_t keys, std::int64_t first,
              TensorId valid) {
  const std::int64_t left = node.integer("left_window_size", -1);
  std::int64_t right = node.integer("right_window_size", -1);
  if (node.flag("is_causal")) right = right < 0 ? 0 : std::min<std::int64_t>(right, 0);
  if (left < 0 && right < 0) return;
  const auto relative = [&](std::int64_t i, std::int64_t j) { return j - i - first; };
  if (valid == kNoTensor) {
    HostTensor table(DataType::Float32, {queries, keys});
    for (std::int64_t i = 0; i < queries; ++i)
      for (std::int64_t j = 0; j < keys; ++j) {
        const std::int64_t d = relative(i, j);
        if ((left >= 0 && -d > left) || (right >= 0 && d > right)) table.setNumber(i * keys + j, kNever);
      }
    return bias.join(node.constantOf(std::move(table), "order"));
  }
  // The last query is an item's last key: key j is query i's at the lengths from j - i + queries - right on,
  // up to j - i + queries + left.
  const auto lengths = [&](std::int64_t shift) {
    HostTensor table(DataType::Int64, {queries, keys});
    for (std::int64_t i = 0; i < queries; ++i)
      for (std::int64_t j = 0; j < keys; ++j)
        table.as<std::int64_t>()[i * keys + j] = j - i + queries + shift;
    return node.constantOf(std::move(table), "lengths of order");
  };
  if (right >= 0) bias.where(node.add("LessOrEqual", {lengths(-right), valid}, {}, "not later"));
  if (left >= 0) bias.where(node.add("LessOrEqual", {valid, lengths(left)}, {}, "not earlier"));
}

/// Masks, order and lengths; also whether a query may see no key at all.
bool addMasks(Node& node, ScoreBias& bias, std::int64_t queries, std::int64_t keys, std::int64_t past) {
  bool blind = false;
  if (node.has(3)) {
    TensorId mask = node.in(3);
    const bool truth = node.typeOf(mask) == DataType::Bool;
    if (!truth && node.typeOf(mask) != DataType::Float32)
      node.unsupported("its mask is neither bool nor floating-point");
    const Shape& shape = node.shapeOf(mask);
    if (!shape.empty() && shape.back() < keys && shape.back() > 1) {  // keys it does not reach are hidden
      std::vector<std::int64_t> pads(shape.size() * 2, 0);
      pads.back() = keys - shape.back();
      mask = node.add("Pad", {mask}, {{"pads", pads}, {"value", truth ? 0.0 : kNever}}, "mask end");
    }
    if (truth)
      bias.where(mask);
    else
      bias.join(mask);
    blind = true;
  }
  TensorId valid = kNoTensor;
  if (node.has(6)) {
    valid = node.reshape(node.cast(node.in(6), DataType::Int64), {node.shape(6).at(0), 1, 1, 1}, "lengths");
    std::vector<std::int64_t> positions(static_cast<std::size_t>(keys));
    for (std::int64_t j = 0; j < keys; ++j) positions[static_cast<std::size_t>(j)] = j;
    bias.where(node.add(
        "Less", {node.constantOf(HostTensor::of<std::int64_t>({keys}, positions), "positions"), valid}, {},
        "present"));
    blind = true;
  }
  addOrder(node, bias, queries, keys, past, node.has(4) ? kNoTensor : valid);
  return blind || node.integer("left_window_size", -1) >= 0;
}

/// Softmax; a query that may see no key at all gets no weights instead of 0 / 0.
TensorId weightsOf(Node& node, TensorId scores, TensorId bias, bool blind) {
  const TensorId weights =
      node.add("Softmax", {scores}, {{"axis", std::int64_t{3}}, {"log", std::int64_t{0}}}, "weights");
  if (!blind) return weights;
  const auto last = static_cast<std::int64_t>(node.shapeOf(bias).size()) - 1;
  const TensorId best =
      node.add("Reduce", {bias},
               {{"mode", "max"}, {"axes", std::vector<std::int64_t>{last}}, {"keepdims", 1}}, "best");
  const TensorId none =
      node.add("Equal", {best, node.scalar(DataType::Float32, kNever, "never")}, {}, "sees none");
  return node.add("Where", {none, node.scalar(DataType::Float32, 0, "zero"), weights}, {}, "seen");
}

void attention(Node& node) {
  Heads h = headCounts(node);
  std::int64_t past = 0;
  if (node.has(4) != node.has(5)) node.bad("it has past keys or past values, but not both");
  if (node.has(4)) {
    past = node.shape(4).at(2);
    h.k = node.add("Concat", {node.in(4), h.k}, {{"axis", std::int64_t{2}}}, "present key");
    h.v = node.add("Concat", {node.in(5), h.v}, {{"axis", std::int64_t{2}}}, "present value");
  }
  if (node.wants(1)) node.set(1, h.k);
  if (node.wants(2)) node.set(2, h.v);
  const Shape q = node.shapeOf(h.q);
  const std::int64_t keys = node.shapeOf(h.k)[2];
  const TensorId k = repeatHeads(node, h.k, q[1], "k"), v = repeatHeads(node, h.v, q[1], "v");
  const double scale = node.number("scale", 1 / std::sqrt(static_cast<double>(q[3])));
  const TensorId scaled = node.add("Affine", {h.q}, {{"alpha", scale}, {"beta", 0.0}}, "scaled");
  TensorId scores = node.add("MatMul", {scaled, transposeLast(node, k, "k columns")}, {}, "scores");
  const std::int64_t mode = node.integer("qk_matmul_output_mode", 0);
  if (node.wants(3) && mode == 0) node.set(3, scores);
  if (const double cap = node.number("softcap", 0); cap > 0) {
    scores = node.add("Tanh", {node.add("Affine", {scores}, {{"alpha", 1 / cap}, {"beta", 0.0}}, "uncapped")},
                      {}, "bent");
    scores = node.add("Affine", {scores}, {{"alpha", cap}, {"beta", 0.0}}, "capped");
  }
  if (node.wants(3) && mode == 1) node.set(3, scores);
  ScoreBias bias(node, kNever);
  const bool blind = addMasks(node, bias, q[2], keys, past);
  if (bias.sum() != kNoTensor) scores = node.add("Add", {scores, bias.sum()}, {}, "masked");
  if (node.wants(3) && mode == 2) node.set(3, scores);
  const TensorId weights = weightsOf(node, scores, bias.sum(), blind);
  if (node.wants(3) && mode == 3) node.set(3, weights);
  const TensorId y = node.add("MatMul", {weights, v});
  node.set(0, h.flat ? joinHeads(node, y) : y);
}

TensorId lastSlice(Node& node, TensorId x, std::int64_t start, std::int64_t size, std::int64_t step,
                   const std::string& part) {
  Shape sizes = node.shapeOf(x);
  std::vector<std::int64_t> starts(sizes.size(), 0), steps(sizes.size(), 1);
  sizes.back() = size, starts.back() = start, steps.back() = step;
  return node.add("Slice", {x}, {{"starts", starts}, {"sizes", sizes}, {"steps", steps}}, part);
}

/// Cosines or sines, [batch, sequence, half], laid out as the heads are.
TensorId angles(Node& node, std::size_t i, std::int64_t half, bool headsLast, const std::string& part) {
  TensorId table = node.in(i);
  if (node.has(3)) table = node.add("Gather", {table, node.in(3)}, {{"axis", std::int64_t{0}}}, part);
  const Shape s = node.shapeOf(table);
  if (s.size() != 3 || s[2] != half) node.bad("its table of " + part + " has shape " + toString(s));
  return node.reshape(table, headsLast ? Shape{s[0], s[1], 1, s[2]} : Shape{s[0], 1, s[1], s[2]},
                      part + " of heads");
}

void rotaryEmbedding(Node& node) {
  const Shape given = node.shape(0);
  const bool flat =
      given.size() == 3;  // [batch, sequence, heads * size]; else [batch, heads, sequence, size]
  TensorId x = node.in(0);
  if (flat) {
    const std::int64_t heads = node.integer("num_heads");
    if (heads < 1 || given[2] % heads != 0) node.bad("num_heads does not divide " + toString(given));
    x = node.reshape(x, {given[0], given[1], heads, given[2] / heads}, "heads");
  } else if (given.size() != 4) {
    node.bad("its input has to have 3 or 4 extents");
  }
  const Shape shape = node.shapeOf(x);
  const std::int64_t wanted = node.integer("rotary_embedding_dim", 0),
                     turned = wanted > 0 ? wanted : shape[3], half = turned / 2;
  if (turned % 2 != 0 || turned > shape[3]) node.bad("rotary_embedding_dim does not fit " + toString(shape));
  const bool interleaved = node.flag("interleaved");
  const TensorId cosine = angles(node, 1, half, flat, "cosines"), sine = angles(node, 2, half, flat, "sines");
  const TensorId a =
      interleaved ? lastSlice(node, x, 0, half, 2, "even") : lastSlice(node, x, 0, half, 1, "first");
  const TensorId b =
      interleaved ? lastSlice(node, x, 1, half, 2, "odd") : lastSlice(node, x, half, half, 1, "second");
  const auto product = [&](TensorId p, TensorId q) { return node.add("Mul", {p, q}, {}, "turned"); };
  TensorId real = node.add("Sub", {product(cosine, a), product(sine, b)}, {}, "real");
  TensorId imaginary = node.add("Add", {product(sine, a), product(cosine, b)}, {}, "imaginary");
  Shape whole = shape;
  whole[3] = turned;
  if (interleaved) {
    Shape pair{shape[0], shape[1], shape[2], half, 1};
    real = node.reshape(real, pair, "real pairs");
    imaginary = node.reshape(imaginary, pair, "imaginary pairs");
  }
  TensorId y = node.add("Concat", {real, imaginary},
                        {{"axis", interleaved ? std::int64_t{4} : std::int64_t{3}}}, "both");
  y = node.reshape(y, whole, "pairs");
  if (turned < shape[3])
    y = node.add("Concat", {y, lastSlice(node, x, turned, shape[3] - turned, 1, "rest")},
                 {{"axis", std::int64_t{3}}}, "all");
  node.set(0, node.reshape(y, given, "joined"));
}

}  // namespace

void addRows_attention(RowList& rows) {
  rows.push_back({"Attention", 23, kNewest, attention});
  rows.push_back({"RotaryEmbedding", 23, kNewest, rotaryEmbedding});
}

}  // namespace tessera::onnx
