// TensorFlow Lite models as packages of PyPI ship them give what TensorFlow Lite's interpreter computes:
// recorded by tests/import/tensorflow/record_packages.py. They run where Python finds the package, or
// TESSERA_PACKAGES names a folder that it was unpacked in.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "apps/common/files.hpp"
#include "tests/models/networks.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

// The folder that Python's packages lie in.
fs::path packagesWith(const fs::path& file) {
  if (const char* given = std::getenv("TESSERA_PACKAGES")) return given;
  const std::string command = "python3 -c \"import importlib.util as u; s = u.find_spec('" +
                              file.begin()->string() +
                              "'); print(s.submodule_search_locations[0] if s else '')\" 2>/dev/null";
  FILE* pipe = ::popen(command.c_str(), "r");
  char line[4096] = "";
  if (pipe) (void)!std::fgets(line, sizeof line, pipe), ::pclose(pipe);
  std::string folder = line;
  while (!folder.empty() && folder.back() == '\n') folder.pop_back();
  return fs::path(folder).parent_path();
}

// From 0 to 1, as the recording made them.
HostTensor numbersOf(const Binding& binding) {
  HostTensor value(binding.type, binding.shape);
  for (std::int64_t i = 0; i < value.size(); ++i)
    value.setNumber(
        i, static_cast<double>(static_cast<std::uint64_t>(i) * 2654435761U % (std::uint64_t{1} << 32)) /
               static_cast<double>(std::uint64_t{1} << 32));
  return value;
}

void expectInterpreterValues(const app::Json& model, const fs::path& file) {
  const auto engine = Engine::build(importModel(file.string()), test::device(), {});
  TensorMap inputs;
  for (const Binding& binding : engine->bindings())
    if (binding.isInput) inputs[binding.name] = numbersOf(binding);
  Context context(engine);
  const TensorMap outputs = context.run(inputs);
  ASSERT_EQ(outputs.size(), model["outputs"].size());
  for (const auto& [name, recorded] : model["outputs"].items()) {
    ASSERT_TRUE(outputs.count(name)) << name;
    const HostTensor& found = outputs.at(name);
    EXPECT_EQ(found.shape, recorded["shape"].get<Shape>()) << name;
    const auto step = recorded["step"].get<std::int64_t>();
    double worst = 0;
    std::int64_t at = 0;
    for (const double wanted : recorded["values"]) {
      worst = std::max(worst, std::abs(found.number(at) - wanted));
      at += step;
    }
    EXPECT_LE(worst, 1e-4 * recorded["greatest"].get<double>()) << name;
  }
}

TEST(TfliteOfPackages, AgreeWithTheirInterpreter) {
  int tried = 0;
  for (const app::Json& model :
       app::readJson(test::sourceFolder() / "tests/import/tensorflow/packages.json")) {
    const fs::path file = packagesWith(model["file"].get<std::string>()) / model["file"].get<std::string>();
    if (!fs::exists(file) || fs::file_size(file) != model["bytes"].get<std::uintmax_t>()) continue;
    SCOPED_TRACE(file);
    ++tried;
    expectInterpreterValues(model, file);
  }
  if (tried == 0) GTEST_SKIP() << "python3 has none of the packages";
}

}  // namespace
}  // namespace tessera
