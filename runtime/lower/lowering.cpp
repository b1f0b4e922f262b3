// Lowering: family and layout per layer, reformats between them, steps in order.
#include "lower/lowering.hpp"

#include <algorithm>
#include <cmath>

#include "lower/cost_model.hpp"
#include "lower/reformat.hpp"
#include "tessera/log.hpp"

namespace tessera {

Lowered lowerGraph(const Graph& graph, const DeviceCaps& device, const TacticChooser& chooser,
                   const TimeSource& times, LayoutChoice layouts) {
  return Lowering(graph, device, chooser, times, layouts).run();
}

Lowered Lowering::run() {
  for (const TensorId id : graph_.inputs()) {
    const auto& tensor = graph_.tensor(id);
    const int storage = addStorage(Storage::Kind::Input, tensor.name, tensor.desc().bytes());
    out_.inputs.push_back({tensor.name, addValue(id, tensor.desc(), storage)});
  }
  findSharedConcats();
  if (layouts_ == LayoutChoice::Planned) planLayouts();
  std::string unsupported;
  for (const Layer& layer : graph_.layers()) {
    try {
      lowerLayer(layer);
    } catch (const Error& e) {
      if (e.code() != ErrorCode::Unsupported) throw;
      unsupported += std::string("\n  ") + e.what();
      for (const TensorId id : layer.outputs) {  // so that the following layers can be judged, too
        const auto& tensor = graph_.tensor(id);
        addValue(id, tensor.desc(), addStorage(Storage::Kind::Arena, tensor.name, tensor.desc().bytes()));
      }
    }
    ++layerIndex_;
  }
  if (!unsupported.empty())
    throw Error(ErrorCode::Unsupported, "graph '" + graph_.name + "' has layers that no kernel can run on " +
                                            device_.name + ":" + unsupported);
  bindOutputs();
  return std::move(out_);
}

OpView Lowering::viewOf(const Layer& layer) const {
  OpView view{layer.op, layer.attrs, {}, {}};
  for (const TensorId id : layer.inputs)
    view.inputs.push_back(id == kNoTensor ? TensorDesc{} : graph_.tensor(id).desc());
  for (const TensorId id : layer.outputs) view.outputs.push_back(graph_.tensor(id).desc());
  return view;
}

void Lowering::lowerLayer(const Layer& layer) {
  if (lowerAsView(layer) || lowerSharedConcat(layer)) return;
  const OpView base = viewOf(layer);
  std::string refusals;
  const auto best = bestCandidate(layer, base, refusals);
  if (!best)
    throw Error(ErrorCode::Unsupported, "layer '" + layer.name + "': no kernel family runs " + base.text() +
                                            (refusals.empty() ? "" : ": ") + refusals);
  emit(layer, *best);
}

std::optional<Lowering::Candidate> Lowering::bestCandidate(const Layer& layer, const OpView& base,
                                                           std::string& refusals) {
  if (const auto planned = plan_.find(layerIndex_); planned != plan_.end()) {
    std::string refusal;  // a slice may not suit it: then the layer is looked at anew
    if (auto candidate = tryChoice(layer, base, *planned->second.family, planned->second.blocks, refusal))
      return candidate;
  }
  std::vector<Candidate> candidates;
  for (const KernelFamily* family : familiesFor(layer.op)) {
    for (const BlockChoice& choice : family->blockChoices(base, device_)) {
      std::string refusal;
      if (auto candidate = tryChoice(layer, base, *family, choice, refusal))
        candidates.push_back(std::move(*candidate));
      else if (const std::string text = std::string(family->id().name) + ": " + refusal;
               refusals.find(text) == std::string::npos)  // often the same in every layout
        refusals += (refusals.empty() ? "" : "; ") + text;
    }
  }
  if (candidates.empty()) return std::nullopt;
  const auto fails = [](const Candidate& c) { return c.measured && std::isinf(*c.measured); };
  if (!std::all_of(candidates.begin(), candidates.end(), fails)) std::erase_if(candidates, fails);
  const auto byEstimate = [](const Candidate& a, const Candidate& b) {
    return a.estimated() < b.estimated();
  };
  if (layouts_ == LayoutChoice::Estimated) {
    // The model's own choice leaves out families that it is never trusted with.
    const Candidate untuned =
        *std::min_element(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
          const bool unsure = a.family->onlyMeasured();
          return unsure == b.family->onlyMeasured() ? byEstimate(a, b) : !unsure;
        });
    std::erase_if(candidates, [&](const Candidate& c) { return !c.sameLayouts(untuned); });
  }
  auto best = std::min_element(candidates.begin(), candidates.end(), byEstimate);
  // Measured times are compared with measured ones only: where the model's choice has none, the model
  // decides.
  if (!best->measured) return *best;
  for (auto c = candidates.begin(); c != candidates.end(); ++c)
    if (c->measured && c->around + *c->measured < best->around + *best->measured) best = c;
  return *best;
}

