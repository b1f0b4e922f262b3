// Concrete cases from samples.
#include "tests/support/samples.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string_view>

#include "ops/shape_tools.hpp"

namespace tessera::test {

std::vector<bool> SampleCase::constants() const {
  std::vector<bool> out;
  for (const auto& input : view.inputs) out.push_back(input.constant);
  return out;
}

std::vector<HostTensor> fillInputs(const OpInstance& instance, unsigned seed) {
  std::mt19937 random(seed * 7919u + 13u);
  std::vector<HostTensor> inputs;
  for (std::size_t i = 0; i < instance.view.inputs.size(); ++i) {
    const auto& desc = instance.view.inputs[i];
    if (!desc.present()) {
      inputs.emplace_back();
      continue;
    }
    const Fill fill = i < instance.fills.size() ? instance.fills[i] : Fill{};
    if (fill.kind == Fill::Kind::Values) {
      HostTensor t(desc.type, desc.shape);
      for (std::int64_t k = 0; k < t.size(); ++k)
        isFloat(desc.type) ? t.setNumber(k, fill.values.number(k))
                           : storeInteger(t, k, fill.values.integer(k));
      inputs.push_back(std::move(t));
      continue;
    }
    HostTensor t(desc.type, desc.shape);
    const bool whole = fill.kind == Fill::Kind::SmallIntegers ||
                       (desc.type != DataType::Float32 && desc.type != DataType::Float16);
    for (std::int64_t k = 0; k < t.size(); ++k) {
      if (desc.type == DataType::Bool)
        t.setNumber(k, static_cast<double>(random() & 1u));
      else if (whole)
        t.setNumber(k, static_cast<double>(std::uniform_int_distribution<int>(
                           static_cast<int>(fill.low), static_cast<int>(fill.high))(random)));
      else
        t.setNumber(k, std::uniform_real_distribution<double>(fill.low, fill.high)(random));
    }
    inputs.push_back(std::move(t));
  }
  return inputs;
}

std::vector<HostTensor> referenceOutputs(const OpView& view, const std::vector<HostTensor>& inputs) {
  std::vector<HostTensor> outputs;
  for (const auto& output : view.outputs) outputs.emplace_back(output.type, output.shape);
  operatorNamed(view.op).reference(view, inputs, outputs);
  return outputs;
}

std::vector<OpInstance> instancesFor(const KernelFamily& family) {
  std::vector<OpInstance> all;
  for (const Operator* op : allOperators()) {
    const auto& serving = familiesFor(op->name());
    if (std::find(serving.begin(), serving.end(), &family) == serving.end()) continue;
    for (auto& sample : op->samples()) all.push_back(std::move(sample));
  }
  for (auto& sample : family.samples()) all.push_back(std::move(sample));
  const std::size_t count = all.size();
  for (std::size_t i = 0; i < count; ++i)
    if (auto half = inHalf(all[i].view)) all.push_back({std::move(*half), all[i].fills});
  return all;
}

namespace {

// Puts every blockable operand into the middle of a larger buffer, as a concat slice lies.
OpView sliced(OpView view) {
  const auto move = [](TensorDesc& t) {
    if (!t.blockable()) return;
    const std::int64_t unit =
        t.itemElements() / std::max<std::int64_t>((t.shape[1] + t.layout.block - 1) / t.layout.block, 1);
    t.layout.offset = 2 * unit;
    t.layout.batchStride = t.itemElements() + 3 * unit;
  };
  for (auto& t : view.inputs) move(t);
  for (auto& t : view.outputs) move(t);
  return view;
}

}  // namespace

std::vector<SampleCase> layoutCases(const KernelFamily& family, const OpInstance& instance,
                                    const DeviceCaps& caps, unsigned seed) {
  std::vector<SampleCase> cases;
  SampleCase base{instance.view, fillInputs(instance, seed), {}};
  for (const BlockChoice& choice : family.blockChoices(instance.view, caps)) {
    const OpView dense = withBlocks(instance.view, choice);
    for (const OpView& view : {dense, sliced(dense)}) {
      if (!family.applies(view, caps)) continue;
      if (std::any_of(cases.begin(), cases.end(), [&](const auto& c) { return c.view == view; })) continue;
      if (base.expected.empty()) base.expected = referenceOutputs(base.view, base.inputs);
      cases.push_back({view, base.inputs, base.expected});
    }
  }
  return cases;
}

namespace {
bool isHalf(const OpView& view) {
  return std::ranges::any_of(view.inputs, [](const TensorDesc& t) { return t.type == DataType::Float16; });
}

}  // namespace

bool wantAll() {
  const char* want = std::getenv("TESSERA_TEST_TACTICS");
  return want && std::string_view(want) == "all";
}

bool madeFor(const KernelFamily& family, const OpView& view, const DeviceCaps& caps) {
  return !caps.isCpu() || family.cost(family.problem(view), caps).efficiency > 0.02;
}

std::vector<SampleCase> casesToTry(const KernelFamily& family, const OpInstance& instance,
                                   const DeviceCaps& caps, int index) {
  auto cases = layoutCases(family, instance, caps, static_cast<unsigned>(index));
  // What is not made for this device tries every second case; half twins, which differ in storage only, every
  // third.
  std::size_t step = isHalf(instance.view) ? 3 : 2;
  if (wantAll() || cases.size() < 2 || (step == 2 && madeFor(family, cases[0].view, caps))) return cases;
  step = std::min(step, cases.size());
  std::vector<SampleCase> chosen;
  for (std::size_t i = static_cast<std::size_t>(index) % step; i < cases.size(); i += step)
    chosen.push_back(std::move(cases[i]));
  return chosen;
}

std::vector<Tactic> tacticsToTry(const KernelFamily& family, const OpView& view, const DeviceCaps& caps,
                                 int turn) {
  const Problem problem = family.problem(view);
  std::vector<Tactic> chosen{family.fallback(problem, caps)};
  const auto members = family.space(problem, caps).members();
  if (members.empty()) return chosen;
  std::mt19937 random(static_cast<unsigned>(members.size()));
  std::vector<Tactic> others{members.front(), members.back()};
  for (int i = 0; i < 2; ++i) others.push_back(members[random() % members.size()]);
  // Every tactic is a program to build: one of the others per case, unless all are asked for.
  if (!wantAll()) {
    // Of families made for other devices, and of half twins, every third case tries another.
    if (turn < 0 || ((isHalf(view) || !madeFor(family, view, caps)) && turn % 3 != 0)) return chosen;
    others = {others[turn % others.size()]};
  }
  for (const Tactic& tactic : others)
    if (std::find(chosen.begin(), chosen.end(), tactic) == chosen.end()) chosen.push_back(tactic);
  return chosen;
}

bool servesDevice(const KernelFamily& family, const DeviceCaps& caps) {
  for (const auto& instance : instancesFor(family))
    for (const BlockChoice& choice : family.blockChoices(instance.view, caps))
      if (family.applies(withBlocks(instance.view, choice), caps)) return true;
  return false;
}

}  // namespace tessera::test
