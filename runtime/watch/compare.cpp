// Two engines of one network compared layer by layer.
#include "tessera/compare.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "exec/engine_impl.hpp"
#include "exec/step_trace.hpp"
#include "watch/code_meaning.hpp"

namespace tessera {
namespace {

bool isFloating(DataType type) { return type == DataType::Float32 || type == DataType::Float16; }

TensorDifference differenceOf(const HostTensor& found, const HostTensor& wanted) {
  TensorDifference result;
  double signal = 0, noise = 0, most = 0, range = 0;
  for (std::int64_t i = 0; i < wanted.size(); ++i) {
    const double x = found.number(i), y = wanted.number(i);
    if (std::isfinite(y)) range = std::max(range, std::fabs(y)), signal += y * y;
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double d = std::fabs(x - y);
    noise += d * d, most = std::isnan(d) ? HUGE_VAL : std::max(most, d);
  }
  result.relative = std::isnan(noise) ? HUGE_VAL : std::sqrt(noise / std::max(signal, 1e-30));
  result.largest = most / std::max(range, 1e-30);
  return result;
}

// A step's result as floats of the source model.
struct Known {
  HostTensor value;
  DataType type = DataType::None;  ///< that the engine keeps it in
  std::string by;                  ///< family and type of the step that computed it; empty: an operand
};

class Engines {
 public:
  Engines(Context& a, Context& b, const CompareOptions& options)
      : a_(a),
        b_(b),
        options_(options),
        meaningsA_(codeMeanings(a.engine().graph())),
        meaningsB_(codeMeanings(b.engine().graph())) {}

  Comparison run(const TensorMap& inputs) {
    const Lowered &stepsA = StepTrace::stepsOf(a_), &stepsB = StepTrace::stepsOf(b_);
    const auto namesB = namesOf(stepsB);
    StepTrace::run(a_, inputs, [&](const TracedStep& traced) {
      remember(traced, stepsA, namesB);
      return true;
    });
    StepTrace::run(b_, inputs, [&](const TracedStep& traced) {
      compareRun(traced, stepsB);
      return true;
    });
    StepTrace::run(
        b_, inputs,
        [&](const TracedStep& traced) {
          compareAlone(traced, stepsB);
          return true;
        },
        [&](const Step&, std::size_t, const Value& value) { return operandFor(value); });
    judge();
    compareOutputs(inputs);
    return std::move(result_);
  }

 private:
  static std::set<std::string> namesOf(const Lowered& lowered) {
    std::set<std::string> names;
    for (const Value& value : lowered.values) names.insert(sourceName(value.name));
    return names;
  }

  static std::string howOf(const Step& step, DataType type) {
    return std::string(step.family->id().name) + " " + std::string(toString(type));
  }

  // As f32; integers other than codes as they are. None where codes mean something that is not known.
  static std::optional<HostTensor> meant(const HostTensor& value, const std::string& name,
                                         const std::map<std::string, CodeMeaning>& meanings) {
    if (value.type == DataType::Int8) {
      const auto known = meanings.find(name);
      return known == meanings.end() ? std::nullopt : std::optional(known->second.decode(value));
    }
    if (value.type != DataType::Float16) return value;
    HostTensor floats(DataType::Float32, value.shape);
    for (std::int64_t i = 0; i < value.size(); ++i) floats.setNumber(i, value.number(i));
    return floats;
  }

  void remember(const TracedStep& traced, const Lowered& lowered, const std::set<std::string>& wanted) {
    const auto add = [&](const HostTensor& value, int id, const std::string& by) {
      if (id < 0 || value.empty()) return;
      const std::string& name = lowered.values[id].name;
      const std::string source = sourceName(name);
      const auto there = known_.find(source);
      // Floats that a layer writes beside its codes are nearer to what it computed.
      if (!wanted.count(source) || (there != known_.end() && !there->second.by.empty())) return;
      if (auto floats = meant(value, name, meaningsA_)) known_[source] = {*std::move(floats), value.type, by};
    };
    const Step& step = traced.step;
    for (std::size_t i = 0; i < step.inputs.size(); ++i)
      if (!step.constants[i] &&
          (step.inputs[i] < 0 || !known_.count(sourceName(lowered.values[step.inputs[i]].name))))
        add(traced.inputs[i], step.inputs[i], {});
    for (std::size_t i = 0; i < step.outputs.size(); ++i)
      add(traced.outputs[i], step.outputs[i], step.reformat ? "" : howOf(step, traced.outputs[i].type));
  }

  // What a step can be expected to keep: its result's type, or that of an activation that it reads.
  static DataType coarsest(const TracedStep& traced, std::size_t output) {
    DataType type = traced.outputs[output].type;
    for (std::size_t i = 0; i < traced.inputs.size(); ++i) {
      if (traced.step.constants[i]) continue;
      const DataType read = traced.inputs[i].type;
      if (read == DataType::Int8 || (read == DataType::Float16 && type != DataType::Int8)) type = read;
    }
    return type;
  }

