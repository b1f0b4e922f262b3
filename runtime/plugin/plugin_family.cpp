#include "plugin/plugin_family.hpp"

#include <algorithm>
#include <limits>

#include "base/hex.hpp"
#include "plugin/known_plugins.hpp"
#include "plugin/plugin_layer.hpp"

namespace tessera {
namespace {

constexpr std::size_t kMostWorkItems = std::size_t{1} << 31;  // of one kernel: ints count them

PluginTactic tacticOf(const Tactic& tactic) { return {tactic.values().begin(), tactic.values().end()}; }

PluginLayer layerOf(const Plugin& plugin, const OpView& view) {
  return pluginLayer(plugin, view.attrs, view.inputs, view.outputs);
}

bool plain(const TensorDesc& t) {
  return !t.present() || (t.layout.block == 1 && t.layout.offset == 0 && t.dense());
}

}  // namespace

PluginFamily::PluginFamily(std::shared_ptr<const Plugin> plugin) : plugin_(std::move(plugin)) {
  name_ =
      plugin_->name() + "-" + hexText(textHash(plugin_->version() + "\n" + plugin_->source())).substr(0, 12);
  path_ = "plugin/" + plugin_->name() + ".cl";
}

void PluginFamily::refuse(const std::string& why) const {
  throw Error(ErrorCode::InvalidArgument,
              "plugin " + plugin_->name() + " of " + pluginOrigin(plugin_->name()) + ": " + why);
}

// Also launches that can not be planned, so that lowering names the layer with the reason.
std::string PluginFamily::whyNot(const OpView& op, const Tactic& tactic, const DeviceCaps& device) const {
  try {
    std::string why = plugin_->whyNot(layerOf(*plugin_, op), tacticOf(tactic), device);
    if (why.empty()) plan(op, tactic, device);
    return why;
  } catch (const std::exception& e) {
    return e.what();
  }
}

Verdict PluginFamily::applies(const OpView& op, const DeviceCaps& device) const {
  if (!std::ranges::all_of(op.inputs, plain) || !std::ranges::all_of(op.outputs, plain))
    return Verdict::no("kernels of plugins take planar operands without gaps");
  const std::string why = whyNot(op, fallback(op, device), device);
  return why.empty() ? Verdict::yes() : Verdict::no(why);
}

TacticSpace PluginFamily::space(const Problem& problem, const DeviceCaps& device) const {
  TacticSpace space;
  for (const PluginTunable& tunable : plugin_->tunables())
    space.parameters.push_back({tunable.name, tunable.values});
  if (!space.empty())
    space.constraints.push_back({"the plugin refuses it", [this, problem, device](const Tactic& tactic) {
                                   return whyNot(problem, tactic, device).empty();
                                 }});
  return space;
}

Tactic PluginFamily::fallback(const Problem&, const DeviceCaps&) const {
  Tactic tactic;
  for (const PluginTunable& tunable : plugin_->tunables()) tactic.set(tunable.name, tunable.fallback);
  return tactic;
}

Cost PluginFamily::cost(const Problem& problem, const DeviceCaps& device) const {
  Cost cost = KernelFamily::cost(problem, device);
  cost.operations = plugin_->operations(layerOf(*plugin_, problem));
  return cost;
}

void PluginFamily::checkItems(const PluginCall& call, const PluginLayer& layer) const {
  const bool empty = std::ranges::all_of(layer.outputs, [](const TensorDesc& t) { return t.size() == 0; });
  std::size_t items = 1;
  std::string range;
  for (const std::size_t extent : call.global) {
    range += (range.empty() ? "" : " x ") + std::to_string(extent);
    items = extent == 0 || items <= kMostWorkItems / extent ? items * extent : kMostWorkItems + 1;
  }
  if (items == 0 && !empty) refuse("kernel " + call.entry + ": its range " + range + " has no work-items");
  if (items > kMostWorkItems)
    refuse("kernel " + call.entry + ": its range " + range + " has more than " +
           std::to_string(kMostWorkItems) + " work-items");
}

void PluginFamily::checkRange(const PluginCall& call, const PluginLayer& layer,
                              const DeviceCaps& device) const {
  const std::string kernel = "kernel " + call.entry + ": ";
  if (!isIdentifier(call.entry)) refuse("'" + call.entry + "' can not be a kernel's name");
  if (call.global.empty() || call.global.size() > 3) refuse(kernel + "a range has 1 to 3 extents");
  checkItems(call, layer);
  if (!call.local.empty() && call.local.size() != call.global.size())
    refuse(kernel + "a work-group has as many extents as the range");
  std::size_t items = 1;
  for (std::size_t i = 0; i < call.local.size(); ++i) {
    if (call.local[i] == 0 || call.global[i] % call.local[i] != 0)
      refuse(kernel + "the range's extent " + std::to_string(call.global[i]) +
             " is no multiple of the work-group's " + std::to_string(call.local[i]));
    if (call.local[i] > device.maxWorkItem[i]) items = device.maxWorkGroup + 1;
    items *= std::min<std::size_t>(call.local[i], device.maxWorkGroup + 1);
  }
  if (items > device.maxWorkGroup)
    refuse(kernel + "a work-group is larger than the " + std::to_string(device.maxWorkGroup) + " items of " +
           device.name);
}

KernelArg PluginFamily::argumentOf(const PluginArgument& argument, const PluginLayer& layer,
                                   const PluginLaunch& launch) const {
  using Kind = PluginArgument::Kind;
  const auto index = static_cast<std::size_t>(argument.index);
  const std::size_t count = argument.kind == Kind::Input    ? layer.inputs.size()
                            : argument.kind == Kind::Output ? layer.outputs.size()
                                                            : launch.scratch.size();
  if (argument.kind <= Kind::Scratch && (argument.index < 0 || index >= count))
    refuse("an argument is buffer " + std::to_string(argument.index) + " of " + std::to_string(count));
  switch (argument.kind) {
    case Kind::Input:
      return layer.inputs[index].present() ? KernelArg::input(argument.index) : KernelArg::none();
    case Kind::Output:
      return KernelArg::output(argument.index);
    case Kind::Scratch:
      return KernelArg::scratch(argument.index);
    case Kind::Int:
      if (argument.integer > std::numeric_limits<std::int32_t>::max() ||
          argument.integer < std::numeric_limits<std::int32_t>::min())
        refuse("the argument " + std::to_string(argument.integer) + " does not fit an int of 32 bits");
      return KernelArg::ofInt(argument.integer);
    case Kind::Float:
      return KernelArg::ofFloat(argument.number);
    case Kind::Local:
      break;
  }
  if (argument.integer <= 0) refuse("local memory of " + std::to_string(argument.integer) + " bytes");
  return KernelArg::local(static_cast<std::size_t>(argument.integer));
}

KernelCall PluginFamily::callOf(const PluginCall& call, const PluginLayer& layer, const PluginLaunch& launch,
                                const Tactic& tactic, const DeviceCaps& device) const {
  checkRange(call, layer, device);
  KernelCall made{path_, call.entry};
  made.defines = tacticDefines(tactic);
  for (const auto& [name, value] : call.defines) {
    if (!isIdentifier(name) || value.find_first_of(" \t\n\"'\\") != std::string::npos)
      refuse("the macro " + name + "=" + value + " can not be given to a compiler");
    made.defines.emplace_back(name, value);
  }
  made.global = call.global, made.local = call.local;
  std::size_t local = 0;
  for (const PluginArgument& argument : call.arguments) {
    made.args.push_back(argumentOf(argument, layer, launch));
    if (argument.kind == PluginArgument::Kind::Local) local += static_cast<std::size_t>(argument.integer);
  }
  if (local > device.localMemory)
    refuse("kernel " + call.entry + " wants " + std::to_string(local) + " bytes of local memory, " +
           device.name + " has " + std::to_string(device.localMemory));
  return made;
}

Launch PluginFamily::plan(const Problem& problem, const Tactic& tactic, const DeviceCaps& device) const {
  const PluginLayer layer = layerOf(*plugin_, problem);
  PluginLaunch launch;
  try {
    launch = plugin_->launch(layer, tacticOf(tactic), device);
  } catch (const std::exception& e) {
    refuse(e.what());
  }
  if (launch.calls.empty()) refuse("it launches no kernel");
  Launch made;
  for (const std::size_t bytes : launch.scratch) {
    if (device.maxAllocation && bytes > device.maxAllocation)
      refuse("it wants " + std::to_string(bytes) + " bytes of scratch, more than " + device.name +
             " allocates");
    made.scratch.push_back(bytes);
  }
  for (const PluginCall& call : launch.calls)
    made.calls.push_back(callOf(call, layer, launch, tactic, device));
  return made;
}

}  // namespace tessera
