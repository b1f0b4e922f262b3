// A network that a device has no room for is refused before anything is tuned or allocated.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lower/memory_need.hpp"

namespace tessera {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::size_t kGiB = std::size_t{1} << 30;

DeviceCaps plainDevice() {
  DeviceCaps caps;
  caps.name = "small device";
  caps.globalMemory = kGiB;
  caps.maxAllocation = kGiB / 2;
  return caps;
}

std::string refusal(const Graph& graph) {
  try {
    requireMemory(graph, plainDevice());
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::OutOfMemory);
    return e.what();
  }
  return {};
}

/// x -> between -> y, f32 elements each.
Graph chain(std::int64_t x, std::int64_t between) {
  Graph graph;
  const TensorId in = graph.addInput("x", DataType::Float32, {x, 1});
  const TensorId wide = graph.add("Expand", "wide", {in}, {{"shape", Shape{x, between / x}}});
  graph.markOutput(graph.add("Reduce", "y", {wide}, {{"mode", "sum"}, {"axes", Shape{1}}, {"keepdims", 0}}));
  return graph;
}

TEST(MemoryNeed, NamesTheTensorAndBothAmounts) {
  EXPECT_EQ(refusal(chain(1 << 20, 1 << 26)), "");
  EXPECT_THAT(refusal(chain(1 << 20, std::int64_t{1} << 31)),
              AllOf(HasSubstr("'wide'"), HasSubstr("needs 8.0 GiB"), HasSubstr("small device has 1.0 GiB")));
  EXPECT_THAT(refusal(chain(1 << 20, std::int64_t{3} << 26)),
              AllOf(HasSubstr("'wide'"), HasSubstr("buffer of 768.0 MiB"), HasSubstr("allows 512.0 MiB")));
  EXPECT_THAT(refusal(chain(1 << 27, 1 << 27)), AllOf(HasSubstr("inputs, outputs"), HasSubstr("needs 1.")));
  EXPECT_THAT(refusal(chain(1 << 20, std::int64_t{1} << 47)), HasSubstr("512.0 TiB"));
}

TEST(MemoryNeed, CountsAllBuffersOnceTheyArePlanned) {
  Lowered lowered;
  lowered.arenaBytes = kGiB / 2;
  EXPECT_NO_THROW(requireMemory(lowered, plainDevice()));
  Storage weights;
  weights.kind = Storage::Kind::Constant;
  weights.bytes = kGiB / 2 + 1;
  lowered.storages.push_back(weights);
  EXPECT_THROW(requireMemory(lowered, plainDevice()), Error);
}

}  // namespace
}  // namespace tessera
