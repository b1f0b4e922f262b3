// pointwise: unary and binary operators, Where, Cast, Scale, BatchNorm and chains of them, from generated
// expressions.
//
// Three kernels: flat (all operands lie alike, or hold one value), channel (some hold one value per channel)
// and strided (any broadcast). The work is moving memory, so the only tunable is the vector's width.
#include <algorithm>

#include "clkernels/common/in_chains.hpp"
#include "clkernels/common/strided.hpp"
#include "clkernels/embedded.hpp"
#include "clkernels/pointwise/pointwise_code.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

using Mode = PointwiseJob::Mode;

std::string number(std::size_t i) { return std::to_string(i); }

/// Largest power of two up to `limit` that divides the vectorised run and fits the mode.
int widestVector(const PointwiseJob& job, int limit) {
  if (job.compute != ComputeType::Float || job.mode == Mode::Strided) return 1;
  if (job.mode == Mode::Channel && job.output.layout.block > 1)
    return std::min(limit, job.output.layout.block);
  return limit;
}

/// Whether vectors of `width` at multiples of it are aligned in this operand.
bool aligned(const TensorDesc& t, std::int64_t batch, std::int64_t items, int width) {
  return t.layout.offset % width == 0 && (items == 1 || batch % width == 0);
}

/// Scales and zero points of codes and the rate of a coded result are arguments, so that layers share
/// programs.
std::string declareScales(const PointwiseJob& job) {
  std::string parameters;
  for (std::size_t k = 0; k < job.operands.size(); ++k) parameters += declareScale(job, k);
  return parameters + declareRate(job);
}
void addChainScales(const PointwiseJob& job, KernelCall& call) {
  for (std::size_t k = 0; k < job.operands.size(); ++k) addScaleArgs(job, k, call.args);
  addRateArgs(job, call.args);
}
/// What is stored, from the opening of the chain's call on; `close` ends it.
std::string opening(const PointwiseJob& job, const std::string& function) {
  return job.rate > 0 ? "encode" + function + "(" + function + "(" : function + "(";
}
std::string closing(const PointwiseJob& job) { return job.rate > 0 ? "), " + rateNames(job) + ")" : ")"; }

/// Declares the operands' pointers, offsets and batch strides.
std::string declareOperands(const PointwiseJob& job) {
  std::string parameters = declareScales(job), advance;
  for (std::size_t k = 0; k < job.operands.size(); ++k) {
    const std::string i = number(k);
    parameters += "__global const " + clType(job.operands[k].desc.type) + "* x" + i + ", int o" + i +
                  ", int b" + i + ", ";
    advance += " x" + i + " += o" + i + " + n * b" + i + ";";
  }
  return "#define P_PARAMETERS " + parameters + "\n#define P_ADVANCE(n)" + advance + "\n";
}

/// The macro `macro`(i, c): f at element i of the item, channel c, in vectors of `width`.
std::string valueMacro(const PointwiseJob& job, const std::string& macro, const std::string& function,
                       int width, std::int64_t items) {
  const bool blocked = job.output.layout.block > 1;
  const bool wholeRuns = job.mode == Mode::Flat || blocked || planeSize(job.output) % width == 0;
  std::string text = "#define " + macro + "(i, c) " + opening(job, function);
  for (std::size_t k = 0; k < job.operands.size(); ++k) {
    const PointwiseOperand& operand = job.operands[k];
    const std::string pointer = "x" + number(k);
    const auto load = [&](int lanes, bool isAligned, const std::string& index) {
      return decodedText(job, k, loadText(operand.desc.type, job.compute, lanes, isAligned, pointer, index));
    };
    const auto splat = [&](const std::string& one) {
      return "((" + computeName(job.compute, width) + ")(" + one + "))";
    };
    if (k) text += ", ";
    if (operand.kind == OperandKind::Full)
      text += load(width, wholeRuns && aligned(operand.desc, operand.batch, items, width), "i");
    else if (operand.kind == OperandKind::Scalar)
      text += splat(load(1, false, "0"));
    else if (!blocked || width == 1)
      text += splat(load(1, false, "c"));
    else
      text += decodedText(job, k, "channelsOf" + number(k) + "(" + pointer + ", c, channels)");
  }
  return text + closing(job) + "\n";
}

