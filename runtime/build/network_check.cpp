#include "build/network_check.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "exec/engine_impl.hpp"
#include "exec/random_inputs.hpp"
#include "exec/step_trace.hpp"
#include "launch/op_runner.hpp"
#include "lower/cost_model.hpp"
#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

constexpr double kNearlyEqual = 1e-4;  // of an output's range: more is looked at step by step

bool sameBits(const HostTensor& a, const HostTensor& b) { return a.data == b.data; }

// How far `a` is from `b`; infinite where one of them alone is no number.
struct Distance {
  double most = 0, range = 0;  // the largest difference; the largest number of `b`
};
Distance distance(const HostTensor& a, const HostTensor& b) {
  Distance d;
  for (std::int64_t i = 0; i < b.size(); ++i) {
    const double x = a.number(i), y = b.number(i);
    if (std::isfinite(y)) d.range = std::max(d.range, std::fabs(y));
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double off = std::fabs(x - y);
    d.most = std::max(d.most, std::isnan(off) ? std::numeric_limits<double>::infinity() : off);
  }
  return d;
}

double largest(const std::vector<HostTensor>& tensors) {
  double most = 1;
  for (const HostTensor& t : tensors)
    for (std::int64_t i = 0; i < t.size(); ++i)
      if (const double x = std::fabs(t.number(i)); std::isfinite(x)) most = std::max(most, x);
  return most;
}

// The cheapest way to run a step that is not the step's own, on planar operands.
struct Other {
  const KernelFamily* family = nullptr;
  OpView view;
  Tactic tactic;
};
std::optional<Other> anotherWay(const Step& step, const DeviceCaps& caps) {
  OpView view = step.view;
  for (auto* operands : {&view.inputs, &view.outputs})
    for (TensorDesc& t : *operands) t.layout = {};
  std::optional<Other> best;
  double least = 0;
  for (const KernelFamily* family : familiesFor(view)) {
    if (family->usesLibrary() || !family->applies(view, caps)) continue;
    const Problem problem = family->problem(view);
    // Another family is the better witness: prefer it however slow.
    const double seconds =
        estimateSeconds(family->cost(problem, caps), caps) + (family == step.family ? 1e6 : 0);
    if (best && seconds >= least) continue;
    best = Other{family, view, family->fallback(problem, caps)};
    least = seconds;
  }
  return best;
}

// Empty, or how a step's results differ from what another kernel makes of the same operands.
// `programs`: those compiled so far.
std::string faultOf(const Device& device, const DeviceCaps& caps, const TracedStep& traced,
                    ProgramSet& programs) {
  const Step& step = traced.step;
  const auto other = anotherWay(step, caps);
  if (!other) return {};
  std::vector<bool> constants;
  for (const auto& constant : step.constants) constants.push_back(constant != nullptr);
  const Launch launch = other->family->plan(other->family->problem(other->view), other->tactic, caps);
  std::vector<const KernelCall*> calls;
  for (const KernelCall& call : launch.calls) calls.push_back(&call);
  programs.build(calls);
  const auto operands = std::make_shared<OpOperands>(device, other->view, traced.inputs, constants);
  const auto wanted = OpRunner(device, *other->family, operands, other->tactic, &programs).run();
  const Tolerance tolerance = toleranceOf(step.view);  // halves round results, too
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (sameBits(traced.outputs[i], wanted[i])) continue;
    const Distance d = distance(traced.outputs[i], wanted[i]);
    // Tolerances are meant for operands of about one.
    const double allowed =
        (tolerance.absolute + tolerance.relative) * std::max(largest(traced.inputs), d.range);
    if (d.most <= allowed) continue;
    return "output " + std::to_string(i) + " is up to " + std::to_string(d.most) + " from what " +
           std::string(other->family->id().name) + " computes, " + std::to_string(allowed) + " is allowed";
  }
  return {};
}

