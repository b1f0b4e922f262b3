// The library says what it says through its logger, which never writes to stdout: that is the program's.
#include <gtest/gtest.h>
#include <spdlog/logger.h>

#include <fstream>

#include "tessera/context.hpp"
#include "tessera/log.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/shaped_networks.hpp"

namespace tessera {
namespace {

using namespace test;

TEST(Stdout, StaysTheProgramsWhateverIsLogged) {
  const Folder folder;
  std::ofstream(folder / "notes.txt") << "no records";
  const auto level = log().level();
  log().set_level(spdlog::level::trace);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EngineOptions options;
  options.tuning.mode = TuneMode::Fast;
  options.tuning.seconds = 0.5;
  options.tuning.folder = folder / "notes.txt";  // no folder: a warning
  const Graph graph = classifierAt(shapesOf({1, 3, 20, 20}));
  const auto engine = Engine::build(graph, device(), options);
  engine->save(folder / "net.plan");
  const auto loaded = Engine::load(folder / "net.plan", device(), options.tuning);
  Context(loaded).run({{"x", HostTensor(DataType::Float32, {1, 3, 20, 20})}});
  EXPECT_THROW(Engine::load(folder / "notes.txt", device()), Error);
  log().warn("the end");
  log().flush();
  const std::string out = testing::internal::GetCapturedStdout(),
                    err = testing::internal::GetCapturedStderr();
  log().set_level(level);
  EXPECT_EQ(out, "");
  EXPECT_NE(err.find("the end"), std::string::npos) << err;
  EXPECT_NE(err.find("tuned "), std::string::npos) << "what the build logged is there, too: " << err;
}

}  // namespace
}  // namespace tessera