/// Functions that read the values of `width` channels, zeros beyond the last one.
std::string channelLoads(const PointwiseJob& job, int width) {
  std::string text;
  for (std::size_t k = 0; k < job.operands.size(); ++k) {
    const PointwiseOperand& operand = job.operands[k];
    if (operand.kind != OperandKind::Channel) continue;
    const std::string type = computeName(job.compute, width);
    const auto load = [&](int lanes, const std::string& index) {
      return loadText(operand.desc.type, job.compute, lanes, false, "x", index);
    };
    text += "static inline " + type + " channelsOf" + number(k) + "(__global const " +
            clType(operand.desc.type) + "* x, int c, int channels) {\n";
    if (job.tail)
      text += "  if (c + " + number(width) + " > channels) {\n    " + computeName(job.compute) + " v[" +
              number(width) + "];\n    for (int l = 0; l < " + number(width) +
              "; ++l) v[l] = c + l < channels ? " + load(1, "c + l") + " : 0;\n    return vload" +
              number(width) + "(0, v);\n  }\n";
    text += "  return " + load(width, "c") + ";\n}\n";
  }
  return text;
}

/// One extent that all operands walk alike; strides: those of the operands, then the output's.
struct Dimension {
  std::int64_t extent = 1;
  std::vector<std::int64_t> strides;
};

/// Extents of the output, innermost first, merged where every operand allows.
std::vector<Dimension> mergedDimensions(const PointwiseJob& job) {
  const Shape& out = job.output.shape;
  std::vector<Dimension> dims;
  for (std::size_t d = out.size(); d-- > 0;) {
    if (out[d] == 1) continue;
    Dimension dim{out[d], {}};
    const auto strideIn = [&](const TensorDesc& t) -> std::int64_t {
      const std::size_t missing = out.size() - t.shape.size();
      if (d < missing || t.shape[d - missing] == 1) return 0;
      if (d == missing) return t.batchStride();
      return extentProduct(t.shape, d - missing + 1, t.shape.size());
    };
    for (const auto& operand : job.operands) dim.strides.push_back(strideIn(operand.desc));
    dim.strides.push_back(strideIn(job.output));
    const auto continues = [&] {
      for (std::size_t k = 0; k < dim.strides.size(); ++k)
        if (dim.strides[k] != dims.back().strides[k] * dims.back().extent) return false;
      return true;
    };
    if (!dims.empty() && continues())
      dims.back().extent *= dim.extent;
    else
      dims.push_back(std::move(dim));
  }
  while (dims.size() < 2) dims.push_back({1, std::vector<std::int64_t>(job.operands.size() + 1, 0)});
  return dims;
}

/// Element index of operand `k` at the coordinates; the innermost stride is spelled out so that it
/// vectorises.
std::string indexText(const std::vector<Dimension>& dims, std::size_t k) {
  std::string text = "o" + number(k);
  for (std::size_t d = 0; d < dims.size(); ++d) {
    const std::int64_t stride = dims[d].strides[k];
    if (d == 0 && stride <= 1)
      text += stride ? " + d0" : "";
    else
      text += " + d" + number(d) + " * s" + number(k) + "_" + number(d);
  }
  return text;
}

