// Operands for measuring, and smaller problems for checking.
#include "tune/problem.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "ops/geometry.hpp"
#include "ops/quantised.hpp"
#include "plugin/known_plugins.hpp"
#include "plugin/plugin_layer.hpp"

namespace tessera {
namespace {

constexpr double kReferenceWork = 2e7;  // some 50 ms

// Whether there are weights to look at (problems come from records, too).
bool hasWeights(const OpView& v) {
  return traitsOf(v.op).weights && v.inputs.size() > 1 && v.inputs[1].shape.size() >= 2;
}
bool slides(const OpView& v) { return hasWeights(v) && traitsOf(v.op).window; }

// Terms of one sum of the operator.
double terms(const OpView& v) {
  if (!hasWeights(v)) return 1;
  const TensorDesc& weights = v.inputs[1];
  return static_cast<double>(weights.size()) /
         static_cast<double>(std::max<std::int64_t>(weights.shape[0], 1));
}

// Repeats a pattern whose length shares no factor with extents, so that no two rows are alike.
template <class Distribution>
void fill(HostTensor& t, Distribution distribution, unsigned seed) {
  constexpr std::int64_t kPeriod = 65521;
  std::mt19937 random(seed);
  const std::int64_t n = t.size(), fresh = std::min(n, kPeriod);
  for (std::int64_t i = 0; i < fresh; ++i) t.setNumber(i, distribution(random));
  const std::size_t size = byteSize(t.type);
  for (std::int64_t i = fresh; i < n; i += fresh)
    std::memcpy(&t.data[i * size], t.data.data(), std::min(fresh, n - i) * size);
}
void fillFloats(HostTensor& t, double low, double high, unsigned seed) {
  fill(t, std::uniform_real_distribution<double>(low, high), seed);
}
void fillIntegers(HostTensor& t, int low, int high, unsigned seed) {
  fill(t, std::uniform_int_distribution<int>(low, high), seed);
}

// Infers the outputs anew; false where the operator refuses the operands.
bool inferAnew(OpView& v) {
  try {
    v.outputs = inferOutputs(operatorNamed(v.op), v.attrs, v.inputs);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Operands that had the output's shape (residuals) take its new one.
bool finish(OpView& small, const OpView& whole) {
  std::vector<std::size_t> like;
  for (std::size_t i = 2; i < small.inputs.size(); ++i)
    if (whole.has(i) && !whole.inputs[i].constant && whole.inputs[i].shape == whole.outputs[0].shape)
      like.push_back(i);
  OpView bare = small;
  for (const std::size_t i : like) bare.inputs[i] = {};
  if (!inferAnew(bare)) return false;
  for (const std::size_t i : like) small.inputs[i].shape = bare.outputs[0].shape;
  return inferAnew(small);
}

// More than two blocks of 16 stay, fewer where each has many taps; so does a last block that is not full.
std::int64_t fewer(std::int64_t channels, std::int64_t taps) {
  const std::int64_t whole = taps > 20 ? 32 : 48;
  return channels <= whole + 16 ? channels : whole + channels % 16;
}

void shrinkChannels(OpView& v) {
  if (!hasWeights(v) || (slides(v) && windowOf(v).group != 1)) return;
  Shape &x = v.inputs[0].shape, &w = v.inputs[1].shape;
  const auto [_, in, out] = *traitsOf(v.op).weights;
  if (x.size() < 2 || x[1] != w[in]) return;  // a flattened input
  const std::int64_t outputs = w[out], taps = elementCount(w) / std::max<std::int64_t>(w[0] * w[1], 1);
  for (std::size_t i = 2; i < v.inputs.size(); ++i)
    if (v.has(i) && v.inputs[i].shape == Shape{outputs}) v.inputs[i].shape = {fewer(outputs, taps)};
  x[1] = w[in] = fewer(x[1], taps);
  w[out] = fewer(outputs, taps);
}

// Every layer of an INT8 network has scales and zero points of its own, which no kernel's speed depends on
// (but for whether the input's is 0, which takes no correction of sums): with some that spread codes over
// their range, layers alike are one problem, and a new calibration makes none of it new.
void setStandardScales(OpView& view) {
  if (!traitsOf(view.op).quantised()) return;
  constexpr double kScale = 0.02, kRate = 30;
  for (const char* name : {"scale", "residual_scale"})
    if (view.attrs.has(name)) view.attrs.set(name, kScale);
  if (view.attrs.has("rate")) view.attrs.set("rate", kRate);
  constexpr std::int64_t kZero = -3;
  for (const char* name : {"zero", "residual_zero"})
    if (view.attrs.has(name)) view.attrs.set(name, kZero);
  if (view.attrs.integer("x_zero") != 0) view.attrs.set("x_zero", kZero);
  if (view.attrs.has("zeros"))
    view.attrs.set("zeros", std::vector<std::int64_t>(view.attrs.integers("zeros").size(), kZero));
  if (!view.attrs.has("scales")) return;
  std::vector<double> scales = view.attrs.numbers("scales");
  for (double& scale : scales)
    if (scale > 0) scale = kScale;  // 0: no codes
  view.attrs.set("scales", std::move(scales));
}

}  // namespace

OpView withDenseLayouts(OpView view) {
  for (auto* operands : {&view.inputs, &view.outputs})
    for (TensorDesc& t : *operands) t.layout = {t.layout.block, 0, 0};
  return view;
}

OpView denseView(OpView view) {
  setStandardScales(view);
  return withDenseLayouts(std::move(view));
}

OpView planarView(OpView view) {
  setStandardScales(view);
  for (auto* operands : {&view.inputs, &view.outputs})
    for (TensorDesc& t : *operands) t.layout = {};
  return view;
}

OpView inBlocksOf(OpView planar, const OpView& like) {
  for (std::size_t i = 0; i < planar.inputs.size(); ++i)
    planar.inputs[i].layout = {like.inputs.at(i).layout.block, 0, 0};
  for (std::size_t i = 0; i < planar.outputs.size(); ++i)
    planar.outputs[i].layout = {like.outputs.at(i).layout.block, 0, 0};
  return planar;
}

std::string whyNotMeasured(const OpView& view) {
  for (const TensorDesc& t : view.inputs)
    if (t.type == DataType::Int32 || t.type == DataType::Int64)
      return "an input holds integers, which may be indices";
  for (const auto* operands : {&view.inputs, &view.outputs})
    for (const TensorDesc& t : *operands)
      if (t.present() && t.size() == 0) return "an operand is empty";
  return {};
}

std::vector<HostTensor> madeUpOperands(const OpView& view) {
  if (const auto plugin = findPlugin(view.op)) return drawnInputs(*plugin, view.inputs);
  std::vector<HostTensor> operands;
  for (std::size_t i = 0; i < view.inputs.size(); ++i) {
    const TensorDesc& desc = view.inputs[i];
    if (!desc.present()) {
      operands.emplace_back();
      continue;
    }
    HostTensor t(desc.type, desc.shape);
    const auto seed = static_cast<unsigned>(101 + i);
    switch (desc.type) {
      case DataType::Int8:
        fillIntegers(t, i == 0 && view.attrs.integer("nonnegative") ? 0 : -127, 127, seed);
        break;
      case DataType::UInt8:
        fillIntegers(t, 0, 255, seed);
        break;
      case DataType::Bool:
        fillIntegers(t, 0, 1, seed);
        break;
      case DataType::Float32:
      case DataType::Float16:
        if (hasWeights(view) && traitsOf(view.op).quantised() && i == kMultiplierInput) {
          // Codes spread over their range: the sum of n products of codes is about sqrt(n) * 5400.
          const double top = 80 / view.attrs.number("rate", 1) / (5400 * std::sqrt(terms(view)));
          fillFloats(t, top / 4, top, seed);
        } else {
          fillFloats(t, -1, 1, seed);
        }
        break;
      default:
        break;
    }
    operands.push_back(std::move(t));
  }
  return operands;
}

double referenceWork(const OpView& v) {
  double work = 0;
  for (const auto* operands : {&v.inputs, &v.outputs})
    for (const TensorDesc& t : *operands)
      if (t.present() && !t.constant) work += static_cast<double>(t.size());
  if (hasWeights(v)) work += static_cast<double>(v.inputs[1].size());
  if (const auto multiplyAdds = traitsOf(v.op).multiplyAdds) work += multiplyAdds(v);
  if (findPlugin(v.op)) work += traitsOf(v.op).otherWork(v);
  return work;
}

std::vector<OpView> shrunken(const OpView& view) {
  const OpView whole = planarView(view);
  std::vector<OpView> views;
  const auto keep = [&](const OpView& v) {
    if (referenceWork(v) <= kReferenceWork && std::find(views.begin(), views.end(), v) == views.end())
      views.push_back(v);
  };
  const Shape& full = whole.inputs.empty() ? Shape{} : whole.inputs[0].shape;
  if (full.size() >= 2) {
    Shape span(full.size(), 1);
    if (slides(whole)) {
      const Window w = windowOf(whole);
      for (std::size_t i = 2; i < full.size(); ++i) span[i] = w.span(static_cast<int>(i + 3 - full.size()));
    }
    using Sizes = std::pair<std::int64_t, std::int64_t>;
    for (const auto& [rows, columns] : {Sizes{7, 13}, Sizes{7, 35}, Sizes{9, 131}, Sizes{17, 515}})
      for (const bool allChannels : {false, true}) {
        OpView small = whole;
        Shape to = full;
        to[0] = std::min<std::int64_t>(full[0], 2);
        for (std::size_t i = 2; i < full.size(); ++i)
          to[i] = std::min(full[i], (i + 1 == full.size() ? columns : rows) + span[i] - 1);
        for (std::size_t i = 0; i < small.inputs.size(); ++i) {
          TensorDesc& t = small.inputs[i];
          if (t.constant || t.shape.size() != full.size()) continue;
          for (std::size_t d = 0; d < full.size(); ++d)
            if (d != 1 && t.shape[d] == full[d]) t.shape[d] = to[d];
        }
        if (!allChannels) shrinkChannels(small);
        if (finish(small, whole)) keep(small);
      }
  }
  keep(whole);
  return views;
}

}  // namespace tessera
