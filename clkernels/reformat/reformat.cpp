// reformat: changes of channel block, place and element type that lowering inserts between layers, encoding
// and decoding (QPointwise without an expression) and casts between f32 and f16 on the way.
#include <algorithm>

#include "clkernels/common/image.hpp"
#include "ops/quantised.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

bool knownBlock(int block) {
  return block == 1 || block == 2 || block == 4 || block == 8 || block == 16 || block == 32;
}

// What codes are multiplied by where they are read, and what values are before they become codes; else 1. And
// the zero points of codes.
struct Factors {
  float scale = 1, rate = 1, xZero = 0, yZero = 0;
};
Factors factors(const Problem& p) {
  Factors f;
  const bool fromCodes = p.inputs[0].type == DataType::Int8, toCodes = p.outputs[0].type == DataType::Int8;
  if (p.op == "QPointwise") {
    if (fromCodes) f.scale = static_cast<float>(p.attrs.numbers("scales").at(0));
    if (toCodes) f.rate = static_cast<float>(p.attrs.number("rate"));
    const auto zeros = p.attrs.integers("zeros");
    if (!zeros.empty()) f.xZero = static_cast<float>(zeros[0]);
    f.yZero = static_cast<float>(p.attrs.integer("zero"));
  } else {
    const double scale = p.attrs.number("scale", 1);
    if (fromCodes && !toCodes) f.scale = static_cast<float>(scale);
    if (toCodes && !fromCodes) f.rate = static_cast<float>(1.0 / scale);
  }
  return f;
}

// Whether elements become floats of another size.
bool isFloatCast(const OpView& op) {
  const DataType from = op.inputs[0].type, to = op.outputs[0].type;
  return isFloat(from) && isFloat(to) && from != to;
}

// Whether whole tiles of 16 positions x 16 channels can be transposed in registers (reformat_tiles.cl).
bool byTiles(const Problem& p, const DeviceCaps& device) {
  const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
  const int from = x.layout.block, to = y.layout.block;
  const bool small = byteSize(x.type) <= 4;
  const bool moves = p.op != "QPointwise" && ((x.type == y.type && small) || isFloatCast(p));
  return device.isCpu() && device.platform != "rusticl" && moves && std::min(from, to) == 1 &&
         std::max(from, to) == 16;
}

Launch planTiles(const Problem& p, const DeviceCaps& device) {
  const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
  const std::int64_t plane = planeSize(x), blocks = ceilDiv(x.shape[1], 16);
  // Enough work-items to keep every core busy to the end, each worth its launch.
  const std::int64_t tiles = ceilDiv(plane, 16) * blocks * x.shape[0];
  const std::int64_t perItem =
      std::max<std::int64_t>(8, tiles / (16 * std::int64_t{std::max(device.computeUnits, 1)}));
  KernelCall call{"reformat/reformat_tiles.cl", "reformat_tiles"};
  addDefine(call.defines, "P_TO_BLOCKS", y.layout.block == 16);
  const bool convert = isFloatCast(p);
  call.defines.emplace_back("P_XTYPE", convert ? clType(x.type) : rawType(x.type));
  call.defines.emplace_back("P_YTYPE", convert ? clType(y.type) : rawType(y.type));
  addDefine(call.defines, "P_CONVERT", convert);
  setItems(call, {ceilDiv(plane, perItem * 16), blocks, x.shape[0]});
  call.args = {KernelArg::input(0), KernelArg::output(0), KernelArg::ofInt(x.shape[1]),
               KernelArg::ofInt(plane), KernelArg::ofInt(perItem * 16)};
  addLayoutArgs(call.args, x);
  addLayoutArgs(call.args, y);
  return {{call}, {}, {}};
}

