// Threads that run requests, each with a context.
#include "tessera/engine_pool.hpp"

#include <algorithm>
#include <mutex>
#include <thread>

#include "base/request_queue.hpp"
#include "exec/engine_impl.hpp"
#include "exec/item_batch.hpp"

namespace tessera {
namespace {

[[noreturn]] void badPool(const std::string& why) { throw Error(ErrorCode::InvalidArgument, why); }

// The items of the engine's largest shapes.
std::int64_t itemsOfBindings(const Engine& engine) {
  std::int64_t items = 0;
  for (const Binding& b : engine.bindings()) {
    if (b.shape.empty() || (items != 0 && b.shape[0] != items))
      badPool("requests can not be joined: the first extent of '" + b.name + "' (" + toString(b.shape) +
              ") does not count the items of a batch; a pool with batch 1 takes requests as they are");
    items = b.shape[0];
  }
  if (!engine.impl().counted.empty())
    badPool("requests can not be joined: how long '" + engine.impl().counted[0].output +
            "' is depends on values; a pool with batch 1 takes requests as they are");
  return items;
}

void requireEqualBindings(const Engine& a, const Engine& b) {
  if (!std::ranges::equal(a.bindings(), b.bindings(), [](const Binding& x, const Binding& y) {
        return x.name == y.name && x.type == y.type && x.shape == y.shape && x.isInput == y.isInput;
      }))
    badPool("the engines of '" + a.name() + "' and '" + b.name() + "' differ in their inputs or outputs");
}

}  // namespace

struct EnginePool::Impl {
  struct Request {
    std::uint64_t number = 0;
    TensorMap inputs;
    std::function<void(PoolResult)> done;
  };
  /// One thread's.
  struct Worker {
    Context context;
    bool itemsChange;  ///< whether runs have as many items as they need
  };

  Impl(std::vector<std::shared_ptr<const Engine>> all, const PoolOptions& o)
      : engines(std::move(all)), options(o), queue(o.queue), delivery(o.inOrder) {}
  ~Impl() {
    queue.close();
    for (std::thread& thread : threads) thread.join();
  }

  void start();
  void work(Worker& worker);
  void answer(Worker& worker, std::vector<Request> batch);
  void report(Request& request, TensorMap outputs, std::exception_ptr error);
  /// The outputs of each; throws where the run fails.
  std::vector<TensorMap> run(Worker& worker, const std::vector<const TensorMap*>& requests);
  void setItems(Worker& worker, std::int64_t items, const TensorMap& like);
  bool joins() const { return options.batch != 1; }

