#include "build/verify_plugins.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>

#include "launch/kernel_launcher.hpp"
#include "launch/op_runner.hpp"
#include "plugin/known_plugins.hpp"
#include "plugin/manifest_plugin.hpp"
#include "plugin/plugin_family.hpp"
#include "plugin/plugin_layer.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

constexpr std::size_t kMostCompared = 16384;  // of an output that are compared, where they can be had alone
constexpr std::int64_t kMostExpressionSteps = std::int64_t{1} << 28;  // of expressions for them: some seconds

/// What was found right, by device, problem and tactic.
class Verified {
 public:
  bool has(const std::string& key) {
    const std::lock_guard lock(mutex_);
    return keys_.contains(key);
  }
  void add(const std::string& key) {
    const std::lock_guard lock(mutex_);
    keys_.insert(key);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> keys_;
};
Verified& verified() {
  static Verified keys;
  return keys;
}

// The elements that are compared: all, or as many at equal distances, from begin to end.
std::vector<std::int64_t> chosen(std::int64_t size) {
  std::vector<std::int64_t> indices;
  const auto count = std::min<std::int64_t>(size, kMostCompared);
  for (std::int64_t i = 0; i < count; ++i)
    indices.push_back(
        count == size ? i : static_cast<std::int64_t>(static_cast<double>(i) * (size - 1) / (count - 1)));
  return indices;
}

class Check {
 public:
  Check(const Engine::Impl& engine, const Step& step, const PluginFamily& family)
      : engine_(engine), step_(step), family_(family) {}

  void run() {
    try {
      verify();
    } catch (const Error& e) {
      if (named_) throw;
      fail(e.what(), e.code());
    } catch (const std::exception& e) {  // of a class
      fail(e.what());
    }
  }

 private:
  void verify() {
    const OpView view = dense();
    layer_ = pluginLayer(family_.plugin(), view.attrs, view.inputs, view.outputs);
    countArguments();
    draw(view);
    std::vector<bool> constants;
    for (const auto& constant : step_.constants) constants.push_back(constant != nullptr);
    // The programs that will run, which may be binaries of a plan.
    const auto operands =
        std::make_shared<OpOperands>(engine_.device, view, inputs_, constants, inputNames());
    OpRunner runner(engine_.device, family_, operands, step_.tactic, &engine_.programs);
    const auto found = runner.run();
    if (!runner.damage().empty()) fail(runner.damage());
    inputs_.resize(layer_.inputs.size());
    const auto* manifest = dynamic_cast<const ManifestPlugin*>(&family_.plugin());
    if (!manifest) return compareWhole(found);
    for (std::size_t o = 0; o < found.size(); ++o) {
      const auto indices = chosen(found[o].size());
      const auto wanted = manifest->elements(layer_, inputs_, o, indices, kMostExpressionSteps);
      requireTolerance(o, wanted);
      for (std::size_t i = 0; i < wanted.size(); ++i) compare(found[o], o, indices[i], wanted[i]);
    }
  }

  OpOperands::Watch inputNames() const {
    OpOperands::Watch watch;
    for (const PluginInput& input : family_.plugin().inputs()) watch.inputs.push_back(input.name);
    return watch;
  }

  [[noreturn]] void fail(std::string what, ErrorCode code = ErrorCode::DeviceError) {
    named_ = true;
    while (what.ends_with('.')) what.pop_back();
    const std::string name = family_.plugin().name();
    throw Error(
        code, fmt::format("Layer '{}' can not be computed by plugin {} of {} on {}: {}{}.", step_.layer, name,
                          pluginOrigin(name), engine_.caps.name, what,
                          step_.tactic.text().empty() ? "" : " (tactic " + step_.tactic.text() + ")"));
  }

  // Drivers say no more than "invalid" where they differ.
  void countArguments() {
    for (const KernelCall& call : step_.launch.calls) {
      const auto taken = guarded("asking for the arguments of " + call.entry, [&] {
        return prepareCall(call, engine_.programs).kernel.getInfo<CL_KERNEL_NUM_ARGS>();
      });
      if (taken != call.args.size())
        fail(fmt::format("its kernel {} takes {} arguments, {} are given", call.entry, taken,
                         call.args.size()));
    }
  }

  OpView dense() const {
    OpView view = step_.view;
    for (auto* operands : {&view.inputs, &view.outputs})
      for (TensorDesc& t : *operands) t.layout = {};
    return view;
  }

  void draw(const OpView& view) {
    inputs_ = drawnInputs(family_.plugin(), view.inputs);
    for (std::size_t i = 0; i < inputs_.size() && i < step_.constants.size(); ++i)
      if (step_.constants[i]) inputs_[i] = *step_.constants[i];
  }

  void compareWhole(const std::vector<HostTensor>& found) {
    std::vector<HostTensor> wanted;
    for (const TensorDesc& output : layer_.outputs) wanted.emplace_back(output.type, output.shape);
    family_.plugin().reference(layer_, inputs_, wanted);
    for (std::size_t o = 0; o < found.size(); ++o) {
      std::vector<double> values;
      for (std::int64_t i = 0; i < wanted[o].size(); ++i) values.push_back(wanted[o].number(i));
      requireTolerance(o, values);
      for (std::int64_t i = 0; i < found[o].size(); ++i)
        compare(found[o], o, i, values[static_cast<std::size_t>(i)]);
    }
  }

  // A tolerance that was widened until zeros would pass tells nothing.
  void requireTolerance(std::size_t output, std::span<const double> wanted) {
    const double absolute = family_.plugin().tolerance().absolute;
    double most = 0;
    for (const double value : wanted)
      if (std::isfinite(value)) most = std::max(most, std::fabs(value));
    if (absolute <= PluginTolerance().absolute || most == 0 || absolute < most) return;
    fail(fmt::format(
        "its absolute tolerance of {:g} is no less than any element of output {}, whose largest is "
        "{:g}: any kernel would be right",
        absolute, output, most));
  }

  void compare(const HostTensor& found, std::size_t output, std::int64_t at, double wanted) {
    // As the result's type holds it.
    HostTensor stored(found.type, {});
    stored.setNumber(0, wanted);
    const double x = found.number(at), y = stored.number(0);
    if (x == y || (std::isnan(x) && std::isnan(y))) return;
    const PluginTolerance tolerance = family_.plugin().tolerance();
    if (std::fabs(x - y) <= tolerance.absolute + tolerance.relative * std::fabs(y)) return;
    fail(fmt::format("its kernel gives {:.9g} for element {} of output {}, its reference {:.9g}", x, at,
                     output, y));
  }

  const Engine::Impl& engine_;
  const Step& step_;
  const PluginFamily& family_;
  bool named_ = false;  // the error that is thrown says which layer and plugin
  PluginLayer layer_;
  std::vector<HostTensor> inputs_;
};

}  // namespace

void verifyPlugins(const Engine::Impl& engine) {
  for (const Step& step : engine.lowered.steps) {
    const auto* family = dynamic_cast<const PluginFamily*>(step.family);
    if (!family) continue;
    const bool constants = std::ranges::any_of(step.constants, [](const auto& c) { return c != nullptr; });
    const std::string key = engine.caps.fingerprint() + "\n" + family->id().text() + "\n" + step.view.text() +
                            "\n" + step.tactic.text();
    if (!constants && verified().has(key)) continue;  // constants are any
    Check(engine, step, *family).run();
    log().debug("plugin {} is right for layer '{}'", family->plugin().name(), step.layer);
    if (!constants) verified().add(key);
  }
}

}  // namespace tessera
