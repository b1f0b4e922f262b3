// Contexts between threads, and runs on their way.
#include "python/src/shared_context.hpp"

namespace tessera::python {

void checkCall(const char* call, cl_int code) {
  if (code != CL_SUCCESS)
    throw Error(ErrorCode::DeviceError, std::string(call) + " failed with " + std::to_string(code));
}

void uploadArray(Context& context, const BoundArray& input) { context.upload(input.name, input.elements); }

void startRun(Context& context, const std::vector<BoundArray>& inputs) {
  for (const BoundArray& input : inputs) uploadArray(context, input);
  context.enqueue(context.queue());
  checkCall("clFlush", clFlush(context.queue()));
}

Pending::Pending(cl_command_queue queue) {
  checkCall("clEnqueueMarkerWithWaitList", clEnqueueMarkerWithWaitList(queue, 0, nullptr, &marker));
  checkCall("clFlush", clFlush(queue));
}

Pending::~Pending() { clReleaseEvent(marker); }

bool Pending::done() const {
  cl_int status = CL_QUEUED;
  checkCall("clGetEventInfo",
            clGetEventInfo(marker, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status), &status, nullptr));
  return status <= CL_COMPLETE;  // below: it failed, and finish() says how
}

void SharedContext::checkIdle() const {
  if (pending_ && !pending_->collected)
    throw Error(ErrorCode::InvalidArgument,
                "a run of this context was started and its outputs are not collected yet: call finish(), "
                "or result() of what start() gave");
}

std::vector<Binding> SharedContext::bindings() {
  return inTurn([](Context& context) { return context.bindings(); });
}

void SharedContext::cancel() {
  const py::gil_scoped_release release;
  context_.cancel();
}

void SharedContext::bindHost(const std::string& name, py::array memory) {
  bindingOf(engine_->bindings(), name);
  void* at = memory.mutable_data();  // throws where it is read-only
  const std::size_t bytes = byteCount(memory);
  alone([&](Context& context) { context.bindHost(name, at, bytes); });
  hosted_[name] = std::move(memory);
}

void SharedContext::bindBuffer(const std::string& name, cl_mem buffer, std::size_t offset) {
  alone([&](Context& context) { context.bind(name, buffer, offset); });
  hosted_.erase(name);
}

std::shared_ptr<Pending> SharedContext::start(const std::vector<BoundArray>& inputs) {
  std::shared_ptr<Pending> last;  // holds arrays of Python: it goes where the GIL is held again
  return alone([&](Context& context) {
    last = std::move(pending_);
    startRun(context, inputs);
    return pending_ = std::make_shared<Pending>(context.queue());
  });
}

std::shared_ptr<Pending> SharedContext::pending() {
  const auto last = inTurn([&](Context&) { return pending_; });
  if (!last) throw Error(ErrorCode::InvalidArgument, "no run of this context was started");
  return last;
}

py::object SharedContext::outputs(Pending& run) {
  inTurn([&](Context& context) {
    if (run.collected) return;
    run.collected = true;
    try {
      run.outputs = context.finish();
    } catch (...) {
      run.failure = std::current_exception();
    }
  });
  if (run.failure) std::rethrow_exception(run.failure);
  if (!run.arrays) run.arrays = dictOf(std::move(run.outputs));
  return run.arrays;
}

}  // namespace tessera::python