bool Lowering::Candidate::sameLayouts(const Candidate& other) const {
  const auto blocksOf = [](const OpView& v) {
    std::vector<int> blocks;
    for (const auto* operands : {&v.inputs, &v.outputs})
      for (const TensorDesc& t : *operands) blocks.push_back(t.layout.block);
    return blocks;
  };
  return intoSlice == other.intoSlice && blocksOf(view) == blocksOf(other.view);
}

double Lowering::reformatTime(const TensorDesc& tensor, int from, int to) const {
  if (sameOrder(tensor, from, to)) return 0;
  if (times_ && layouts_ != LayoutChoice::Estimated) {
    const OpView view = reformatView(tensor, from, to);
    if (const KernelFamily* family = familyFor(view, device_))
      if (const auto seconds = times_(*family, view)) return *seconds;
  }
  return reformatSeconds(tensor, device_);
}

// Operands as they would really lie: inputs as they exist (slices included), output in its concat slice if it
// fits.
std::optional<Lowering::Candidate> Lowering::tryChoice(const Layer& layer, const OpView& base,
                                                       const KernelFamily& family, const BlockChoice& choice,
                                                       std::string& refusal) {
  Candidate candidate{&family, withBlocks(base, choice)};
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    const TensorId id = layer.inputs[i];
    if (id == kNoTensor || base.inputs[i].constant) continue;
    auto& input = candidate.view.inputs[i];
    const int existing = findValue(id, input.layout.block);
    if (existing >= 0)
      input.layout = out_.values[existing].desc.layout;
    else
      candidate.around += reformatTime(input, blockOf(id), input.layout.block);
  }
  const auto accepted = [&] {
    const Verdict verdict = family.applies(candidate.view, device_);
    if (!verdict) refusal = verdict.why;
    return verdict.ok;
  };
  bool ok = false;
  if (layer.outputs.size() == 1) {
    auto& output = candidate.view.outputs[0];
    if (const auto slice = sliceLayout(layer.outputs[0], output.layout.block)) {
      const Layout dense = output.layout;
      output.layout = *slice;
      candidate.intoSlice = ok = accepted();
      if (!ok) output.layout = dense;
    }
  }
  if (!ok) ok = accepted();
  if (!ok) {  // once more with dense copies of inputs that are slices
    bool changed = false;
    for (auto& input : candidate.view.inputs)
      if (input.present() && !input.dense()) {
        input.layout = {input.layout.block, 0, 0};
        candidate.around += reformatSeconds(input, device_);
        changed = true;
      }
    if (!changed || !accepted()) return std::nullopt;
  }
  candidate.estimate = estimateSeconds(family.cost(family.problem(candidate.view), device_), device_);
  if (times_) candidate.measured = times_(family, candidate.view);
  if (family.onlyMeasured() && !candidate.measured) {
    refusal = "it is chosen only where it has been measured";
    return std::nullopt;
  }
  for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
    const auto& output = candidate.view.outputs[i];
    if (graph_.isOutput(layer.outputs[i]) && output.layout.block != 1)
      candidate.around += reformatTime(output, output.layout.block, 1);
    if (concatOf_.count(layer.outputs[i]) && !candidate.intoSlice)
      candidate.around += reformatSeconds(output, device_);
    if (output.blockable())
      candidate.around +=
          reformatsAfter(layer.outputs[i], output.layout.block) * reformatSeconds(output, device_);
  }
  return candidate;
}

void Lowering::emit(const Layer& layer, const Candidate& candidate) {
  std::vector<int> inputs, outputs;
  std::vector<std::shared_ptr<const HostTensor>> constants;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    const TensorId id = layer.inputs[i];
    constants.push_back(id == kNoTensor ? nullptr : graph_.tensor(id).constant);
    if (id == kNoTensor)
      inputs.push_back(-1);
    else if (constants.back())
      inputs.push_back(constantValue(id));
    else
      inputs.push_back(
          needValue(id, candidate.view.inputs[i].layout.block, candidate.view.inputs[i].dense()));
  }
  for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
    const TensorId id = layer.outputs[i];
    const auto& desc = candidate.view.outputs[i];
    const int storage = candidate.intoSlice
                            ? sliceStorage(id, desc.layout.block)
                            : addStorage(Storage::Kind::Arena, graph_.tensor(id).name, desc.bytes());
    outputs.push_back(addValue(id, desc, storage));
  }
  addStep(layer.name, *candidate.family, candidate.view, inputs, outputs, constants);
}

void Lowering::addStep(const std::string& name, const KernelFamily& family, const OpView& view,
                       std::vector<int> inputs, std::vector<int> outputs,
                       std::vector<std::shared_ptr<const HostTensor>> constants) {
  Step step{name, view, &family, {}, {}, std::move(inputs), std::move(outputs), std::move(constants), {}};
  const Problem problem = family.problem(view);
  step.tactic = chooser_(family, problem);
  step.launch = family.plan(problem, step.tactic, device_);
  std::vector<bool> read(step.inputs.size(), false);
  for (const auto& call : step.launch.calls)
    for (const auto& arg : call.args)
      if (arg.kind == KernelArg::Kind::Input) read.at(arg.index) = true;
  for (std::size_t i = 0; i < step.inputs.size();
       ++i)  // constants that only packings read are not uploaded as they are
    if (!read[i] && step.constants[i]) step.inputs[i] = -1;
  for (const std::size_t bytes : step.launch.scratch)
    step.scratch.push_back(addStorage(Storage::Kind::Arena, name + " scratch", bytes));
  out_.steps.push_back(std::move(step));
}

