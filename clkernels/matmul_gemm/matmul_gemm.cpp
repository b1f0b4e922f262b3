// matmul_gemm, fc_gemm: matrix products tiled through local memory, for GPUs. fc_gemm is for layers of many
// items.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "clkernels/common/constraint.hpp"
#include "clkernels/common/epilogue.hpp"
#include "clkernels/common/gpu_model.hpp"
#include "clkernels/common/image.hpp"
#include "clkernels/common/storage.hpp"
#include "clkernels/conv_gemm/gemm_shape.hpp"
#include "ops/matmul.hpp"

namespace tessera {
namespace {

struct MatMulTactic {
  int m = 64, n = 64, k = 16, wm = 4, wn = 4, va = 1, vb = 1;
  static constexpr auto fields() {
    using F = Field<MatMulTactic>;
    return std::tuple{F{"M", &MatMulTactic::m},   F{"N", &MatMulTactic::n},   F{"K", &MatMulTactic::k},
                      F{"WM", &MatMulTactic::wm}, F{"WN", &MatMulTactic::wn}, F{"VA", &MatMulTactic::va},
                      F{"VB", &MatMulTactic::vb}};
  }
  int items() const { return m / wm * (n / wn); }
  int localBytes() const { return 2 * k * (m + 4 + n) * static_cast<int>(sizeof(float)); }
};

// One reading of MatMul and FullyConnected.
struct Product {
  MatMulShape shape;
  std::int64_t aRow, yRow, residualRow = 0;
  bool alignedA, alignedN;
  bool fullyConnected;