  void compareRun(const TracedStep& traced, const Lowered& lowered) {
    const Step& step = traced.step;
    if (step.reformat) return;
    bool compared = false;
    for (std::size_t i = 0; i < step.outputs.size(); ++i) {
      if (step.outputs[i] < 0) continue;
      const std::string& name = lowered.values[step.outputs[i]].name;
      const auto known = known_.find(sourceName(name));
      if (known == known_.end() || known->second.value.shape != traced.outputs[i].shape) continue;
      const auto value = meant(traced.outputs[i], name, meaningsB_);
      if (!value) continue;
      compared = true;
      if (places_.count(name)) continue;
      places_[name] = result_.layers.size();
      types_.push_back({known->second.type, coarsest(traced, i)});
      result_.layers.push_back({step.layer, sourceName(name), known->second.by,
                                howOf(step, traced.outputs[i].type),
                                differenceOf(*value, known->second.value), std::nullopt, false});
    }
    if (!compared) result_.notCompared.push_back(step.layer);
  }

  // The first engine's value in the type that the second keeps it in.
  std::optional<HostTensor> operandFor(const Value& value) const {
    const auto known = known_.find(sourceName(value.name));
    if (known == known_.end() || known->second.value.shape != value.desc.shape) return std::nullopt;
    const HostTensor& floats = known->second.value;
    if (value.desc.type == floats.type) return floats;
    if (!isFloating(floats.type)) return std::nullopt;
    if (value.desc.type == DataType::Int8) {
      const auto meaning = meaningsB_.find(value.name);
      return meaning == meaningsB_.end() ? std::nullopt : std::optional(meaning->second.encode(floats));
    }
    if (!isFloating(value.desc.type)) return std::nullopt;
    HostTensor converted(value.desc.type, value.desc.shape);
    for (std::int64_t i = 0; i < floats.size(); ++i) converted.setNumber(i, floats.number(i));
    return converted;
  }

  void compareAlone(const TracedStep& traced, const Lowered& lowered) {
    const Step& step = traced.step;
    if (step.reformat) return;
    for (std::size_t i = 0; i < step.inputs.size(); ++i)
      if (step.inputs[i] >= 0 && !step.constants[i] && !operandFor(lowered.values[step.inputs[i]])) return;
    for (std::size_t i = 0; i < step.outputs.size(); ++i) {
      if (step.outputs[i] < 0) continue;
      const std::string& name = lowered.values[step.outputs[i]].name;
      const auto place = places_.find(name);
      if (place == places_.end()) continue;
      LayerDifference& layer = result_.layers[place->second];
      if (layer.isolated) continue;
      if (const auto value = meant(traced.outputs[i], name, meaningsB_))
        layer.isolated = differenceOf(*value, known_.at(sourceName(name)).value);
    }
  }

  double toleranceOf(const std::pair<DataType, DataType>& types) const {
    if (options_.tolerance > 0) return options_.tolerance;
    const auto either = [&](DataType type) { return types.first == type || types.second == type; };
    return either(DataType::Int8) ? 0.1 : either(DataType::Float16) ? 0.01 : 1e-4;
  }

  void judge() {
    constexpr double kAccumulated = 10;
    std::optional<std::size_t> alone, accumulated;
    for (std::size_t i = 0; i < result_.layers.size(); ++i) {
      LayerDifference& layer = result_.layers[i];
      const double tolerance = toleranceOf(types_[i]);
      const bool own = layer.isolated && layer.isolated->relative > tolerance;
      const bool all = layer.accumulated.relative > kAccumulated * tolerance;
      layer.bad = own || all;
      if (own && !alone) alone = i;
      if (all && !accumulated) accumulated = i;
    }
    result_.firstBad = alone ? alone : accumulated;
  }

  void compareOutputs(const TensorMap& inputs) {
    const TensorMap wanted = a_.run(inputs), found = b_.run(inputs);
    for (const auto& [name, value] : wanted) {
      const auto other = found.find(name);
      if (other == found.end() || other->second.shape != value.shape) continue;
      result_.outputs.push_back(
          {name, name, {}, {}, differenceOf(other->second, value), std::nullopt, false});
    }
  }

  Context &a_, &b_;
  const CompareOptions& options_;
  const std::map<std::string, CodeMeaning> meaningsA_, meaningsB_;
  std::map<std::string, Known> known_;         ///< of the first engine, by the source model's names
  std::map<std::string, std::size_t> places_;  ///< by the second engine's tensor: its place in the result
  std::vector<std::pair<DataType, DataType>> types_;  ///< per entry of the result
  Comparison result_;
};

void requireSameInputs(const Context& a, const Context& b) {
  const auto text = [](const Context& context) {
    std::string all;
    for (const Binding& binding : context.bindings())
      if (binding.isInput)
        all += (all.empty() ? "" : ", ") + binding.name + " " + std::string(toString(binding.type)) + ":" +
               toString(binding.shape);
    return all;
  };
  if (text(a) != text(b))
    throw Error(ErrorCode::InvalidArgument,
                "the networks to compare have different inputs: " + text(a) + "; and " + text(b));
}

}  // namespace

Comparison compareRuns(Context& a, Context& b, const TensorMap& inputs, const CompareOptions& options) {
  requireSameInputs(a, b);
  for (const Binding& binding : a.bindings())
    if (binding.isInput && !inputs.count(binding.name))
      throw Error(ErrorCode::InvalidArgument, "input '" + binding.name + "' was not given");
  return Engines(a, b, options).run(inputs);
}

}  // namespace tessera
