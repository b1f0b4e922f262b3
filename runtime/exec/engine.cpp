// Engines as callers see them.
#include "tessera/engine.hpp"

#include <algorithm>

#include "exec/engine_impl.hpp"

namespace tessera {

std::string_view toString(PrecisionChoice choice) {
  return choice == PrecisionChoice::Rules ? "rules" : "measured";
}

PrecisionChoice parsePrecisionChoice(std::string_view text) {
  for (const PrecisionChoice c : {PrecisionChoice::Rules, PrecisionChoice::Measured})
    if (text == toString(c)) return c;
  throw Error(ErrorCode::InvalidArgument,
              "unknown choice of precision '" + std::string(text) + "': rules or measured");
}

std::string_view toString(Launches launches) {
  return launches == Launches::Measured ? "measured" : launches == Launches::Steps ? "steps" : "one";
}

Launches parseLaunches(std::string_view text) {
  for (const Launches l : {Launches::Measured, Launches::Steps, Launches::One})
    if (text == toString(l)) return l;
  throw Error(ErrorCode::InvalidArgument,
              "unknown way to launch '" + std::string(text) + "': measured, steps or one");
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() { impl_->background.reset(); }  // it looks at the rest

bool Engine::tuningDone() const { return !impl_->background || impl_->background->done(); }
void Engine::waitForTuning() const {
  if (impl_->background) impl_->background->wait();
}

int Engine::Impl::bindingIndex(std::string_view bindingName) const {
  std::string names;
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    if (bindings[i].name == bindingName) return static_cast<int>(i);
    names += (names.empty() ? "" : ", ") + bindings[i].name;
  }
  throw Error(ErrorCode::InvalidArgument,
              "the network has no binding '" + std::string(bindingName) + "'; it has: " + names);
}

std::shared_ptr<const Engine> formOf(const Engine& main, const InputShapes& shapes) {
  const Engine::Impl& impl = main.impl();
  const auto& profile = main.shapes();
  if (std::ranges::all_of(shapes, [&](const auto& s) {
        const auto range = profile.find(s.first);
        return range != profile.end() && range->second.max == s.second;
      }))
    return nullptr;
  if (!impl.family)
    throw Error(ErrorCode::InvalidArgument,
                "the engine of '" + impl.name +
                    "' was built for one shape: give EngineOptions::shapes (programs: "
                    "--min-shape and --max-shape) when it is built");
  const std::lock_guard lock(impl.formsMutex);
  std::shared_ptr<const Engine>& form = impl.forms[shapes];
  if (!form) try {
      form = impl.makeForm(main, impl.family->at(shapes));
    } catch (...) {
      impl.forms.erase(shapes);
      throw;
    }
  return form;
}

const std::string& Engine::name() const { return impl_->name; }
Precision Engine::precision() const { return impl_->precision; }
const std::string& Engine::description() const { return impl_->description; }
const Graph& Engine::graph() const { return impl_->graph; }
const std::vector<Binding>& Engine::bindings() const { return impl_->bindings; }
const Binding& Engine::binding(std::string_view name) const {
  return impl_->bindings[impl_->bindingIndex(name)];
}
const ShapeProfile& Engine::shapes() const {
  static const ShapeProfile none;
  return impl_->family ? impl_->family->profile() : none;
}
const Device& Engine::device() const { return impl_->device; }
const MemoryUse& Engine::memory() const { return impl_->memory; }
const std::vector<LayerPrecision>& Engine::precisions() const { return impl_->precisions; }
const std::vector<LayerInfo>& Engine::layers() const { return impl_->layers; }
std::size_t Engine::launches() const {
  if (impl_->chain) return 1;
  std::size_t count = 0;
  for (const Step& step : impl_->lowered.steps) count += step.launch.calls.size();
  return count;
}
const TuneReport& Engine::tuning() const { return impl_->tuning; }
std::string Engine::text() const { return impl_->lowered.text(); }

}  // namespace tessera