class Pointwise final : public KernelFamily, public InChains {
 public:
  FamilyId id() const override { return {"pointwise", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.outputs.size() > 1) return Verdict::no("it stores one result");
    try {
      pointwiseJob(op);
      return Verdict::yes();
    } catch (const Error& error) {
      return Verdict::no(error.what());
    }
  }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }

  TacticSpace space(const Problem& p, const DeviceCaps&) const override {
    const PointwiseJob job = pointwiseJob(p);
    std::vector<int> widths;
    for (const int width : {1, 4, 8, 16})
      if (width <= widestVector(job, 16)) widths.push_back(width);
    return {{{"W", widths}}, {}};
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return {{"W", widestVector(pointwiseJob(p), device.isCpu() ? 16 : 4)}};
  }

  // Few items are there at a time: each has several loads under way.
  std::optional<Tactic> chained(const Problem& p, const DeviceCaps& device) const override {
    int width = widestVector(pointwiseJob(p), 16);
    while (width > 4 && p.outputs[0].size() / width < kChainItemsPerUnit * device.computeUnits) width /= 2;
    return Tactic{{"W", width}};
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const PointwiseJob job = pointwiseJob(p);
    const int width = tactic.get("W");
    KernelCall call;
    call.defines = tacticDefines(tactic);
    call.defines.emplace_back("P_YTYPE", clType(job.output.type));
    call.prologue = "#pragma OPENCL FP_CONTRACT OFF\n" + kernelSource("common/operand.cl");
    if (job.compute != ComputeType::Float) {
      const std::string type = computeName(job.compute);
      call.prologue += "#define INTEGER " + type + "\n#define UNSIGNED u" + type + "\n" +
                       kernelSource("common/pointwise_integer.cl");
    }
    if (width > 1) call.prologue += chainFunction(job, "chainVector", width);
    switch (job.mode) {
      case Mode::Flat:
        planFlat(job, width, device, call);
        break;
      case Mode::Channel:
        planChannel(job, width, device, call);
        break;
      case Mode::Strided:
        planStrided(job, device, call);
        break;
    }
    return {{call}, {}, {}};
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.efficiency = 0.2;
    return cost;
  }

  std::vector<OpInstance> samples() const override;

 private:
  /// Operand access for the flat and channel kernels.
  static void addAccess(const PointwiseJob& job, int width, std::int64_t items, KernelCall& call) {
    const TensorDesc& y = job.output;
    const bool wholeRuns = job.mode == Mode::Flat || y.layout.block > 1 || planeSize(y) % width == 0;
    const bool alignedStore = wholeRuns && aligned(y, y.batchStride(), items, width);
    call.prologue += declareOperands(job);
    addChainScales(job, call);
    if (width > 1) {
      call.prologue += channelLoads(job, width);
      call.prologue += valueMacro(job, "P_VECTOR", "chainVector", width, items);
    }
    call.prologue += chainFunction(job, "chainScalar", 1) +
                     valueMacro(job, "P_SCALAR", "chainScalar", 1, items) +
                     storeFunctions(y.type, job.compute, width, alignedStore, job.rate > 0);
    for (const auto& operand : job.operands) {
      call.args.push_back(KernelArg::input(operand.input));
      call.args.push_back(KernelArg::ofInt(operand.desc.layout.offset));
      call.args.push_back(KernelArg::ofInt(operand.batch));
    }
    call.args.push_back(KernelArg::output(0));
    addLayoutArgs(call.args, y);
  }
  static void planFlat(const PointwiseJob& job, int width, const DeviceCaps& device, KernelCall& call) {
    const TensorDesc& y = job.output;
    const std::int64_t items = job.oneItem || y.shape.empty() ? 1 : y.shape[0];
    const std::int64_t all = (y.shape.empty() ? 1 : y.shape[0]) * y.itemElements();
    const std::int64_t count = items == 1 ? all : y.itemElements();
    call.source = "pointwise/pointwise_flat.cl";
    call.entry = "pointwise_flat";
    addAccess(job, width, items, call);
    call.args.push_back(KernelArg::ofInt(count));
    setFlat(call, ceilDiv(count, width), device);
    call.global.push_back(static_cast<std::size_t>(count ? items : 0));
    call.local.push_back(1);
  }

  static void planChannel(const PointwiseJob& job, int width, const DeviceCaps& device, KernelCall& call) {
    const TensorDesc& y = job.output;
    const std::int64_t plane = planeSize(y), block = y.layout.block;
    call.source = "pointwise/pointwise_channel.cl";
    call.entry = "pointwise_channel";
    addDefine(call.defines, "P_BLOCK", block);
    // Single loads of a value per channel do not look out for the last channel.
    addDefine(call.defines, "P_MASK", job.mask || (job.tail && width == 1));
    addAccess(job, width, y.shape[0], call);
    call.args.push_back(KernelArg::ofInt(y.shape[1]));
    call.args.push_back(KernelArg::ofInt(plane));
    setFlat(call, ceilDiv(plane * block, width), device);
    call.global.push_back(static_cast<std::size_t>(ceilDiv(y.shape[1], block)));
    call.global.push_back(static_cast<std::size_t>(y.shape[0]));
    call.local.resize(3, 1);
  }

  static void planStrided(const PointwiseJob& job, const DeviceCaps& device, KernelCall& call) {
    const auto dims = mergedDimensions(job);
    call.source = "pointwise/pointwise_strided.cl";
    call.entry = "pointwise_strided";
    std::string parameters = declareScales(job);
    std::string value = "#define P_VALUE " + opening(job, "chainScalar"),
                coordinates = "#define P_COORDINATES";
    const std::size_t operands = job.operands.size();
    addChainScales(job, call);
    for (std::size_t k = 0; k < operands; ++k) {
      const std::string i = number(k);
      parameters += "__global const " + clType(job.operands[k].desc.type) + "* x" + i + ", int o" + i + ", ";
      call.args.push_back(KernelArg::input(job.operands[k].input));
      call.args.push_back(KernelArg::ofInt(job.operands[k].desc.layout.offset));
      value += (k ? ", " : "") + decodedText(job, k,
                                             loadText(job.operands[k].desc.type, job.compute, 1, false,
                                                      "x" + i, indexText(dims, k)));
    }
    for (std::size_t d = 0; d < dims.size(); ++d) {
      parameters += "int e" + number(d) + ", ";
      call.args.push_back(KernelArg::ofInt(dims[d].extent));
      for (std::size_t k = 0; k <= operands; ++k) {
        parameters += "int s" + number(k) + "_" + number(d) + ", ";
        call.args.push_back(KernelArg::ofInt(dims[d].strides[k]));
      }
    }
    std::string left = "rest";
    for (std::size_t d = 2; d < dims.size(); ++d) {
      const std::string i = number(d);
      const bool last = d + 1 == dims.size();
      coordinates += " const int d" + i + " = " + (last ? left : left + " % e" + i) + ";";
      left = "(" + left + " / e" + i + ")";
    }
    std::string target = indexText(dims, operands);
    target.replace(0, 1 + number(operands).size(), "yOffset");
    call.prologue += chainFunction(job, "chainScalar", 1) +
                     storeFunctions(job.output.type, job.compute, 1, false, job.rate > 0) +
                     "#define P_PARAMETERS " + parameters + "\n" + value + closing(job) + "\n" + coordinates +
                     "\n#define P_Y " + target + "\n";
    call.args.push_back(KernelArg::output(0));
    call.args.push_back(KernelArg::ofInt(job.output.layout.offset));
    std::int64_t outer = 1;
    for (std::size_t d = 2; d < dims.size(); ++d) outer *= dims[d].extent;
    setGrid(call, dims[0].extent, dims[1].extent, outer, device);
  }
};

