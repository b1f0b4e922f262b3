// Every launch of a run.
#include "tessera/profile.hpp"

#include "exec/context_impl.hpp"
#include "exec/step_trace.hpp"

namespace tessera {

std::vector<LaunchTime> StepTrace::launches(Context& context) {
  Context::Impl& c = *context.impl_;
  const auto& steps = c.e().lowered.steps;
  std::vector<LaunchTime> launches;
  guarded("tracing " + c.e().name, [&] {
    std::vector<std::pair<cl::Event, cl::Event>> events;
    const auto& kernels = c.stepKernels();
    for (std::size_t i = 0; i < steps.size(); ++i)
      for (std::size_t k = 0; k < kernels[i].size(); ++k) {
        cl::Event event, begin;
        const KernelCall& call = steps[i].launch.calls[k];
        enqueueKernel(c.queue, kernels[i][k], call, nullptr, &event, &begin);
        if (!event()) continue;  // nothing to do
        events.emplace_back(begin, event);
        launches.push_back({i, call.entry, 0, 0});
      }
    c.queue.finish();
    cl_ulong first = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const auto& [before, event] = events[i];
      const cl_ulong begin = before() ? before.getProfilingInfo<CL_PROFILING_COMMAND_END>()
                                      : event.getProfilingInfo<CL_PROFILING_COMMAND_START>();
      if (i == 0) first = begin;
      launches[i].begin = static_cast<double>(static_cast<cl_long>(begin - first)) * 1e-6;
      launches[i].end = static_cast<double>(static_cast<cl_long>(
                            event.getProfilingInfo<CL_PROFILING_COMMAND_END>() - first)) *
                        1e-6;
    }
  });
  return launches;
}

std::vector<LaunchTime> traceRun(Context& context) { return StepTrace::launches(context); }

}  // namespace tessera
