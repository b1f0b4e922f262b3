// Threads that run images, each with a network.
#include "tessera/image_pool.hpp"

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "base/request_queue.hpp"

namespace tessera {

template <class Network>
struct ImagePool<Network>::Impl {
  struct Request {
    std::uint64_t number = 0;
    ImageView image;
    std::function<void(ImagePoolResult<Network>)> done;
  };
  using Batch = std::vector<Request>;
  using Networks = std::vector<std::shared_ptr<Network>>;

  Impl(Networks all, const PoolOptions& o)
      : networks(std::move(all)), options(o), queue(o.queue), delivery(o.inOrder) {}
  ~Impl() {
    queue.close();
    for (std::thread& thread : threads) thread.join();
  }

  void start() {
    together.most = networks.front()->batch();
    for (const auto& network : networks)
      together.most = std::min<std::int64_t>(together.most, network->batch());
    if (options.batch > together.most)
      throw Error(ErrorCode::InvalidArgument, "a batch of " + std::to_string(options.batch) +
                                                  " is more than the " + std::to_string(together.most) +
                                                  " images that the network takes");
    if (options.batch > 0) together.most = options.batch;
    if (together.most > 1) together.delay = options.delay;
    for (const auto& network : networks) threads.emplace_back([this, &network] { work(*network); });
  }

  // While a batch is on its way, another one follows only where it need not be waited for.
  void work(Network& network) {
    std::deque<Batch> running;
    while (true) {
      Batch batch = running.empty() ? queue.take(together) : queue.takeReady(together);
      if (batch.empty() && running.empty()) return;
      const bool more = !batch.empty();
      if (more) begin(network, std::move(batch), running);
      if (running.size() == 2 || (!more && !running.empty())) end(network, running);
    }
  }

  void begin(Network& network, Batch batch, std::deque<Batch>& running) {
    try {
      std::vector<ImageView> views;
      for (const Request& request : batch) views.push_back(request.image);
      network.submit(views);
      running.push_back(std::move(batch));
    } catch (...) {
      while (!running.empty()) end(network, running);
      failed(network, std::move(batch), std::current_exception());
    }
  }

  void end(Network& network, std::deque<Batch>& running) {
    Batch batch = std::move(running.front());
    running.pop_front();
    std::optional<decltype(network.collect())> made;
    std::exception_ptr error;
    try {
      made.emplace(network.collect());
    } catch (...) {
      error = std::current_exception();
    }
    if (!made) {
      while (!running.empty()) end(network, running);
      return failed(network, std::move(batch), error);
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
      ImagePoolResult<Network> result;
      result.image = std::move(made->images[i]);
      result.batch = batch.size(), result.place = i;
      result.preprocess = made->preprocess, result.network = made->network;
      if constexpr (requires { made->postprocess; }) result.postprocess = made->postprocess;
      report(batch[i], std::move(result));
    }
  }

  // Once more image by image: one that is too large must not cost its neighbours. Nothing else runs here.
  void failed(Network& network, Batch batch, const std::exception_ptr& error) {
    if (batch.size() == 1) {
      ImagePoolResult<Network> result;
      result.error = error;
      return report(batch.front(), std::move(result));
    }
    for (Request& request : batch) {
      Batch one;
      one.push_back(std::move(request));
      std::deque<Batch> running;
      begin(network, std::move(one), running);
      if (!running.empty()) end(network, running);
    }
  }

  void report(Request& request, ImagePoolResult<Network> result) {
    result.request = request.number;
    auto shared = std::make_shared<ImagePoolResult<Network>>(std::move(result));
    delivery.deliver(request.number, [this, done = std::move(request.done), shared] {
      done(std::move(*shared));
      queue.done(1);
    });
  }

  const Networks networks;
  PoolOptions options;
  RequestQueue<Request> queue;
  typename RequestQueue<Request>::Batch together;
  Delivery delivery;
  std::mutex numbers;
  std::uint64_t next = 0;
  std::vector<std::thread> threads;
};

template <class Network>
ImagePool<Network>::ImagePool(std::vector<std::shared_ptr<Network>> networks, const PoolOptions& options) {
  if (networks.empty() || std::ranges::find(networks, nullptr) != networks.end())
    throw Error(ErrorCode::InvalidArgument, "a pool needs networks");
  if (options.queue < 1 || options.batch < 0 || options.delay.count() < 0)
    throw Error(ErrorCode::InvalidArgument,
                "a pool has room for one image at least, and no negative batch or delay");
  impl_ = std::make_unique<Impl>(std::move(networks), options);
  impl_->start();
}

template <class Network>
ImagePool<Network>::~ImagePool() {
  for (typename Impl::Request& request : impl_->queue.discard()) {
    ImagePoolResult<Network> result;
    result.error = std::make_exception_ptr(Cancelled("images"));
    impl_->report(request, std::move(result));
  }
}

template <class Network>
std::uint64_t ImagePool<Network>::submit(const ImageView& image,
                                         std::function<void(ImagePoolResult<Network>)> done) {
  typename Impl::Request request{0, image, std::move(done)};
  const std::lock_guard lock(impl_->numbers);  // numbers are given in the order of the queue
  request.number = impl_->next;
  if (!impl_->queue.push(std::move(request)))
    throw Error(ErrorCode::InvalidArgument, "the pool accepts no more images");
  return impl_->next++;
}

template <class Network>
void ImagePool<Network>::finish() {
  impl_->queue.close();
  impl_->queue.waitUntilDone();
}

template class ImagePool<Runner>;
template class ImagePool<Segmentation>;

}  // namespace tessera
