// Single operators on a caller's buffers.
#include "launch/device_ops.hpp"

#include "launch/kernel_launcher.hpp"

namespace tessera {

OpView inferredView(const std::string& op, Attributes attrs, std::vector<TensorDesc> inputs) {
  OpView view{op, std::move(attrs), std::move(inputs), {}};
  try {
    view.outputs = operatorNamed(op).infer(view.attrs, view.inputs);
  } catch (const Error& e) {
    throw Error(e.code(), op + " " + e.what());
  }
  return view;
}

DeviceOps::Prepared& DeviceOps::prepared(const OpView& view) {
  const std::string key = view.text();
  if (const auto it = prepared_.find(key); it != prepared_.end()) return it->second;
  std::string refusals;
  for (const KernelFamily* family : familiesFor(view)) {
    if (family->onlyMeasured(view)) continue;
    const Verdict verdict = family->applies(view, device_.caps());
    if (!verdict) {
      refusals += "; " + family->id().text() + ": " + verdict.why;
      continue;
    }
    const Problem problem = family->problem(view);
    Prepared made{family->plan(problem, family->fallback(problem, device_.caps()), device_.caps()), {}};
    if (!made.launch.scratch.empty() || !made.launch.packed.empty() || made.launch.counters)
      throw Error(ErrorCode::Internal,
                  view.op + " can not run alone: it wants scratch, packed constants or counters");
    std::vector<const KernelCall*> calls;
    for (const auto& call : made.launch.calls) calls.push_back(&call);
    programs_.build(calls);
    for (const auto& call : made.launch.calls) made.kernels.push_back(prepareCall(call, programs_));
    return prepared_.emplace(key, std::move(made)).first->second;
  }
  throw Error(ErrorCode::Unsupported, "no kernel runs " + key + refusals);
}

void DeviceOps::enqueue(const cl::CommandQueue& queue, const OpView& view,
                        const std::vector<cl::Buffer>& inputs, const std::vector<cl::Buffer>& outputs,
                        const std::vector<cl::Event>* waits, cl::Event* event) {
  Prepared& op = prepared(view);
  guarded("running " + view.op, [&] {
    for (std::size_t i = 0; i < op.kernels.size(); ++i) {
      const KernelCall& call = op.launch.calls[i];
      setKernelArgs(op.kernels[i], call, {inputs, outputs, {}, {}, {}});
      enqueueKernel(queue, op.kernels[i], call, i == 0 ? waits : nullptr,
                    i + 1 == op.kernels.size() ? event : nullptr);
    }
  });
}

}  // namespace tessera