  explicit Product(const OpView& op) : fullyConnected(traitsOf(op.op).weights.has_value()) {
    const TensorDesc &a = op.inputs[0], &y = op.outputs[0];
    if (fullyConnected) {
      shape.m = y.shape[0], shape.n = y.shape[1], shape.k = op.inputs[1].shape[1];
      shape.aItem = shape.bItem = {0};
      aRow = a.batchStride(), yRow = y.batchStride();
    } else {
      shape = matMulShape(a.shape, op.inputs[1].shape);
      aRow = shape.k, yRow = shape.n;
    }
    alignedA = shape.k % 4 == 0 && aRow % 4 == 0 && a.layout.offset % 4 == 0;
    alignedN = shape.n % 4 == 0 && yRow % 4 == 0 && y.layout.offset % 4 == 0;
    if (fullyConnected && op.has(kResidualInput)) {
      const TensorDesc& residual = op.inputs[kResidualInput];
      residualRow = residual.batchStride();
      alignedN = alignedN && residualRow % 4 == 0 && residual.layout.offset % 4 == 0;
    }
  }
  double products() const { return static_cast<double>(shape.aItem.size()); }
};

constexpr std::array kTiles{std::array{128, 128, 8, 8}, std::array{128, 64, 8, 8}, std::array{64, 128, 8, 8},
                            std::array{64, 64, 8, 4},   std::array{64, 64, 4, 4},  std::array{32, 64, 4, 4},
                            std::array{64, 32, 4, 4},   std::array{32, 32, 4, 4},  std::array{16, 64, 4, 4}};

TacticSpace productSpace(const Product& p, const DeviceCaps& device) {
  TacticSpace space;
  space.parameters = {{"M", {16, 32, 64, 128}},
                      {"N", {32, 64, 128}},
                      {"K", {8, 16}},
                      {"WM", {4, 8}},
                      {"WN", {4, 8}},
                      {"VA", p.alignedA ? std::vector{1, 4} : std::vector{1}},
                      {"VB", p.alignedN ? std::vector{1, 4} : std::vector{1}}};
  const auto most = static_cast<int>(std::min<std::size_t>(device.maxWorkGroup, 256));
  require<MatMulTactic>(
      space, "a work-group has at most " + std::to_string(most) + " items, and at least 32",
      [most](const MatMulTactic& t) { return t.items() <= most && t.items() >= std::min(32, most); });
  const auto local = static_cast<int>(std::min<std::size_t>(device.localMemory, std::size_t{1} << 20));
  require<MatMulTactic>(space,
                        "both tiles, each twice, fit local memory (" + std::to_string(local) + " bytes)",
                        [local](const MatMulTactic& t) { return t.localBytes() <= local; });
  return space;
}

// Waves of work-groups, each paying its tile's instructions or, alone on a unit, its latency (see
// gemmSeconds).
double productSeconds(const Product& p, const MatMulTactic& t, const DeviceCaps& device) {
  const GpuModel model = gpuModel(device);
  const double warps = t.items() / 32.0;
  const double instructions = t.m * t.n * t.k / 32.0 + warps * (t.k * (t.wm + t.wn) / 4.0 + 31) +
                              11.0 * t.k * (1.0 * t.m / t.va + 1.0 * t.n / t.vb) / 32;
  const double groups = p.products() * std::ceil(1.0 * p.shape.m / t.m) * std::ceil(1.0 * p.shape.n / t.n);
  const double perUnit = std::ceil(groups / device.computeUnits);
  const double registers = t.wm * t.wn + t.wm + t.wn + 40.0;
  const double together = std::clamp(std::floor(model.registers / (registers * t.items())), 1.0, perUnit);
  const double tile = std::max(together * instructions / model.warpsPerCycle,
                               model.tileCycles + model.cyclesPerStep * instructions / warps);
  return perUnit / together * (std::ceil(1.0 * p.shape.k / t.k) * tile + model.groupCycles) / model.clock;
}

MatMulTactic productFallback(const Product& p, const DeviceCaps& device) {
  MatMulTactic best;
  double least = std::numeric_limits<double>::max();
  const TacticSpace space = productSpace(p, device);
  for (const auto& [m, n, wm, wn] : kTiles)
    for (const int k : {8, 16}) {
      const MatMulTactic t{m, n, k, wm, wn, p.alignedA ? 4 : 1, p.alignedN ? 4 : 1};
      const double seconds = productSeconds(p, t, device);
      if (seconds < least && space.contains(toTactic(t))) best = t, least = seconds;
    }
  return best;
}

// FullyConnected's weights [O, I] as [I, O]
PackedConstant packTransposed(DataType type) {
  const auto pack = [](const std::vector<const HostTensor*>& inputs) {
    const HostTensor& given = *inputs.at(1);
    const std::int64_t outputs = given.shape[0], width = given.shape[1];
    HostTensor packed(DataType::Float32, {width, outputs});
    const auto from = given.as<float>();
    const auto to = packed.as<float>();
    for (std::int64_t o = 0; o < outputs; ++o)
      for (std::int64_t i = 0; i < width; ++i) to[i * outputs + o] = from[o * width + i];
    return packed;
  };
  return inStorage(type, {"fc_gemm transposed", pack});
}

PackedConstant packItems(const Product& p) {
  return {"matmul items", [shape = p.shape](const std::vector<const HostTensor*>&) {
            HostTensor table(DataType::Int32, {static_cast<std::int64_t>(shape.aItem.size()), 2});
            const auto to = table.as<std::int32_t>();
            for (std::size_t i = 0; i < shape.aItem.size(); ++i) {
              to[2 * i] = static_cast<std::int32_t>(shape.aItem[i] * shape.m * shape.k);
              to[2 * i + 1] = static_cast<std::int32_t>(shape.bItem[i] * shape.k * shape.n);
            }
            return table;
          }};
}

class MatMulGemm final : public KernelFamily {
 public:
  explicit MatMulGemm(std::string_view name) : name_(name) {}
  FamilyId id() const override { return {name_, 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    const bool fullyConnected = traitsOf(op.op).weights.has_value();
    const int residual = fullyConnected ? kResidualInput : 1;
    if (const Verdict v = allOf({sameFloatType(op, {0, 1, residual}), allPlanar(op)}); !v) return v;
    for (const int i : {0, 1, residual})
      if (op.has(i) && op.inputs[i].size() > INT32_MAX)
        return Verdict::no("more elements than 32 bits index");
    if (fullyConnected) {
      if (!op.inputs[1].constant) return Verdict::no("weights must be a constant");
      if (const auto why = whyNoEpilogue(op); !why.empty()) return Verdict::no(why);
    } else {
      for (const auto* t : {&op.inputs[0], &op.inputs[1], &op.outputs[0]})
        if (!t->dense()) return Verdict::no("operands must be dense");
    }
    const Product p(op);
    if (p.shape.aItem.size() > 65535) return Verdict::no("more than 65535 products");
    if (!productSpace(p, device).contains(toTactic(productFallback(p, device))))
      return Verdict::no("no tile fits the device's local memory and work-group limit");
    return Verdict::yes();
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return productSpace(Product(p), device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(productFallback(Product(p), device));
  }

  Launch plan(const Problem& op, const Tactic& tactic, const DeviceCaps&) const override {
    const auto t = fromTactic<MatMulTactic>(tactic);
    const Product p(op);
    Launch launch;
    launch.packed.push_back(packItems(p));
    if (p.fullyConnected) launch.packed.push_back(packTransposed(op.inputs[1].type));
    KernelCall call{"matmul_gemm/matmul_gemm.cl", "matmul_gemm", tacticDefines(tactic)};
    const auto add = [&](const char* name, std::string value) {
      call.defines.emplace_back(name, std::move(value));
    };
    add("P_M", std::to_string(p.shape.m)), add("P_N", std::to_string(p.shape.n)),
        add("P_K", std::to_string(p.shape.k));
    const bool residual = p.fullyConnected && op.has(kResidualInput);
    add("P_A", clType(op.inputs[0].type)), add("P_B", clType(op.inputs[1].type));
    add("P_Y", clType(op.outputs[0].type)),
        add("P_R", residual ? clType(op.inputs[kResidualInput].type) : "float");
    addEpilogueDefines(call.defines, op);
    call.local = {static_cast<std::size_t>(t.items()), 1};
    call.global = {static_cast<std::size_t>(ceilDiv(p.shape.m, t.m) * ceilDiv(p.shape.n, t.n) * t.items()),
                   p.shape.aItem.size()};
    call.args = {KernelArg::input(0), p.fullyConnected ? KernelArg::packed(1) : KernelArg::input(1),
                 KernelArg::packed(0)};
    addEpilogueArgs(call.args, op);
    call.args.push_back(KernelArg::output(0));
    const std::int64_t rOffset = residual ? op.inputs[kResidualInput].layout.offset : 0;
    addInts(call.args, {op.inputs[0].layout.offset, p.aRow, op.outputs[0].layout.offset, p.yRow, rOffset,
                        p.residualRow});
    launch.calls.push_back(std::move(call));
    return launch;
  }

  Cost cost(const Problem& op, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(op, device);
    const Product p(op);
    cost.operations = 2.0 * p.products() * static_cast<double>(p.shape.m * p.shape.n * p.shape.k);
    const double seconds = productSeconds(p, productFallback(p, device), device);
    cost.efficiency =
        device.isCpu() ? 0.015
                       : std::clamp(cost.operations / (seconds * kGpuOperationsPerUnit * device.computeUnits),
                                    1e-3, 0.9);
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    if (name_ == "fc_gemm")
      return {makeSample("FullyConnected", {}, {f32({40, 36}), f32({72, 36}), f32({72})}, {},
                         {false, true, true})};
    return {makeSample("MatMul", {}, {f32({2, 70, 36}), f32({36, 72})})};
  }

 private:
  std::string_view name_;
};

}  // namespace

void addFamilies_matmul_gemm(FamilyList& list) {
  list.add<MatMulGemm>({"MatMul"}, "matmul_gemm");
  list.add<MatMulGemm>({"FullyConnected"}, "fc_gemm");
}

}  // namespace tessera
