// Runs a network once, on an OpenCL device, and prints what comes out.
#include <cstdio>
#include <tessera/tessera.hpp>

int main(int argc, char** argv) try {
  if (argc < 2) return std::fprintf(stderr, "usage: %s model.onnx [device]\n", argv[0]), 2;
  const auto device = tessera::Device::select(argc > 2 ? argv[2] : "");
  const auto engine = tessera::Engine::build(tessera::importModel(argv[1]), device);
  tessera::Context context(engine);  // one per thread; the engine is shared

  tessera::TensorMap inputs;
  for (const auto& binding : engine->bindings())
    if (binding.isInput) inputs[binding.name] = tessera::HostTensor(binding.type, binding.shape);  // zeros

  for (const auto& [name, value] : context.run(inputs))
    std::printf("%s: %s, first value %g\n", name.c_str(), tessera::toString(value.shape).c_str(),
                value.number(0));
} catch (const tessera::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