class Reformat final : public KernelFamily {
 public:
  FamilyId id() const override { return {"reformat", 2}; }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    const TensorDesc &x = op.inputs[0], &y = op.outputs[0];
    if (!op.attrs.string("expression").empty()) return Verdict::no("it computes no expression");
    if (op.outputs.size() > 1) return Verdict::no("it stores one result");
    if (op.op == "Cast" && (!isFloatCast(op) || x.layout.block == y.layout.block))
      return Verdict::no("it casts between f32 and f16 only, and into other blocks");
    if (!knownBlock(x.layout.block) || !knownBlock(y.layout.block))
      return Verdict::no("a channel block is not a power of two up to 32");
    for (const TensorDesc* t : {&x, &y})
      if (hasZeroPoints(op.attrs) && t->layout.block > 1 && t->shape.size() > 1 &&
          t->shape[1] % t->layout.block != 0)
        return Verdict::no("padding lanes would not stay 0");
    if (x.shape.size() < 2 && (x.layout.block > 1 || y.layout.block > 1))
      return Verdict::no("the tensor has no channels");
    return Verdict::yes();
  }

  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    std::vector<BlockChoice> choices;
    if (op.inputs.size() > 1 || op.outputs.size() > 1) return {BlockChoice::uniform(op, 1)};
    const auto add = [&](int from, int to) {
      if (op.inputs[0].blockable() || (from == 1 && to == 1)) choices.push_back({{from}, {to}});
    };
    for (const int block : {1, 4, 8, 16, 32}) add(1, block);
    for (const int block : {4, 8, 16, 32}) add(block, 1);
    add(4, 16);
    add(32, 8);
    add(16, 16);
    if (op.op == "QPointwise") add(16, 4), add(4, 4), add(16, 32), add(32, 16), add(32, 32);
    return choices;
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    if (byTiles(p, device)) return planTiles(p, device);
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    const bool convert = p.op == "QPointwise" || x.type != y.type;
    const int block = std::max(x.layout.block, y.layout.block);
    // Planar on both sides: an item is one run of elements whatever its extents are.
    const std::int64_t channels = block == 1 ? 1 : x.shape[1];
    const std::int64_t plane = block == 1 ? x.itemElements() : planeSize(x);
    KernelCall call{"reformat/reformat.cl", "reformat"};
    addDefine(call.defines, "P_XBLOCK", x.layout.block);
    addDefine(call.defines, "P_YBLOCK", y.layout.block);
    call.defines.emplace_back("P_XTYPE", convert ? clType(x.type) : rawType(x.type));
    call.defines.emplace_back("P_YTYPE", convert ? clType(y.type) : rawType(y.type));
    addDefine(call.defines, "P_CONVERT", convert);
    addDefine(call.defines, "P_ZEROS", hasZeroPoints(p.attrs));
    addDefine(call.defines, "P_YCODE", convert && y.type == DataType::Int8);
    setFlat(call, plane, device);
    call.global.push_back(static_cast<std::size_t>(ceilDiv(channels, block)));
    call.global.push_back(static_cast<std::size_t>(x.shape.empty() ? 1 : x.shape[0]));
    call.local.resize(3, 1);
    call.args = {KernelArg::input(0), KernelArg::output(0), KernelArg::ofInt(channels),
                 KernelArg::ofInt(plane)};
    addLayoutArgs(call.args, x);
    addLayoutArgs(call.args, y);
    const auto [scale, rate, xZero, yZero] = factors(p);
    for (const float value : {scale, rate, xZero, yZero}) call.args.push_back(KernelArg::ofFloat(value));
    return {{call}, {}, {}};
  }

  Cost cost(const Problem& p, const DeviceCaps&) const override {
    return {0, static_cast<double>(p.inputs[0].bytes() + p.outputs[0].bytes()), 0.5};
  }

  std::vector<OpInstance> samples() const override {
    // Planes below one tile of 16 positions, of whole tiles, of several work-items with a tail.
    return {makeSample("Reformat", {}, {f32({2, 20, 1, 9})}),
            makeSample("Reformat", {}, {f32({1, 16, 4, 8})}),
            makeSample("Reformat", {}, {f32({2, 37, 7, 61})}),
            makeSample("Reformat", {}, {{DataType::Int8, {2, 37, 7, 61}, {}}}),
            makeSample("Cast", {{"to", std::string("f16")}}, {f32({2, 37, 7, 61})}, {Fill::uniform(-4, 4)}),
            makeSample("Cast", {{"to", std::string("f32")}}, {{DataType::Float16, {2, 20, 5, 13}, {}}})};
  }
};

}  // namespace

void addFamilies_reformat(FamilyList& list) { list.add<Reformat>({"Reformat", "QPointwise", "Cast"}); }

}  // namespace tessera
