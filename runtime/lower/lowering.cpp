// Lowering: a step for each layer with the family and layouts that were decided, and reformats between them.
#include "lower/lowering.hpp"

#include <algorithm>

#include "lower/reformat.hpp"
#include "lower/ways.hpp"

namespace tessera {

Lowered Lowering::run() {
  for (const TensorId id : graph_.inputs()) {
    const auto& tensor = graph_.tensor(id);
    const int storage = addStorage(Storage::Kind::Input, tensor.name, tensor.desc().bytes());
    out_.inputs.push_back({tensor.name, addValue(id, tensor.desc(), storage)});
  }
  findSharedConcats();
  choice_.begin(*this);
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
  dropUnreadConstants();
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
  emit(layer, choice_.fit(*this, layer, viewOf(layer)));
}

bool Fit::sameLayouts(const Fit& other) const {
  return intoSlice == other.intoSlice && sameBlocks(view, other.view);
}

std::optional<Fit> Lowering::fit(const Layer& layer, const OpView& base, const KernelFamily& family,
                                 const BlockChoice& blocks, std::string& refusal) {
  Fit fit{&family, withBlocks(base, blocks), false, {}, {}};
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    const TensorId id = layer.inputs[i];
    if (id == kNoTensor || base.inputs[i].constant) continue;
    auto& input = fit.view.inputs[i];
    const int existing = findValue(id, input.layout.block);
    if (existing >= 0)
      input.layout = out_.values[existing].desc.layout;
    else
      fit.conversions.push_back({input, blockOf(id), input.layout.block});
  }
  const auto accepted = [&] {
    const Verdict verdict = family.applies(fit.view, device_);
    if (!verdict) refusal = verdict.why;
    return verdict.ok;
  };
  bool ok = false;
  if (layer.outputs.size() == 1) {
    auto& output = fit.view.outputs[0];
    if (const auto slice = sliceLayout(layer.outputs[0], output.layout.block)) {
      const Layout dense = output.layout;
      output.layout = *slice;
      fit.intoSlice = ok = accepted();
      if (!ok) output.layout = dense;
    }
  }
  if (ok || accepted()) return fit;
  // Once more with dense copies of inputs that are slices.
  for (auto& input : fit.view.inputs)
    if (input.present() && !input.dense()) {
      input.layout = {input.layout.block, 0, 0};
      fit.copies.push_back(input);
    }
  if (fit.copies.empty() || !accepted()) return std::nullopt;
  return fit;
}

void Lowering::emit(const Layer& layer, const Fit& fit) {
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
      inputs.push_back(needValue(id, fit.view.inputs[i].layout.block, fit.view.inputs[i].dense()));
  }
  for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
    const TensorId id = layer.outputs[i];
    const auto& desc = fit.view.outputs[i];
    const int storage = fit.intoSlice
                            ? sliceStorage(id, desc.layout.block)
                            : addStorage(Storage::Kind::Arena, graph_.tensor(id).name, desc.bytes());
    outputs.push_back(addValue(id, desc, storage));
  }
  addStep(layer.name, false, *fit.family, fit.view, inputs, outputs, constants);
}

void Lowering::addStep(const std::string& name, bool reformat, const KernelFamily& family, const OpView& view,
                       std::vector<int> inputs, std::vector<int> outputs,
                       std::vector<std::shared_ptr<const HostTensor>> constants) {
  Step step;
  step.layer = reformat ? "reformat " + name : name;
  step.reformat = reformat;
  step.view = view;
  step.family = &family;
  step.inputs = std::move(inputs), step.outputs = std::move(outputs), step.constants = std::move(constants);
  const Problem problem = family.problem(view);
  step.tactic = choice_.tactic(name, reformat, family, view);
  if (launches_) planLaunch(step, problem);
  out_.steps.push_back(std::move(step));
}

void Lowering::planLaunch(Step& step, const Problem& problem) {
  step.launch = step.family->plan(problem, step.tactic, device_);
  std::vector<bool> read(step.inputs.size(), false);
  for (const auto& call : step.launch.calls)
    for (const auto& arg : call.args)
      if (arg.kind == KernelArg::Kind::Input) read.at(arg.index) = true;
  for (std::size_t i = 0; i < step.inputs.size();
       ++i)  // constants that only packings read are not uploaded as they are
    if (!read[i] && step.constants[i]) step.inputs[i] = -1;
  for (const std::size_t bytes : step.launch.scratch)
    step.scratch.push_back(addStorage(Storage::Kind::Arena, step.layer + " scratch", bytes));
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

// Constants that only packings read need no place of their own on the device.
void Lowering::dropUnreadConstants() {
  std::vector<bool> read(out_.storages.size(), false);
  const auto mark = [&](int value) {
    if (value >= 0) read[out_.values[value].storage] = true;
  };
  for (const Step& step : out_.steps)
    for (const int input : step.inputs) mark(input);
  for (const LoweredBinding& output : out_.outputs) mark(output.value);
  for (std::size_t i = 0; i < read.size(); ++i)
    if (Storage& storage = out_.storages[i]; storage.kind == Storage::Kind::Constant && !read[i])
      storage.constant.reset(), storage.bytes = 0;
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
  addStep(name, true, *family, view, {from}, {to}, {nullptr});
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
