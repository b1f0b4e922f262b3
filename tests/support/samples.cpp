// Concrete cases from samples.
#include "tests/support/samples.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
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

// The instance in each layout the family accepts: its block choices, dense and sliced.
std::vector<OpView> layoutsOf(const KernelFamily& family, const OpView& op, const DeviceCaps& caps) {
  std::vector<OpView> views;
  for (const BlockChoice& choice : family.blockChoices(op, caps)) {
    const OpView dense = withBlocks(op, choice);
    for (const OpView& view : {dense, sliced(dense)})
      if (family.applies(view, caps) && std::find(views.begin(), views.end(), view) == views.end())
        views.push_back(view);
  }
  return views;
}

}  // namespace

std::vector<SampleCase> layoutCases(const KernelFamily& family, const OpInstance& instance,
                                    const DeviceCaps& caps, unsigned seed) {
  std::vector<SampleCase> cases;
  std::vector<HostTensor> inputs, expected;
  for (const OpView& view : layoutsOf(family, instance.view, caps)) {
    if (cases.empty()) {
      inputs = fillInputs(instance, seed);
      expected = referenceOutputs(instance.view, inputs);
    }
    cases.push_back({view, inputs, expected});
  }
  return cases;
}

bool wantAll() {
  const char* want = std::getenv("TESSERA_TEST_TACTICS");
  return want && std::string_view(want) == "all";
}

bool madeFor(const KernelFamily& family, const OpView& view, const DeviceCaps& caps) {
  return !caps.isCpu() || family.cost(family.problem(view), caps).efficiency > 0.02;
}

namespace {

// How many families run the sample on such a device, and how many of them come before this one.
struct Turn {
  int place = 0, families = 0;

  Turn(const KernelFamily& family, const OpView& sample, const DeviceCaps& caps) {
    for (const KernelFamily* other : familiesFor(sample.op)) {
      if (other == &family) place = families;
      families += !layoutsOf(*other, sample, caps).empty();
    }
  }
};

// Rule 1, for one sample after the other, those in half precision behind their twins.
class Obliged {
 public:
  enum class Need { Must, WhereNew, No };

  Obliged(const KernelFamily& family, const DeviceCaps& caps) : family_(family), caps_(caps) {}

  bool inHalfPrecision(const OpView& sample) const { return halves_.count(sample.text()) != 0; }

  Need operator()(const OpView& sample) {
    if (const auto it = halves_.find(sample.text()); it != halves_.end()) {
      if (it->second == Need::No) return Need::No;
      const int place = Turn(family_, sample, caps_).place;
      return (halvesSeen_++ - place) % 4 == 0 ? Need::Must : Need::WhereNew;
    }
    const Need need = ofActivation(sample);
    if (const auto half = inHalf(sample)) halves_[half->text()] = need;
    return need;
  }

 private:
  Need ofActivation(const OpView& sample) {
    if (sample.attrs.string("activation").empty()) return Need::Must;
    OpView plain = sample;
    for (const char* name : {"activation", "alpha", "beta"}) plain.attrs.erase(name);
    const int seen = seen_[plain.text()]++;
    if (seen == 0) return Need::Must;
    const Turn turn(family_, sample, caps_);
    return (seen - turn.place) % std::clamp(turn.families, 1, 4) == 0 ? Need::Must : Need::No;
  }

  const KernelFamily& family_;
  const DeviceCaps& caps_;
  std::map<std::string, int> seen_;     // samples so far, by their text without the activation
  std::map<std::string, Need> halves_;  // texts of samples in half precision, with their twins' needs
  int halvesSeen_ = 0;
};

// "16 1 -> 16 sliced": the blocks of a view's operands.
std::string layoutText(const OpView& view) {
  std::string text, slices;
  const auto add = [&](const TensorDesc& t) {
    text += std::to_string(t.present() ? t.layout.block : 0) + ' ';
    if (t.present() && !t.dense()) slices = "sliced";
  };
  for (const auto& t : view.inputs) add(t);
  text += "-> ";
  for (const auto& t : view.outputs) add(t);
  return text + slices;
}

// Rule 2: programs, values of defines and layouts that runs so far have.
class Compiled {
 public:
  explicit Compiled(const KernelFamily& family, const DeviceCaps& caps) : family_(family), caps_(caps) {}

  // Whether the run needs no further program or brings a value of a define or a layout; counts it as done if
  // so, or if it must be.
  bool wants(const OpView& view, const Tactic& tactic, bool must = false) {
    std::set<std::string> programs, values{layoutText(view)};
    for (const KernelCall& call : family_.plan(family_.problem(view), tactic, caps_).calls) {
      std::string program = call.source + ':' + call.entry + ':' + call.prologue + ':' + call.options;
      for (const std::size_t extent : call.local) program += ' ' + std::to_string(extent);
      for (const auto& [name, value] : call.defines) {
        program += ' ' + name + '=' + value;
        values.insert(call.source + ' ' + name + '=' + value);
      }
      programs.insert(std::move(program));
    }
    const auto all = [](const auto& some, const auto& of) {
      return std::includes(of.begin(), of.end(), some.begin(), some.end());
    };
    if (!must && !all(programs, programs_) && all(values, values_)) return false;
    programs_.merge(programs), values_.merge(values);
    return true;
  }

