// Streams of requests over several contexts and devices.
#include "tessera/engine_pool.hpp"

#include <pybind11/stl.h>

#include "python/src/arrays.hpp"
#include "python/src/module.hpp"

namespace tessera::python {
namespace {

/// Held by threads that have no GIL, and let go with it.
using Kept = std::shared_ptr<py::object>;
Kept kept(py::object value) {
  return {new py::object(std::move(value)), [](py::object* p) {
            const py::gil_scoped_acquire gil;
            delete p;
          }};
}

// The exception that Python has for what C++ threw.
py::object exceptionOf(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Cancelled& error) {
    return py::module_::import("tessera._errors").attr("Cancelled")(error.what());
  } catch (const Error& error) {
    const std::string name(toString(error.code()));
    return py::module_::import("tessera._errors").attr(name.c_str())(error.what());
  } catch (const std::exception& error) {
    return py::module_::import("builtins").attr("RuntimeError")(error.what());
  }
}

/// A pool whose threads need the GIL to hand over results: whoever waits for them gives it up.
class Pool {
 public:
  Pool(const std::vector<std::shared_ptr<Engine>>& engines, const PoolOptions& options) {
    for (const auto& engine : engines)
      if (!engine) throw Error(ErrorCode::InvalidArgument, "an engine of the pool is None");
    withoutGil([&] {
      pool_ = std::make_unique<EnginePool>(
          std::vector<std::shared_ptr<const Engine>>(engines.begin(), engines.end()), options);
    });
  }
  ~Pool() {
    const py::gil_scoped_release release;
    pool_.reset();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  py::object submit(const py::object& inputs) {
    if (!py::hasattr(inputs, "items"))
      throw Error(ErrorCode::InvalidArgument, "inputs are a mapping from names to arrays");
    TensorMap tensors;
    for (const py::handle item : inputs.attr("items")()) {
      const auto [name, value] = item.cast<std::pair<std::string, py::object>>();
      tensors[name] = tensorOf(value, "input '" + name + "'");
    }
    py::object future = py::module_::import("concurrent.futures").attr("Future")();
    future.attr("set_running_or_notify_cancel")();
    const auto done = [result = kept(future)](PoolResult answer) {
      const py::gil_scoped_acquire gil;
      try {
        if (answer.error)
          result->attr("set_exception")(exceptionOf(answer.error));
        else
          result->attr("set_result")(dictOf(std::move(answer.outputs)));
      } catch (py::error_already_set& error) {
        error.discard_as_unraisable("tessera.EnginePool");
      }
    };
    withoutGil([&] { pool_->submit(std::move(tensors), done); });
    return future;
  }
  void finish() {
    withoutGil([&] { pool_->finish(); });
  }

 private:
  std::unique_ptr<EnginePool> pool_;
};

}  // namespace

void bindEnginePool(py::module_& module) {
  const PoolOptions defaults;
  py::class_<Pool>(module, "EnginePool", doc("EnginePool"))
      .def(py::init([](const std::vector<std::shared_ptr<Engine>>& engines, int contexts, std::size_t queue,
                       std::int64_t batch, double delay, bool inOrder) {
             PoolOptions options;
             options.contexts = contexts;
             options.queue = queue;
             options.batch = batch;
             options.delay = std::chrono::microseconds(static_cast<std::int64_t>(delay * 1e6));
             options.inOrder = inOrder;
             return std::make_unique<Pool>(engines, options);
           }),
           py::arg("engines"), py::kw_only(), py::arg("contexts") = defaults.contexts,
           py::arg("queue") = defaults.queue, py::arg("batch") = defaults.batch,
           py::arg("delay") = static_cast<double>(defaults.delay.count()) * 1e-6,
           py::arg("in_order") = defaults.inOrder, doc("EnginePool.__init__"))
      .def("submit", &Pool::submit, py::arg("inputs"), doc("EnginePool.submit"))
      .def("finish", &Pool::finish, doc("EnginePool.finish"));
}

}  // namespace tessera::python