  std::vector<std::shared_ptr<const Engine>> engines;
  PoolOptions options;
  RequestQueue<Request> queue;
  Delivery delivery;
  std::mutex numbers;
  std::uint64_t next = 0;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
};

void EnginePool::Impl::start() {
  for (const auto& engine : engines) {
    requireEqualBindings(*engines.front(), *engine);
    if (!joins()) continue;
    const std::int64_t items = itemsOfBindings(*engine);
    if (options.batch > items)
      badPool("a batch of " + std::to_string(options.batch) + " is more than the " + std::to_string(items) +
              " items that '" + engine->name() + "' takes");
    if (options.batch == 0) options.batch = items;
  }
  for (const auto& engine : engines)
    for (int i = 0; i < options.contexts; ++i) {
      const bool change = joins() && itemsMayChange(*engine);
      auto& worker = *workers.emplace_back(new Worker{Context(engine), change});
      if (!change) continue;
      for (const std::int64_t items : batchSizes(options.batch))  // what they need is there before requests
        worker.context.setShapes(shapesOfItems(*engine, items));
    }
  for (auto& worker : workers) threads.emplace_back([this, &worker] { work(*worker); });
}

void EnginePool::Impl::work(Worker& worker) {
  RequestQueue<Request>::Batch batch;
  batch.most = std::max<std::int64_t>(options.batch, 1);
  if (joins()) {
    batch.delay = options.delay;
    batch.size = [](const Request& r) {
      return r.inputs.empty() || r.inputs.begin()->second.shape.empty()
                 ? std::int64_t{1}
                 : std::max<std::int64_t>(r.inputs.begin()->second.shape[0], 1);
    };
    batch.together = [](const Request& a, const Request& b) { return sameItems(a.inputs, b.inputs); };
  }
  while (true) {
    std::vector<Request> taken = queue.take(batch);
    if (taken.empty()) return;
    answer(worker, std::move(taken));
  }
}

void EnginePool::Impl::report(Request& request, TensorMap outputs, std::exception_ptr error) {
  auto result =
      std::make_shared<PoolResult>(PoolResult{request.number, std::move(outputs), std::move(error)});
  delivery.deliver(request.number, [this, done = std::move(request.done), result] {
    done(std::move(*result));
    queue.done(1);
  });
}

// A request that can not be right is answered before the others run; where a joined run fails, each runs
// alone.
void EnginePool::Impl::answer(Worker& worker, std::vector<Request> batch) {
  std::vector<Request*> good;
  std::vector<const TensorMap*> inputs;
  for (Request& request : batch) try {
      if (joins()) itemsOf(request.inputs, worker.context.engine().bindings(), options.batch);
      good.push_back(&request);
      inputs.push_back(&request.inputs);
    } catch (...) {
      report(request, {}, std::current_exception());
    }
  if (good.empty()) return;
  try {
    std::vector<TensorMap> outputs = run(worker, inputs);
    for (std::size_t i = 0; i < good.size(); ++i) report(*good[i], std::move(outputs[i]), nullptr);
    return;
  } catch (...) {
    if (good.size() == 1) return report(*good[0], {}, std::current_exception());
  }
  for (std::size_t i = 0; i < good.size(); ++i) try {
      report(*good[i], std::move(run(worker, {inputs[i]})[0]), nullptr);
    } catch (...) {
      report(*good[i], {}, std::current_exception());
    }
}

void EnginePool::Impl::setItems(Worker& worker, std::int64_t items, const TensorMap& like) {
  InputShapes shapes;
  for (const auto& [name, value] : like)
    if (worker.context.engine().shapes().count(name)) {
      shapes[name] = value.shape;
      if (joins()) shapes[name][0] = items;
    }
  worker.context.setShapes(shapes);
}

std::vector<TensorMap> EnginePool::Impl::run(Worker& worker, const std::vector<const TensorMap*>& requests) {
  std::vector<TensorMap> outputs;
  if (!joins()) {
    setItems(worker, 0, *requests[0]);
    outputs.push_back(worker.context.run(*requests[0]));
    return outputs;
  }
  const auto& bindings = worker.context.engine().bindings();
  std::vector<std::int64_t> counts;
  std::int64_t items = 0;
  for (const TensorMap* request : requests)
    items += counts.emplace_back(itemsOf(*request, bindings, options.batch));
  std::int64_t size = bindings.front().shape[0];
  if (worker.itemsChange) {
    const auto sizes = batchSizes(options.batch);
    size = *std::ranges::lower_bound(sizes, items);
    setItems(worker, size, *requests[0]);
  }
  const TensorMap whole = worker.context.run(joined(requests, size));
  std::int64_t first = 0;
  for (const std::int64_t count : counts) {
    outputs.push_back(itemsFrom(whole, first, count));
    first += count;
  }
  return outputs;
}

EnginePool::EnginePool(std::vector<std::shared_ptr<const Engine>> engines, const PoolOptions& options) {
  if (engines.empty() || std::ranges::any_of(engines, [](const auto& e) { return !e; }))
    badPool("a pool needs engines");
  if (options.contexts < 1 || options.queue < 1 || options.batch < 0 || options.delay.count() < 0)
    badPool("a pool has at least one context and room for one request, and no negative batch or delay");
  impl_ = std::make_unique<Impl>(std::move(engines), options);
  impl_->start();
}

EnginePool::~EnginePool() {
  for (Impl::Request& request : impl_->queue.discard())
    impl_->report(request, {}, std::make_exception_ptr(Cancelled(impl_->engines.front()->name())));
}

std::uint64_t EnginePool::submit(TensorMap inputs, std::function<void(PoolResult)> done) {
  Impl::Request request{0, std::move(inputs), std::move(done)};
  // Numbers are given in the order of the queue.
  const std::lock_guard lock(impl_->numbers);
  request.number = impl_->next;
  if (!impl_->queue.push(std::move(request))) badPool("the pool accepts no more requests");
  return impl_->next++;
}

std::future<TensorMap> EnginePool::submit(TensorMap inputs) {
  auto promise = std::make_shared<std::promise<TensorMap>>();
  auto future = promise->get_future();
  submit(std::move(inputs), [promise](PoolResult result) {
    if (result.error)
      promise->set_exception(result.error);
    else
      promise->set_value(std::move(result.outputs));
  });
  return future;
}

void EnginePool::finish() {
  impl_->queue.close();
  impl_->queue.waitUntilDone();
}

}  // namespace tessera