std::vector<OpInstance> Pointwise::samples() const {
  const auto half = [](Shape shape) { return TensorDesc{DataType::Float16, std::move(shape), {}}; };
  const std::string chain = "t0=Mul(x0,x1);t1=Add(t0,x2);t2=Exp(t1)";
  return {makeSample("Add", {}, {half({2, 18, 5, 7}), half({2, 18, 5, 7})}),
          makeSample("Mul", {}, {half({2, 18, 5, 7}), half({1, 18, 1, 1})}),
          makeSample("Exp", {}, {half({1, 18, 5, 7})}),
          makeSample("Pointwise", {{"expression", chain}}, {f32({2, 18, 6, 8}), f32({18, 1, 1}), f32({1})}),
          makeSample("Pointwise", {{"expression", chain}},
                     {f32({2, 48, 6, 8}), f32({2, 48, 1, 1}), f32({1, 48, 6, 8})}),
          makeSample("Mul", {}, {f32({2, 1, 6, 8}), f32({2, 5, 6, 8})})};
}

}  // namespace

void addFamilies_pointwise(FamilyList& list) {
  static const Pointwise pointwise;
  std::vector<std::string> ops = {"Where", "Cast", "Pointwise", "QPointwise", "Scale", "BatchNorm"};
  for (const auto& row : pointwiseTable()) ops.emplace_back(row.name);
  list.add(pointwise, ops);
}

}  // namespace tessera
