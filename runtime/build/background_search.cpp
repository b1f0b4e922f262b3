// Searches that go on while contexts run (TuneMode::Background).
#include "build/engine_builder.hpp"

namespace tessera {

std::shared_ptr<Engine> EngineBuilder::searchedOn(std::shared_ptr<Engine> engine) const {
  const TuneReport& known = engine->tuning();
  if (options_.tuning.mode != TuneMode::Background || known.exact == known.problems) return engine;
  EngineOptions options = options_;
  options.tuning.mode = TuneMode::Fast;
  options.sharePrograms = nullptr;
  const auto search = [device = device_, options, main = engine.get()](const std::atomic<bool>& stop) {
    EngineOptions watched = options;
    watched.tuning.progress = [&](const TuneProgress& progress) {
      if (stop) throw Error(ErrorCode::DeviceError, "the search for '" + main->name() + "' was stopped");
      if (options.tuning.progress) options.tuning.progress(progress);
    };
    return EngineBuilder(device, watched).faster(*main, stop);
  };
  engine->impl_->background = std::make_unique<Background>(search);
  return engine;
}

std::shared_ptr<Engine> EngineBuilder::faster(const Engine& main, const std::atomic<bool>& stop) {
  const Engine::Impl& like = main.impl();
  name_ = like.name, description_ = like.description, precision_ = like.precision, counted_ = like.counted;
  like_ = &main, stop_ = &stop;
  const Network network{like.graph, like.precisions};
  begin(network);
  return finish(fastest(network));
}

}  // namespace tessera
