// The C interface: engines and what they say of themselves.
#include "c_api/handles.hpp"

using namespace tessera;
using namespace tessera::c_api;

namespace {

const Engine& engineOf(const tessera_engine* handle) { return *given(handle, "engine").engine; }

template <class Items>
const auto& itemAt(const Items& items, std::size_t index, const char* what) {
  if (index < items.size()) return items[index];
  throw Error(ErrorCode::InvalidArgument, std::string("There is no ") + what + " " + std::to_string(index) +
                                              ": there are " + std::to_string(items.size()) + ".");
}

}  // namespace

tessera_status tessera_engine_build(const char* model, const tessera_device* device,
                                    const tessera_options* options, tessera_engine** engine) {
  return guarded([&] {
    const tessera_options& how = options ? *options : tessera_options{};
    const Device& on = given(device, "device").device;
    auto& out = given(engine, "engine");
    out = new tessera_engine{Engine::build(importModel(textOf(model, "model"), how.import), on, how.engine)};
  });
}

tessera_status tessera_engine_load(const char* plan, const tessera_device* device,
                                   const tessera_options* options, tessera_engine** engine) {
  return guarded([&] {
    const TuneOptions tuning = options ? options->engine.tuning : TuneOptions{};
    const Device& on = given(device, "device").device;
    auto& out = given(engine, "engine");
    out = new tessera_engine{Engine::load(textOf(plan, "plan"), on, tuning)};
  });
}

tessera_status tessera_engine_save(const tessera_engine* engine, const char* plan) {
  return guarded([&] { engineOf(engine).save(textOf(plan, "plan")); });
}

tessera_status tessera_engine_append_to(const tessera_engine* engine, const char* plan) {
  return guarded([&] { engineOf(engine).appendTo(textOf(plan, "plan")); });
}

int32_t tessera_engine_tuning_done(const tessera_engine* engine) {
  return !engine || engine->engine->tuningDone();
}

tessera_status tessera_engine_wait_for_tuning(const tessera_engine* engine) {
  return guarded([&] { engineOf(engine).waitForTuning(); });
}

void tessera_engine_release(tessera_engine* engine) { delete engine; }

const char* tessera_engine_name(const tessera_engine* engine) {
  return engine ? engine->engine->name().c_str() : "";
}

const char* tessera_engine_description(const tessera_engine* engine) {
  return engine ? engine->engine->description().c_str() : "";
}

size_t tessera_engine_binding_count(const tessera_engine* engine) {
  return engine ? engine->engine->bindings().size() : 0;
}

tessera_status tessera_engine_binding(const tessera_engine* engine, size_t index, tessera_binding* binding) {
  return guarded([&] {
    const Binding& found = itemAt(engineOf(engine).bindings(), index, "binding");
    answer(binding, {.struct_size = 0,
                     .name = found.name.c_str(),
                     .type = static_cast<tessera_data_type>(found.type),
                     .shape = found.shape.data(),
                     .rank = found.shape.size(),
                     .bytes = found.bytes(),
                     .is_input = found.isInput});
  });
}

tessera_status tessera_engine_memory(const tessera_engine* engine, tessera_memory* memory) {
  return guarded([&] {
    const MemoryUse& use = engineOf(engine).memory();
    answer(memory, {.struct_size = 0,
                    .weights = use.weights,
                    .activations = use.activations,
                    .bindings = use.bindings,
                    .workspace = use.workspace});
  });
}

size_t tessera_engine_layer_count(const tessera_engine* engine) {
  return engine ? engine->engine->layers().size() : 0;
}

tessera_status tessera_engine_layer(const tessera_engine* engine, size_t index, tessera_layer* layer) {
  return guarded([&] {
    const LayerInfo& found = itemAt(engineOf(engine).layers(), index, "layer");
    answer(layer, {.struct_size = 0,
                   .name = found.name.c_str(),
                   .op = found.op.c_str(),
                   .family = found.family.c_str(),
                   .tactic = found.tactic.c_str(),
                   .precision = found.precision.c_str(),
                   .operations = found.operations,
                   .bytes = found.bytes});
  });
}