void Lowering::bindOutputs() {
  for (const TensorId id : graph_.outputs()) {
    const auto& tensor = graph_.tensor(id);
    int value = tensor.isConstant() ? constantValue(id) : needValue(id, 1, true);
    Storage& storage = out_.storages[out_.values[value].storage];
    const bool own = storage.kind == Storage::Kind::Arena && storage.bytes == out_.values[value].desc.bytes();
    if (own) {
      storage.kind = Storage::Kind::Output;
    } else {
      const int copy = addValue(kNoTensor, tensor.desc(),
                                addStorage(Storage::Kind::Output, tensor.name, tensor.desc().bytes()));
      out_.values[copy].desc.constant = false;
      reformat(value, copy, tensor.name);
      value = copy;
    }
    out_.outputs.push_back({tensor.name, value});
  }
}

int Lowering::addStorage(Storage::Kind kind, const std::string& name, std::size_t bytes) {
  Storage storage;
  storage.kind = kind;
  storage.name = name;
  storage.bytes = bytes;
  out_.storages.push_back(std::move(storage));
  return static_cast<int>(out_.storages.size()) - 1;
}

int Lowering::addValue(TensorId tensor, TensorDesc desc, int storage) {
  desc.constant = false;
  out_.values.push_back(
      {tensor == kNoTensor ? out_.storages[storage].name : graph_.tensor(tensor).name, desc, storage});
  const int value = static_cast<int>(out_.values.size()) - 1;
  if (tensor != kNoTensor) valuesOf_[tensor].push_back(value);
  return value;
}

int Lowering::blockOf(TensorId tensor) const {
  const auto it = valuesOf_.find(tensor);
  return it == valuesOf_.end() || it->second.empty() ? 1 : out_.values[it->second.front()].desc.layout.block;
}

int Lowering::findValue(TensorId tensor, int block) const {
  const auto it = valuesOf_.find(tensor);
  if (it == valuesOf_.end()) return -1;
  for (const int value : it->second)
    if (out_.values[value].desc.layout.block == block) return value;
  return -1;
}

int Lowering::needValue(TensorId tensor, int block, bool dense) {
  for (const int value : valuesOf_[tensor]) {
    const auto& desc = out_.values[value].desc;
    if (desc.layout.block == block && (!dense || desc.dense())) return value;
  }
  if (valuesOf_[tensor].empty())
    throw Error(ErrorCode::Internal,
                "tensor " + graph_.tensor(tensor).name + " is read before it is computed");
  TensorDesc desc = graph_.tensor(tensor).desc();
  desc.layout = {block, 0, 0};
  const int from = valuesOf_[tensor].front();
  if (const TensorDesc& source = out_.values[from].desc;
      source.dense() && sameOrder(desc, source.layout.block, block))
    return addValue(tensor, desc, out_.values[from].storage);
  const int to =
      addValue(tensor, desc, addStorage(Storage::Kind::Arena, graph_.tensor(tensor).name, desc.bytes()));
  reformat(from, to, graph_.tensor(tensor).name);
  return to;
}

int Lowering::constantValue(TensorId tensor) {
  const auto& t = graph_.tensor(tensor);
  if (const auto it = constantValues_.find(t.constant.get()); it != constantValues_.end()) return it->second;
  const int storage = addStorage(Storage::Kind::Constant, t.name, t.desc().bytes());
  out_.storages[storage].constant = t.constant;
  return constantValues_[t.constant.get()] = addValue(kNoTensor, t.desc(), storage);
}

void Lowering::reformat(int from, int to, const std::string& name) {
  const TensorDesc &source = out_.values[from].desc, &target = out_.values[to].desc;
  const bool plain = source.dense() && target.dense() && source.layout.block == target.layout.block;
  const OpView view{plain ? "Identity" : "Reformat", {}, {source}, {target}};
  const KernelFamily* family = familyFor(view, device_);
  if (!family)
    throw Error(ErrorCode::Unsupported, "no kernel changes the layout of " + name + ": " + view.text());
  addStep("reformat " + name, *family, view, {from}, {to}, {nullptr});
}

std::size_t Lowered::counters() const {
  std::size_t most = 0;
  for (const Step& step : steps) most = std::max(most, step.launch.counters);
  return most;
}

std::string Lowered::text() const {
  std::string out;
  for (const auto& step : steps)
    out += step.layer + ": " + step.family->id().text() + (step.tactic.values().empty() ? "" : " ") +
           step.tactic.text() + " " + step.view.text() + "\n";
  return out;
}

}  // namespace tessera
