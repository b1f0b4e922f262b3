// A product's server in small: a plan, a pool of contexts, requests from several threads.
#include <cstdio>
#include <future>
#include <tessera/engine_pool.hpp>
#include <tessera/plan.hpp>
#include <tessera/tessera.hpp>

int main(int argc, char** argv) try {
  if (argc < 2) return std::fprintf(stderr, "usage: %s net.plan [device]\n", argv[0]), 2;
  const auto device = tessera::Device::select(argc > 2 ? argv[2] : "");
  const auto engine = tessera::Engine::load(argv[1], device);
  if (const auto check = tessera::selfCheck(*engine))  // throws where this device computes something else
    std::printf("self-check: %zu outputs, %s\n", check->outputs, check->exact ? "to the bit" : "near");

  tessera::PoolOptions options;
  options.contexts = 2;  // one computes while the other takes its input
  tessera::EnginePool pool({engine}, options);

  const auto& input = engine->bindings().front();
  std::vector<std::future<tessera::TensorMap>> answers;
  for (int i = 0; i < 4; ++i) {
    tessera::HostTensor frame(input.type, input.shape);
    for (std::int64_t k = 0; k < frame.size(); k += 7) frame.setNumber(k, (k + i) % 5 - 2.0);
    answers.push_back(pool.submit({{input.name, std::move(frame)}}));  // waits where the queue is full
  }
  for (auto& answer : answers)
    for (const auto& [name, value] : answer.get())
      std::printf("%s: %s, first value %g\n", name.c_str(), tessera::toString(value.shape).c_str(),
                  value.number(0));
} catch (const tessera::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