bool hasIntegers(const Engine& engine) {
  const auto& steps = engine.impl().lowered.steps;
  return std::any_of(steps.begin(), steps.end(),
                     [](const Step& s) { return traitsOf(s.view.op).quantised(); });
}

std::optional<NetworkFault> faultyStep(const std::shared_ptr<const Engine>& engine, const TensorMap& inputs,
                                       NetworkCheck& check) {
  std::optional<NetworkFault> fault;
  const DeviceCaps& caps = engine->impl().caps;
  Context context(engine);
  ProgramSet programs(engine->device());
  StepTrace::run(context, inputs, [&](const TracedStep& traced) {
    const std::string what = faultOf(engine->device(), caps, traced, programs);
    ++check.kernels;
    if (what.empty()) return true;
    const Step& step = traced.step;
    fault = NetworkFault{
        "layer '" + step.layer + "' by " + step.family->id().text() + " " + step.tactic.text() + ": " + what,
        step};
    return false;
  });
  return fault;
}

}  // namespace

std::optional<NetworkFault> findFault(const std::shared_ptr<const Engine>& tuned,
                                      const std::shared_ptr<const Engine>& untuned, bool everyStep,
                                      NetworkCheck& check) {
  check = {};
  check.done = true;
  const bool integers = hasIntegers(*tuned);
  Context ours(tuned), theirs(untuned);
  bool near = true;
  for (const unsigned seed : {1u, 2u}) {
    const TensorMap inputs = randomInputs(*tuned, seed);
    const TensorMap got = ours.run(inputs), wanted = theirs.run(inputs), again = ours.run(inputs);
    check.outputs = wanted.size();
    for (const auto& [name, value] : wanted) {
      check.values += value.size();
      const HostTensor& result = got.at(name);
      if (!sameBits(result, again.at(name)))
        return NetworkFault{"output '" + name + "' differs between two runs on equal inputs", std::nullopt};
      if (sameBits(result, value)) continue;
      const Distance d = distance(result, value);
      const double share = d.most == 0 ? 0 : d.most / std::max(d.range, std::numeric_limits<double>::min());
      check.difference = std::max(check.difference, share);
      near = near && isFloat(value.type) && !integers && share <= kNearlyEqual;
    }
  }
  if (near && !everyStep) return std::nullopt;
  return faultyStep(tuned, randomInputs(*tuned, 1), check);
}

std::shared_ptr<Engine> keepIfRight(Tuner& tuner, const Graph& graph, std::shared_ptr<Engine> tuned,
                                    bool everyStep, const AssembleLike& assemble) {
  Lowered lowered = tuner.lowerUntuned(graph).lowered;
  NetworkCheck check;
  if (!everyStep && lowered.text() == tuned->text()) return tuned;
  std::shared_ptr<Engine> untuned;
  std::optional<NetworkFault> fault;
  try {
    untuned = assemble(std::move(lowered), *tuned);
    fault = findFault(tuned, untuned, everyStep, check);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::OutOfMemory) throw;
    log().warn("tuning: '{}' was not compared with the untuned network: {}", graph.name, e.what());
    return tuned;
  }
  if (!fault) {
    log().info(
        "tuning: '{}' was compared with the untuned network: {} values of {} outputs, {} kernels one by one; "
        "largest difference {:.2g} of an output's range",
        graph.name, check.values, check.outputs, check.kernels, check.difference);
    tuner.noteCheck(check);
    return tuned;
  }
  check.right = false;
  check.wrong = fault->what;
  log().warn("tuning: '{}' is wrong as tuned: {}. The untuned network runs instead.", graph.name,
             fault->what);
  tuner.noteCheck(check);
  lowered = tuner.reject(graph, fault->step ? &*fault->step : nullptr, fault->what).lowered;
  if (lowered.text() == untuned->text()) return untuned;
  return assemble(std::move(lowered), *untuned);
}

}  // namespace tessera
