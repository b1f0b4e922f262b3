// OpenCL text of pointwise chains.
#include "clkernels/pointwise/pointwise_code.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "clkernels/common/work_size.hpp"
#include "clkernels/embedded.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

std::string widthText(int width) { return width == 1 ? "" : std::to_string(width); }

/// A number as a literal of the compute type.
std::string literal(ComputeType compute, float value) {
  if (compute == ComputeType::Float) return floatLiteral(value);
  const std::int64_t whole = saturatedInteger(value);
  if (compute == ComputeType::Int) {
    const auto narrow = std::clamp<std::int64_t>(whole, std::numeric_limits<std::int32_t>::min(),
                                                 std::numeric_limits<std::int32_t>::max());
    return narrow == std::numeric_limits<std::int32_t>::min() ? "(-2147483647 - 1)"
                                                              : "(" + std::to_string(narrow) + ")";
  }
  return whole == std::numeric_limits<std::int64_t>::min() ? "(-9223372036854775807L - 1)"
                                                           : "(" + std::to_string(whole) + "L)";
}

/// The table's row as a function `name`.
std::string rowFunction(const PointwiseOp& row, ComputeType compute, const std::string& name,
                        const std::string& type) {
  const bool real = compute == ComputeType::Float;
  const std::string expression(real ? row.expression : row.integerExpression);
  const std::string operands = row.arity() == 1 ? type + " x" : type + " a, " + type + " b";
  return "static inline " + type + " " + name + "(" + operands + ", " + type + " alpha, " + type +
         " beta) {\n  return " + (row.toBool() ? "(" + expression + ") ? LIT(1) : LIT(0)" : expression) +
         ";\n}\n";
}

/// The functions of common/defined_math.cl that the expression of a row calls, for values of `width`.
std::string definedFunctions(const std::set<const PointwiseOp*>& rows, int width) {
  std::set<std::string> called;
  for (const PointwiseOp* row : rows) {
    const std::string_view text = row->expression;
    for (auto at = text.find("defined"); at != std::string_view::npos; at = text.find("defined", at + 1))
      called.emplace(text.substr(at, text.find('(', at) - at));
  }
  if (called.empty()) return "";
  std::string code =
      "#define MATH_WIDTH " + std::to_string(width) + "\n" + kernelSource("common/defined_math.cl");
  for (const std::string& name : called)
    code += "#undef " + name + "\n#define " + name + " " + name + "_" + std::to_string(width) + "\n";
  return code;
}

/// The code of a value, still as a float; common/quant.cl has the same in OpenCL C.
std::string encodeFunction(const std::string& chain, const std::string& type, bool zeros) {
  return kernelSource("common/rounded.cl") + "static inline " + type + " encode" + chain + "(" + type +
         " value, float rate" + (zeros ? ", float zero" : "") +
         ") {\n  value = value * rate;\n  value = value == value ? value : LIT(0);\n" +
         (zeros ? "  return ROUNDED(clamp(value, LIT(-128 - zero), LIT(127 - zero))) + zero;\n}\n"
                : "  return ROUNDED(clamp(value, LIT(-127), LIT(127)));\n}\n");
}

/// Whether values of `compute` are moved from and to such elements by common/operand.cl.
bool ofOperands(DataType type, ComputeType compute) {
  const bool whole = type == DataType::Int32 || type == DataType::Int64;
  return type == DataType::Float16 || (compute == ComputeType::Float && !whole);
}

std::string access(const std::string& verb, bool aligned) { return verb + (aligned ? "_ALIGNED(" : "("); }
/// The first arguments of its macros.
std::string operandArgs(DataType type, int width) {
  return clType(type) + ", " + std::to_string(width) + ", ";
}

}  // namespace

std::string computeName(ComputeType type, int width) {
  const char* name = type == ComputeType::Float ? "float" : type == ComputeType::Int ? "int" : "long";
  return name + widthText(width);
}

