// Products with weights in codes of few bits, whose blocks have scales of their own.
#include "importers/onnx/matmul.hpp"

namespace tessera::onnx {
namespace {

struct Blocks {
  std::int64_t bits, size, inputs, outputs;

  std::int64_t count() const { return (inputs + size - 1) / size; }
  std::int64_t bytes() const { return size * bits / 8; }  ///< of one block
};

Blocks blocksOf(Node& node) {
  const Blocks b{node.integer("bits", 4), node.integer("block_size"), node.integer("K"), node.integer("N")};
  if (b.bits != 2 && b.bits != 4 && b.bits != 8)
    node.unsupported("its codes have " + std::to_string(b.bits) + " bits; 2, 4 and 8 are supported");
  if (b.size < 16 || b.size > (1 << 20) || (b.size & (b.size - 1)) != 0)
    node.bad("block_size is " + std::to_string(b.size) + ", no power of two from 16 on");
  if (b.inputs < 1 || b.outputs < 1) node.bad("K and N have to be positive");
  return b;
}

void wantCount(const Node& node, const HostTensor& value, std::int64_t rows, std::int64_t columns,
               const std::string& what) {
  const bool fits =
      columns > 0 && rows <= value.size() && value.size() % rows == 0 && value.size() / rows == columns;
  if (!fits)
    node.bad("its " + what + " of " + toString(value.shape) + " are not " + std::to_string(rows) + " x " +
             std::to_string(columns));
}

/// Code `i` of bytes that hold several, the first in the lowest bits.
int codeAt(std::span<const std::uint8_t> bytes, std::int64_t i, std::int64_t bits) {
  const std::int64_t at = i * bits;
  return bytes[static_cast<std::size_t>(at / 8)] >> (at % 8) & ((1 << bits) - 1);
}

/// The zero point of every block, outputs x blocks.
std::vector<float> zeroPoints(const Node& node, const Blocks& b) {
  const std::int64_t count = b.count();
  std::vector<float> zeros(static_cast<std::size_t>(b.outputs * count),
                           static_cast<float>(1 << (b.bits - 1)));
  if (!node.has(3)) return zeros;
  const HostTensor& given = node.constant(3, "zero points");
  if (given.type == DataType::Float32) {
    wantCount(node, given, b.outputs, count, "zero points");
    zeros.assign(given.as<float>().begin(), given.as<float>().end());
    return zeros;
  }
  if (given.type != DataType::UInt8)
    node.unsupported("its zero points are " + std::string(toString(given.type)) +
                     "; packed bytes and floats are supported");
  const std::int64_t row = (count * b.bits + 7) / 8;
  wantCount(node, given, b.outputs, row, "zero points");
  for (std::int64_t n = 0; n < b.outputs; ++n)
    for (std::int64_t k = 0; k < count; ++k)
      zeros[static_cast<std::size_t>(n * count + k)] = static_cast<float>(codeAt(
          given.as<std::uint8_t>().subspan(static_cast<std::size_t>(n * row), static_cast<std::size_t>(row)),
          k, b.bits));
  return zeros;
}

/// The weights as floats, inputs x outputs.
TensorId decodedBlocks(Node& node, const Blocks& b) {
  const HostTensor& codes = node.constant(1, "weights");
  if (codes.type != DataType::UInt8) node.bad("its weights have to be bytes");
  if (codes.size() == 0) node.unsupported("its weights are left out (a tensor without elements)");
  const HostTensor& scales = node.constant(2, "scales");
  if (scales.type != DataType::Float32) node.bad("its scales have to be floats");
  const std::int64_t count = b.count();
  HostTensor weights = node.allocate(DataType::Float32, {b.inputs, b.outputs});
  wantCount(node, codes, b.outputs, count * b.bytes(), "weights");
  wantCount(node, scales, b.outputs, count, "scales");
  const auto zeros = zeroPoints(node, b);
  const auto bytes = codes.as<std::uint8_t>();
  const auto scale = scales.as<float>();
  auto to = weights.as<float>();
  for (std::int64_t n = 0; n < b.outputs; ++n)
    for (std::int64_t k = 0; k < b.inputs; ++k) {
      const std::int64_t block = n * count + k / b.size;
      const auto own =
          bytes.subspan(static_cast<std::size_t>(block * b.bytes()), static_cast<std::size_t>(b.bytes()));
      to[static_cast<std::size_t>(k * b.outputs + n)] =
          (static_cast<float>(codeAt(own, k % b.size, b.bits)) - zeros[static_cast<std::size_t>(block)]) *
          scale[static_cast<std::size_t>(block)];
    }
  return node.constantOf(std::move(weights), "weights");
}

/// Levels of accuracy that let a runtime round the other factor to fewer bits ask for nothing here: it stays
/// as it is.
void matMulNBits(Node& node) {
  if (node.integer("weight_prepacked", 0) != 0)
    node.unsupported("its weights are packed for one device (weight_prepacked)");
  if (node.has(4)) node.unsupported("its input g_idx, which orders the groups, is not supported");
  const Blocks blocks = blocksOf(node);
  if (node.rank(0) < 1 || node.shape(0).back() != blocks.inputs)
    node.bad("its input of " + toString(node.shape(0)) +
             " does not end in K = " + std::to_string(blocks.inputs));
  const TensorId y = matMul(node, node.in(0), decodedBlocks(node, blocks));
  node.set(0, node.has(5) ? node.add("Add", {y, node.in(5)}, {}, "sum") : y);
}

}  // namespace

void addRows_block_quantised(RowList& rows) {
  rows.push_back({"com.microsoft.MatMulNBits", 1, kNewest, matMulNBits});
}

}  // namespace tessera::onnx
