// Running engines.
#include "tessera/context.hpp"

#include <pybind11/stl.h>

#include <chrono>
#include <optional>
#include <thread>

#include "python/src/fields.hpp"
#include "python/src/options.hpp"
#include "python/src/shared_context.hpp"
#include "tessera/profile.hpp"

namespace tessera::python {
namespace {

/// What start() gives.
struct Run {
  ContextPointer context;
  std::shared_ptr<Pending> pending;

  py::object result(std::optional<double> timeout) const {
    if (timeout) wait(*timeout);
    return context->outputs(*pending);
  }
  void wait(double seconds) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (!pending->done()) {
      if (std::chrono::steady_clock::now() >= end) {
        PyErr_SetString(PyExc_TimeoutError, "the run takes longer than it was given");
        throw py::error_already_set();
      }
      checkSignals();
      withoutGil([] { std::this_thread::sleep_for(std::chrono::microseconds(500)); });
    }
  }
};

template <class Handle>
Handle handleOf(std::uintptr_t address) {
  return reinterpret_cast<Handle>(address);
}
std::uintptr_t addressOf(const void* handle) { return reinterpret_cast<std::uintptr_t>(handle); }

py::dict runOnce(SharedContext& context, const py::object& inputs) {
  const std::vector<BoundArray> arrays = inputsOf(inputs, context.bindings());
  return dictOf(context.alone([&](Context& c) {
    startRun(c, arrays);
    return c.finish();
  }));
}

void uploadOne(SharedContext& context, const std::string& name, const py::object& value) {
  const BoundArray input(bindingOf(context.bindings(), name), value);
  context.alone([&](Context& c) { uploadArray(c, input); });
}

void bindRunning(py::class_<SharedContext, ContextPointer>& type) {
  type.def(py::init([](std::shared_ptr<Engine> engine, bool cancellable, std::optional<bool> pinned) {
             const ContextOptions options{cancellable, pinned};
             return withoutGil([&] { return std::make_shared<SharedContext>(std::move(engine), options); });
           }),
           py::arg("engine").none(false), py::kw_only(), py::arg("cancellable") = false,
           py::arg("pinned") = py::none(), doc("Context.__init__"))
      .def_property_readonly(
          "engine", [](const SharedContext& c) { return std::const_pointer_cast<Engine>(c.engine()); },
          doc("Context.engine"))
      .def("run", &runOnce, py::arg("inputs"), doc("Context.run"))
      .def(
          "start",
          [](const ContextPointer& c, const py::object& inputs) {
            return Run{c, c->start(inputsOf(inputs, c->bindings()))};
          },
          py::arg("inputs"), doc("Context.start"))
      .def(
          "finish", [](SharedContext& c) { return c.outputs(*c.pending()); }, doc("Context.finish"))
      .def("upload", &uploadOne, py::arg("name"), py::arg("value"), doc("Context.upload"))
      .def(
          "download",
          [](SharedContext& c, const std::string& name) {
            return arrayOf(c.alone([&](Context& context) { return context.download(name); }));
          },
          py::arg("name"), doc("Context.download"))
      .def(
          "execute", [](SharedContext& c) { c.alone([](Context& context) { context.execute(); }); },
          doc("Context.execute"))
      .def("cancel", &SharedContext::cancel, doc("Context.cancel"))
      .def(
          "profile",
          [](SharedContext& c, int runs) {
            return c.alone([&](Context& context) { return context.profile(runs); });
          },
          py::arg("runs") = 5, doc("Context.profile"))
      .def(
          "trace",
          [](SharedContext& c) { return c.alone([](Context& context) { return traceRun(context); }); },
          doc("Context.trace"))
      .def("__repr__",
           [](const SharedContext& c) { return "<tessera.Context of " + c.engine()->name() + ">"; });
}

void bindShapes(py::class_<SharedContext, ContextPointer>& type) {
  type.def(
          "set_shape",
          [](SharedContext& c, const std::string& input, const Shape& shape) {
            c.alone([&](Context& context) { context.setShape(input, shape); });
          },
          py::arg("input"), py::arg("shape"), doc("Context.set_shape"))
      .def(
          "set_shapes",
          [](SharedContext& c, const InputShapes& shapes) {
            c.alone([&](Context& context) { context.setShapes(shapes); });
          },
          py::arg("shapes"), doc("Context.set_shapes"))
      .def_property_readonly("bindings", &SharedContext::bindings, doc("Context.bindings"))
      .def(
          "binding", [](SharedContext& c, const std::string& name) { return bindingOf(c.bindings(), name); },
          py::arg("name"), doc("Context.binding"));
}

// OpenCL's handles as addresses, which is how its libraries for Python pass them on.
void bindHandles(py::class_<SharedContext, ContextPointer>& type) {
  type.def_property_readonly(
          "queue",
          [](SharedContext& c) {
            return c.inTurn([](Context& context) { return addressOf(context.queue()); });
          },
          doc("Context.queue"))
      .def(
          "buffer",
          [](SharedContext& c, const std::string& name) {
            return c.inTurn([&](Context& context) { return addressOf(context.buffer(name)); });
          },
          py::arg("name"), doc("Context.buffer"))
      .def(
          "bind",
          [](SharedContext& c, const std::string& name, std::optional<std::uintptr_t> buffer,
             std::size_t offset) { c.bindBuffer(name, handleOf<cl_mem>(buffer.value_or(0)), offset); },
          py::arg("name"), py::arg("buffer"), py::arg("offset") = 0, doc("Context.bind"))
      .def("bind_host", &SharedContext::bindHost, py::arg("name"), py::arg("memory").noconvert(),
           doc("Context.bind_host"))
      .def(
          "enqueue",
          [](SharedContext& c, std::optional<std::uintptr_t> queue,
             const std::vector<std::uintptr_t>& waits) {
            return c.alone([&](Context& context) {
              std::vector<cl_event> events;
              for (const std::uintptr_t event : waits) events.push_back(handleOf<cl_event>(event));
              cl_event done = nullptr;
              context.enqueue(queue ? handleOf<cl_command_queue>(*queue) : context.queue(), events, &done);
              return addressOf(done);
            });
          },
          py::arg("queue") = py::none(), py::arg("waits") = py::tuple(), doc("Context.enqueue"));
}

}  // namespace

void bindContext(py::module_& module) {
  Fields<LayerTime>(module, "LayerTime")
      .field("layer", &LayerTime::layer)
      .field("milliseconds", &LayerTime::milliseconds);
  Fields<LaunchTime>(module, "LaunchTime")
      .field("layer", &LaunchTime::layer)
      .field("kernel", &LaunchTime::kernel)
      .field("begin", &LaunchTime::begin)
      .field("end", &LaunchTime::end);
  py::class_<Run>(module, "Run", doc("Run"))
      .def(
          "done", [](const Run& r) { return r.pending->done(); }, doc("Run.done"))
      .def("result", &Run::result, py::arg("timeout") = py::none(), doc("Run.result"))
      .def(
          "__await__",
          [](const py::object& self) {
            const py::object loop = py::module_::import("asyncio").attr("get_running_loop")();
            return loop.attr("run_in_executor")(py::none(), self.attr("result")).attr("__await__")();
          },
          doc("Run.__await__"));
  py::class_<SharedContext, ContextPointer> context(module, "Context", doc("Context"));
  bindRunning(context);
  bindShapes(context);
  bindHandles(context);
}

}  // namespace tessera::python