std::string chainFunction(const PointwiseJob& job, const std::string& name, int width) {
  const std::string type = computeName(job.compute, width);
  std::set<const PointwiseOp*> rows;
  std::string functions;
  for (const ChainStep& step : job.chain.steps)
    if (step.row && rows.insert(step.row).second)
      functions += rowFunction(*step.row, job.compute, name + std::string(step.row->name), type);
  std::string code = job.compute == ComputeType::Float ? definedFunctions(rows, width) : "";
  code += "#undef LIT\n#define LIT(value) ((" + type + ")(value))\n" + functions;

  code += "static inline " + type + " " + name + "(";
  for (std::size_t k = 0; k < job.operands.size(); ++k)
    code += (k ? ", " : "") + type + " x" + std::to_string(k);
  code += ") {\n";
  std::string last = "x0";
  for (std::size_t i = 0; i < job.chain.steps.size(); ++i) {
    const ChainStep& step = job.chain.steps[i];
    std::vector<std::string> values;
    for (const ChainOperand& operand : step.operands) {
      if (operand.kind == ChainOperand::Kind::Number)
        values.push_back("LIT(" + literal(job.compute, operand.number) + ")");
      else
        values.push_back((operand.kind == ChainOperand::Kind::Input ? "x" : "t") +
                         std::to_string(operand.index));
    }
    last = "t" + std::to_string(i);
    code += "  const " + type + " " + last + " = ";
    if (!step.row) {
      code += values[0] + " != LIT(0) ? " + values[1] + " : " + values[2] + ";\n";
      continue;
    }
    code += name + std::string(step.row->name) + "(";
    for (const auto& value : values) code += value + ", ";
    code += "LIT(" + literal(job.compute, step.alpha) + "), LIT(" + literal(job.compute, step.beta) + "));\n";
  }
  code += "  return " + last + ";\n}\n";
  return job.rate > 0 ? code + encodeFunction(name, type, job.zeros) : code;
}

std::string declareRate(const PointwiseJob& job) {
  if (!(job.rate > 0)) return "";
  return job.zeros ? "float rate, float zero, " : "float rate, ";
}

std::string rateNames(const PointwiseJob& job) { return job.zeros ? "rate, zero" : "rate"; }

void addRateArgs(const PointwiseJob& job, std::vector<KernelArg>& args) {
  if (!(job.rate > 0)) return;
  args.push_back(KernelArg::ofFloat(job.rate));
  if (job.zeros) args.push_back(KernelArg::ofFloat(job.zero));
}

std::string decodedText(const PointwiseJob& job, std::size_t k, const std::string& value) {
  if (!(job.operands[k].scale > 0)) return value;
  const std::string i = std::to_string(k);
  return job.zeros ? "((" + value + " - zero" + i + ") * scale" + i + ")"
                   : "(" + value + " * scale" + i + ")";
}

std::string declareScale(const PointwiseJob& job, std::size_t k) {
  if (!(job.operands[k].scale > 0)) return "";
  const std::string i = std::to_string(k);
  return "float scale" + i + ", " + (job.zeros ? "float zero" + i + ", " : "");
}

void addScaleArgs(const PointwiseJob& job, std::size_t k, std::vector<KernelArg>& args) {
  if (!(job.operands[k].scale > 0)) return;
  args.push_back(KernelArg::ofFloat(job.operands[k].scale));
  if (job.zeros) args.push_back(KernelArg::ofFloat(job.operands[k].zero));
}

std::string loadText(DataType type, ComputeType compute, int width, bool aligned, const std::string& pointer,
                     const std::string& index) {
  if (ofOperands(type, compute))
    return access("LOAD", aligned) + operandArgs(type, width) + pointer + ", " + index + ")";
  const std::string w = widthText(width), at = pointer + " + (" + index + ")";
  const std::string own = clType(type) + w, wanted = computeName(compute, width);
  std::string value = width == 1 ? pointer + "[" + index + "]"
                      : aligned  ? "(*(__global const " + own + "*)(" + at + "))"
                                 : "vload" + w + "(0, " + at + ")";
  if (own == wanted) return value;
  return width == 1 ? "(" + wanted + ")" + value : "convert_" + wanted + "(" + value + ")";
}

std::string storeFunctions(DataType type, ComputeType compute, int width, bool aligned, bool inRange) {
  const std::string own = clType(type);
  const auto store = [&](const std::string& name, int lanes) {
    const std::string w = widthText(lanes), taken = computeName(compute, lanes);
    const bool rounds = ofOperands(type, compute) && type != DataType::Bool && !inRange;
    std::string value = "value";
    if (type == DataType::Bool)
      value = "convert_uchar" + w + "((value != (" + taken + ")(0)) & 1)";  // true is -1 in vectors
    else if (inRange)
      value = "convert_" + own + w + "(value)";
    else if (compute == ComputeType::Float && !isFloat(type))
      // What becomes of NaN is left to the device: make it 0.
      value =
          (rounds ? "(" : "convert_" + own + w + "_sat(") + ("value == value ? value : (" + taken) + ")(0))";
    else if (!isFloat(type) && own != computeName(compute))
      value = "(" + own + ")value";
    std::string text =
        "static inline void " + name + "(" + taken + " value, __global " + own + "* y, int i) {\n  ";
    if (rounds)
      text += access("STORE", aligned) + operandArgs(type, lanes) + value + ", y, i)";
    else if (lanes == 1)
      text += "y[i] = " + value;
    else if (aligned)
      text += "*(__global " + own + w + "*)(y + i) = " + value;
    else
      text += "vstore" + w + "(" + value + ", 0, y + i)";
    return text + ";\n}\n";
  };
  return (width > 1 ? store("storeVector", width) : std::string()) + store("storeScalar", 1);
}

}  // namespace tessera
