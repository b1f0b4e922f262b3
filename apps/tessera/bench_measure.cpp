// Runs of a network, timed: one after another, or on several streams at once.
#include <algorithm>
#include <barrier>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>

#include "apps/common/progress.hpp"
#include "apps/tessera/bench.hpp"
#include "apps/tessera/energy.hpp"
#include "apps/tessera/tensors.hpp"

namespace tessera::app {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) { return percentile(std::move(values), 0.5); }

std::vector<Context> makeContexts(const std::shared_ptr<const Engine>& engine, const BenchOptions& options) {
  std::vector<Context> contexts;
  for (int i = 0; i < options.streams; ++i) {
    Context& context = contexts.emplace_back(engine);
    options.engine.setShapes(context);
    for (const Binding& binding : context.bindings())
      if (binding.isInput) context.upload(binding.name, randomTensor(binding, static_cast<unsigned>(i)));
    for (int run = 0; run < options.warmUp; ++run) context.execute();
  }
  return contexts;
}

// Runs of one stream until the time is over, or as many as were asked for.
std::vector<double> timedRuns(Context& context, const BenchOptions& options, Clock::time_point begin,
                              Progress* progress) {
  std::vector<double> milliseconds;
  for (int i = 0; options.duration > 0 ? i == 0 || secondsSince(begin) < options.duration : i < options.runs;
       ++i) {
    const auto start = Clock::now();
    context.execute();
    milliseconds.push_back(secondsSince(start) * 1e3);
    if (progress) progress->advance();
  }
  return milliseconds;
}

void runStreams(std::vector<Context>& contexts, const BenchOptions& options, Measured& measured) {
  std::mutex mutex;
  std::exception_ptr error;
  std::barrier ready(static_cast<std::ptrdiff_t>(contexts.size()) + 1);
  Clock::time_point begin;
  std::vector<std::thread> threads;
  for (Context& context : contexts)
    threads.emplace_back([&] {
      ready.arrive_and_wait();
      try {
        const auto times = timedRuns(context, options, begin, nullptr);
        const std::lock_guard lock(mutex);
        measured.milliseconds.insert(measured.milliseconds.end(), times.begin(), times.end());
      } catch (...) {
        const std::lock_guard lock(mutex);
        error = std::current_exception();
      }
    });
  begin = Clock::now();  // before the barrier lets them read it
  ready.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
  measured.seconds = secondsSince(begin);
  if (error) std::rethrow_exception(error);
}

void runAll(std::vector<Context>& contexts, const BenchOptions& options, Measured& measured) {
  if (contexts.size() > 1) return runStreams(contexts, options, measured);
  Progress progress("measuring", static_cast<std::size_t>(options.runs), "runs");
  const auto begin = Clock::now();
  measured.milliseconds =
      timedRuns(contexts.front(), options, begin, options.duration > 0 ? nullptr : &progress);
  measured.seconds = secondsSince(begin);
}

// What was fused, of a model: a plan no longer has the network as it was imported.
LayerMembers membersIn(const Engine& engine, const BenchOptions& options) {
  const bool asked = options.profile || !options.trace.empty();
  if (!asked || isPlan(options.engine.model) || !engine.shapes().empty()) return {};
  return membersOf(options.engine.load(), engine.graph());
}

struct TracedRun {
  std::vector<LaunchTime> launches;
  std::vector<double> times, gaps;  // per layer
  double span = 0, busy = 0;
};

TracedRun tracedRun(Context& context, std::size_t layers) {
  TracedRun run{traceRun(context), std::vector<double>(layers), std::vector<double>(layers)};
  double free = 0;  // when the device has done what came before
  for (const LaunchTime& launch : run.launches) {
    run.gaps[launch.layer] += std::max(launch.begin - free, 0.0);
    run.times[launch.layer] += launch.end - launch.begin;
    run.busy += launch.end - std::max(launch.begin, free);
    free = std::max(free, launch.end);
  }
  run.span = free;
  return run;
}

}  // namespace

double Measured::throughput() const {
  return seconds > 0 ? static_cast<double>(milliseconds.size()) * static_cast<double>(items) / seconds : 0;
}

double rate(double work, double milliseconds) { return milliseconds > 0 ? work / milliseconds * 1e-6 : 0; }

Profile profileOf(Context& context, int runs, const LayerMembers& members) {
  Profile profile;
  for (const LayerTime& time : context.profile(1)) {
    const auto known = members.find(time.layer.name);
    profile.layers.push_back(
        {time.layer, known == members.end() ? std::vector<std::string>() : known->second, 0, 0});
  }
  std::vector<TracedRun> traced;
  for (int i = 0; i < std::max(runs, 1); ++i) traced.push_back(tracedRun(context, profile.layers.size()));
  const auto medianOf = [&](auto&& value) {
    std::vector<double> values;
    for (const TracedRun& run : traced) values.push_back(value(run));
    return median(std::move(values));
  };
  for (std::size_t i = 0; i < profile.layers.size(); ++i) {
    profile.layers[i].milliseconds = medianOf([&](const TracedRun& run) { return run.times[i]; });
    profile.layers[i].gap = medianOf([&](const TracedRun& run) { return run.gaps[i]; });
  }
  std::ranges::sort(traced, {}, &TracedRun::span);
  TracedRun& typical = traced[traced.size() / 2];
  profile.launches = std::move(typical.launches);
  profile.span = typical.span, profile.busy = typical.busy;
  return profile;
}

Measured measure(const std::shared_ptr<const Engine>& engine, const BenchOptions& options) {
  std::vector<Context> contexts = makeContexts(engine, options);
  Measured measured;
  measured.items = options.engine.batch;
  if (!engine->shapes().empty())
    if (const Shape& shape = contexts.front().bindings().front().shape; !shape.empty())
      measured.items = shape[0];
  EnergySource energy = energyMeterOf(contexts.front());
  const double before = energy.meter ? energy.meter->joules() : 0;
  runAll(contexts, options, measured);
  measured.energy.why = energy.why;
  if (energy.meter) {
    measured.energy = {energy.meter->joules() - before, measured.seconds, energy.meter->what(), {}};
  }
  measured.profile =
      profileOf(contexts.front(), std::clamp(options.runs / 3, 1, 10), membersIn(*engine, options));
  if (options.profile || !options.chart.empty())
    measured.profile.ceiling = measureCeiling(engine->device(), engine->precision());
  return measured;
}

}  // namespace tessera::app