 private:
  const KernelFamily& family_;
  const DeviceCaps& caps_;
  std::set<std::string> programs_, values_;
};

// Rule 3: how many samples have tried each value of each tunable.
class TriedValues {
 public:
  void add(const Tactic& tactic) {
    for (const auto& value : tactic.values()) ++tried_[value];
  }

  // The member with the most values that fewer than `wanted` samples have tried; none where there is no such
  // value. Of equal ones the first from a place that differs from turn to turn.
  std::optional<Tactic> next(const TacticSpace& space, int wanted, unsigned turn) const {
    const auto open = [&](const std::string& name, int value) {
      const auto it = tried_.find({name, value});
      return it == tried_.end() || it->second < wanted;
    };
    bool any = false;
    for (const auto& parameter : space.parameters)
      for (const int value : parameter.values) any = any || open(parameter.name, value);
    if (!any) return {};
    const auto members = space.members();
    std::optional<Tactic> best;
    int most = 0;
    for (std::size_t i = 0, first = std::mt19937(turn)(); i < members.size(); ++i) {
      const Tactic& member = members[(first + i) % members.size()];
      int count = 0;
      for (const auto& [name, value] : member.values()) count += open(name, value);
      if (count > most) best = member, most = count;
    }
    return best;
  }

 private:
  std::map<std::pair<std::string, int>, int> tried_;
};

// The fallback, both corners of the space and two random members.
std::vector<Tactic> someTactics(const KernelFamily& family, const OpView& view, const DeviceCaps& caps) {
  const Problem problem = family.problem(view);
  std::vector<Tactic> chosen{family.fallback(problem, caps)};
  const auto members = family.space(problem, caps).members();
  if (members.empty()) return chosen;
  std::mt19937 random(static_cast<unsigned>(members.size()));
  std::vector<Tactic> others{members.front(), members.back()};
  for (int i = 0; i < 2; ++i) others.push_back(members[random() % members.size()]);
  for (const Tactic& tactic : others)
    if (std::find(chosen.begin(), chosen.end(), tactic) == chosen.end()) chosen.push_back(tactic);
  return chosen;
}

std::vector<SampleRun> allRuns(const KernelFamily& family, const std::vector<OpInstance>& instances,
                               const DeviceCaps& caps) {
  std::vector<SampleRun> runs;
  for (std::size_t i = 0; i < instances.size(); ++i)
    for (const OpView& view : layoutsOf(family, instances[i].view, caps))
      for (const Tactic& tactic : someTactics(family, view, caps))
        runs.push_back({static_cast<int>(i), view, tactic});
  return runs;
}

}  // namespace

std::vector<SampleRun> runsOf(const KernelFamily& family, const std::vector<OpInstance>& instances,
                              const DeviceCaps& caps) {
  if (wantAll()) return allRuns(family, instances, caps);

  std::vector<SampleRun> runs;
  Obliged obliged(family, caps);
  Compiled compiled(family, caps);
  TriedValues tried, triedInHalf;
  const auto fallback = [&](const OpView& view) { return family.fallback(family.problem(view), caps); };
  std::vector<std::pair<int, std::vector<OpView>>> samples;  // with their layouts, the preferred one first
  for (std::size_t i = 0; i < instances.size(); ++i) {
    const OpView& sample = instances[i].view;
    auto views = layoutsOf(family, sample, caps);
    if (views.empty()) continue;
    const auto need = obliged(sample);
    if (need == Obliged::Need::No) continue;
    const Tactic tactic = fallback(views[0]);
    if (!compiled.wants(views[0], tactic, need == Obliged::Need::Must)) continue;
    (obliged.inHalfPrecision(sample) ? triedInHalf : tried).add(tactic);
    runs.push_back({static_cast<int>(i), views[0], tactic});
    samples.emplace_back(i, std::move(views));
  }
  const bool halves = std::ranges::any_of(
      samples, [&](const auto& s) { return obliged.inHalfPrecision(instances[s.first].view); });
  for (const auto& [sample, views] : samples) {
    const bool half = obliged.inHalfPrecision(instances[sample].view);
    TriedValues& values = half ? triedInHalf : tried;
    const auto space = family.space(family.problem(views[0]), caps);
    const auto tactic = values.next(space, !halves && madeFor(family, views[0], caps) ? 2 : 1, sample);
    if (!tactic) continue;
    runs.push_back({sample, views[0], *tactic});
    compiled.wants(views[0], *tactic, true);
    values.add(*tactic);
  }
  for (const auto& [sample, views] : samples)
    for (std::size_t v = 1; v < views.size(); ++v)
      if (const Tactic tactic = fallback(views[v]); compiled.wants(views[v], tactic))
        runs.push_back({sample, views[v], tactic});
  std::stable_sort(runs.begin(), runs.end(),
                   [](const auto& a, const auto& b) { return a.sample < b.sample; });
  return runs;
}

bool servesDevice(const KernelFamily& family, const DeviceCaps& caps) {
  for (const auto& instance : instancesFor(family))
    for (const BlockChoice& choice : family.blockChoices(instance.view, caps))
      if (family.applies(withBlocks(instance.view, choice), caps)) return true;
  return false;
}

}  // namespace tessera::test
