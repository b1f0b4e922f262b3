#include "exec/chain_launch.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <vector>

#include "exec/engine_impl.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

constexpr std::size_t kMostPerUnit = 8;  // groups, of 128 items and more
// Of W groups a thread of PoCL's takes 1 + W / threads of what is left: with so many for each the last thread
// finds one, too.
constexpr std::size_t kLaunchedForThread = 4;

cl::Buffer bufferOf(const Engine::Impl& engine, int step, int index) {
  const auto i = static_cast<std::size_t>(index);
  return step < 0 ? engine.constants.at(i) : engine.packed.at(static_cast<std::size_t>(step)).at(i);
}

ChainContent contentIn(const Engine::Impl& engine, int step, int index) {
  const cl::Buffer buffer = bufferOf(engine, step, index);
  if (!buffer()) throw Error(ErrorCode::Internal, "a chain wants a constant that the network does not have");
  return {buffer(), buffer.getInfo<CL_MEM_SIZE>()};
}

cl::Buffer copyConstants(const Engine::Impl& engine, const Chain& chain) {
  const auto& device = engine.device.impl();
  cl::Buffer all(device.context(), CL_MEM_READ_ONLY, std::max<std::size_t>(chain.constantBytes, 16));
  cl::CommandQueue queue(device.context(), device.device);
  for (const ChainConstant& c : chain.constants)
    if (c.bytes > 0) {
      const cl::Buffer from(static_cast<cl_mem>(const_cast<void*>(c.key)), true);
      queue.enqueueCopyBuffer(from, all, 0, c.offset, c.bytes);
    }
  queue.finish();
  return all;
}

// Whether so many groups come to be on the device at once: each counts itself in and waits a while for the
// others.
bool groupsFit(const Engine::Impl& engine, const ChainLaunch& launch, std::size_t groups) {
  const auto& device = engine.device.impl();
  cl::CommandQueue queue(device.context(), device.device);
  cl::Kernel kernel = engine.programs.kernel(launch.chain.call);
  const cl::Buffer sync = makeChainSync(device.context(), launch.chain);
  const auto buffers = static_cast<cl_uint>(launch.chain.buffers.size());
  for (cl_uint i = 0; i < buffers; ++i) kernel.setArg(i, launch.constants);  // not touched
  kernel.setArg(buffers, sync);
  kernel.setArg(buffers + 1, cl_int{1});
  queue.enqueueNDRangeKernel(kernel, cl::NullRange, cl::NDRange(groups * launch.chain.items),
                             cl::NDRange(launch.chain.items));
  cl_uint words[3] = {};
  queue.enqueueReadBuffer(sync, CL_TRUE, 0, sizeof words, words);
  return words[2] == groups;
}

}  // namespace

cl::Buffer makeChainSync(const cl::Context& context, const Chain& chain) {
  std::vector<cl_uint> zeros(chain.syncWords);
  return {context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, zeros.size() * sizeof(cl_uint), zeros.data()};
}

void makeChain(Engine::Impl& engine, std::size_t groups) {
  const auto units = static_cast<std::size_t>(engine.caps.computeUnits);
  const std::size_t bound = std::max<std::size_t>(engine.caps.nvidia ? units * kMostPerUnit : units, 1);
  if (groups > bound)  // before anything is compiled
    throw Error(ErrorCode::Unsupported, "its " + std::to_string(groups) +
                                            " work-groups are not on the device at the same time, at most " +
                                            std::to_string(bound) + " can be");
  ChainLaunch launch;
  launch.chain = composeChain(engine.lowered, engine.caps,
                              [&](int step, int index) { return contentIn(engine, step, index); });
  try {
    engine.programs.build({&launch.chain.call});
  } catch (const Error& e) {
    throw Error(ErrorCode::Unsupported, std::string("its one kernel does not compile: ") + e.what());
  }
  guarded("preparing the one launch of " + engine.name, [&] {
    launch.constants = copyConstants(engine, launch.chain);
    launch.mostGroups = std::max<std::size_t>(launch.chain.shares, 1);
    if (launch.mostGroups > 1) launch.launched = kLaunchedForThread;
    if (engine.caps.nvidia) {
      std::size_t most = kMostPerUnit;
      while (most > 0 && !groupsFit(engine, launch, units * most)) --most;
      launch.mostGroups = units * most;
    }
    launch.groups = groups;
  });
  if (launch.mostGroups < launch.groups || launch.mostGroups == 0)
    throw Error(ErrorCode::Unsupported, "its " + std::to_string(launch.groups) +
                                            " work-groups are not on the device at the same time, only " +
                                            std::to_string(launch.mostGroups) + " are");
  engine.memory.weights += launch.chain.constantBytes;
  engine.memory.workspace += launch.chain.syncWords * sizeof(cl_uint);
  log().debug("'{}' in one launch: {} kernels in {} phases, at most {} groups of {} items", engine.name,
              launch.chain.kernels, launch.chain.phases.size(), launch.mostGroups, launch.chain.items);
  engine.chain.emplace(std::move(launch));
}

void enqueueChain(const Device& device, const cl::CommandQueue& on, const cl::Kernel& kernel,
                  const ChainLaunch& launch) {
  const cl::NDRange items(launch.groups * launch.launched * launch.chain.items), group(launch.chain.items);
  if (launch.chain.shares) {
    on.enqueueNDRangeKernel(kernel, cl::NullRange, items, group);
    return;
  }
  Device::Impl::ChainTurn& turn = device.impl().chainTurn;
  const std::lock_guard lock(turn.mutex);
  std::vector<cl::Event> waits;
  if (turn.last() && turn.last() != on()) {
    turn.last.enqueueMarkerWithWaitList(nullptr, &waits.emplace_back());
    turn.last.flush();
  }
  on.enqueueNDRangeKernel(kernel, cl::NullRange, items, group, waits.empty() ? nullptr : &waits);
  turn.last = on;
}

}  // namespace tessera
