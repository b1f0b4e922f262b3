// The C interface: running an engine.
#include "c_api/handles.hpp"

using namespace tessera;
using namespace tessera::c_api;

tessera_status tessera_context_create(const tessera_engine* engine, tessera_context** context) {
  return guarded([&] {
    auto& out = given(context, "context");
    out = new tessera_context{Context(given(engine, "engine").engine)};
  });
}

void tessera_context_release(tessera_context* context) { delete context; }

tessera_status tessera_context_set_input(tessera_context* context, const char* name, const void* data,
                                         size_t bytes) {
  return guarded([&] {
    Context& run = given(context, "context").context;
    const Binding& binding = run.engine().binding(textOf(name, "name"));
    if (!binding.isInput) throw Error(ErrorCode::InvalidArgument, "'" + binding.name + "' is an output.");
    const auto* elements = static_cast<const std::byte*>(data);
    if (bytes > 0) given(elements, "data");
    run.upload(binding.name, std::span(elements, bytes));
  });
}

tessera_status tessera_context_run(tessera_context* context) {
  return guarded([&] { given(context, "context").context.execute(); });
}

tessera_status tessera_context_get_output(tessera_context* context, const char* name, void* data,
                                          size_t bytes, int64_t* shape) {
  return guarded([&] {
    Context& run = given(context, "context").context;
    const HostTensor value = run.download(textOf(name, "name"));
    if (bytes < value.data.size())
      throw Error(ErrorCode::InvalidArgument, "Output '" + std::string(name) + "' takes " +
                                                  std::to_string(value.data.size()) + " bytes, not " +
                                                  std::to_string(bytes) + ".");
    if (!value.data.empty())
      std::memcpy(&given(static_cast<char*>(data), "data"), value.data.data(), value.data.size());
    if (shape) std::copy(value.shape.begin(), value.shape.end(), shape);
  });
}

tessera_status tessera_context_profile(tessera_context* context, int32_t runs, double* milliseconds,
                                       size_t count) {
  return guarded([&] {
    Context& run = given(context, "context").context;
    if (runs < 1) throw Error(ErrorCode::InvalidArgument, "There is nothing to measure in no run.");
    if (count < run.engine().layers().size())
      throw Error(ErrorCode::InvalidArgument, "There is room for " + std::to_string(count) + " of " +
                                                  std::to_string(run.engine().layers().size()) + " layers.");
    double* out = &given(milliseconds, "milliseconds");
    for (const LayerTime& time : run.profile(runs)) *out++ = time.milliseconds;
  });
}

cl_command_queue tessera_context_queue(const tessera_context* context) {
  return context ? context->context.queue() : nullptr;
}

tessera_status tessera_context_bind(tessera_context* context, const char* name, cl_mem buffer) {
  return guarded([&] { given(context, "context").context.bind(textOf(name, "name"), buffer); });
}

tessera_status tessera_context_enqueue(tessera_context* context, cl_command_queue queue,
                                       const cl_event* waits, size_t wait_count, cl_event* done) {
  return guarded([&] {
    Context& run = given(context, "context").context;
    std::vector<cl_event> before;
    if (wait_count > 0) before.assign(&given(waits, "waits"), waits + wait_count);
    run.enqueue(&given(queue, "queue"), before, done);
  });
}
