// matmul_naive: matrix products with broadcast batches, planar.
#include "clkernels/common/image.hpp"
#include "ops/matmul.hpp"

namespace tessera {
namespace {

/// Where matrix `item` of a tensor begins: its first extent may have a stride of its own.
std::int64_t matrixBegin(const TensorDesc& t, std::int64_t item, std::int64_t matrixElements) {
  const std::int64_t at = item * matrixElements;
  return t.layout.offset + at / t.itemElements() * t.batchStride() + at % t.itemElements();
}

/// Elements between the rows of a matrix; one that is a whole tensor may be a slice of wider rows.
std::int64_t rowStride(const TensorDesc& t, bool wholeMatrix, std::int64_t columns) {
  return wholeMatrix ? t.batchStride() : columns;
}

class MatMulNaive final : public KernelFamily {
 public:
  FamilyId id() const override { return {"matmul_naive", 1}; }
  bool ordersSums() const override { return true; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    for (const auto& t : {op.inputs[0], op.inputs[1], op.outputs[0]})
      if (t.shape.size() < 2 && !t.dense()) return Verdict::no("a vector is not dense");
    return allOf({sameFloatType(op, {0, 1}), allPlanar(op)});
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &a = p.inputs[0], &b = p.inputs[1], &y = p.outputs[0];
    const MatMulShape s = matMulShape(a.shape, b.shape);
    std::vector<std::int32_t> table;
    for (std::size_t item = 0; item < s.aItem.size(); ++item) {
      const std::int64_t begins[] = {matrixBegin(a, s.aItem[item], s.m * s.k),
                                     matrixBegin(b, s.bItem[item], s.k * s.n),
                                     matrixBegin(y, static_cast<std::int64_t>(item), s.m * s.n)};
      for (const std::int64_t begin : begins) table.push_back(static_cast<std::int32_t>(begin));
    }
    KernelCall call{"matmul_naive/matmul_naive.cl", "matmul_naive"};
    call.defines.emplace_back("P_T", clType(y.type));
    setFlat(call, y.size(), device);
    call.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::packed(0), KernelArg::output(0)};
    addInts(call.args, {y.size(), s.m, s.k, s.n, rowStride(a, a.shape.size() == 2, s.k),
                        rowStride(b, b.shape.size() == 2, s.n),
                        rowStride(y, y.shape.size() == 2 && s.batch.empty() && a.shape.size() == 2, s.n)});
    const auto rows = static_cast<std::int64_t>(table.size());
    return {{call}, {}, {{"begins " + p.text(), [table, rows](const auto&) {
                            return HostTensor::of<std::int32_t>({rows}, table);
                          }}}};
  }
  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2.0 * static_cast<double>(p.outputs[0].size() * p.inputs[0].shape.back());
    cost.efficiency = 0.02;
    return cost;
  }
};

}  // namespace

void addFamilies_matmul_naive(FamilyList& list) { list.add<MatMulNaive>({"MatMul"}); }

}  // namespace tessera
