// Large constants in files without a name: the same bytes, whatever becomes of their pages.
#include "base/own_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <numeric>

#include "build/constants_on_disk.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

std::vector<std::byte> someBytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 251);
  return bytes;
}

/// A folder on a disk, where the machine has one for temporary files.
std::optional<std::filesystem::path> diskFolder() {
  for (const auto& folder : ownFileFolders())
    if (inOwnFile(someBytes(1), {folder})) return folder;
  return std::nullopt;
}

#define DISK_OR_SKIP(folder)        \
  const auto folder = diskFolder(); \
  if (!folder) GTEST_SKIP() << "no folder for temporary files is on a disk"

TEST(OwnFile, BytesComeAgain) {
  DISK_OR_SKIP(folder);
  const auto bytes = someBytes(100'003);
  const auto copy = inOwnFile(bytes, {*folder});
  ASSERT_TRUE(copy && copy->isView());
  const TensorData wanted(bytes);
  EXPECT_EQ(*copy, wanted);
  releaseOwnFile(*copy);
  EXPECT_EQ(*copy, wanted);
  TensorData changed = *copy;
  changed[7] ^= std::byte{1};  // a copy of its own
  releaseOwnFile(changed);
  EXPECT_EQ(changed.data()[7], bytes[7] ^ std::byte{1});
  EXPECT_EQ(*copy, wanted);
}

TEST(OwnFile, LeavesNoName) {
  DISK_OR_SKIP(folder);
  const auto own = *folder / ("tessera-own-file-" + std::to_string(::getpid()));
  std::filesystem::create_directory(own);
  const auto copy = inOwnFile(someBytes(5000), {own});
  EXPECT_TRUE(copy);
  EXPECT_TRUE(std::filesystem::is_empty(own));
  std::filesystem::remove_all(own);
}

TEST(OwnFile, StaysInMemoryWhereNoFolderTakesIt) {
  const auto bytes = someBytes(5000);
  EXPECT_FALSE(inOwnFile(bytes, {}));
  EXPECT_FALSE(inOwnFile(bytes, {"/nowhere/at/all"}));
  EXPECT_FALSE(inOwnFile(bytes, {"/proc"}));
  EXPECT_FALSE(inOwnFile({}));
}

TEST(OwnFile, KeepsWithinTheLimitOfFileSizes) {
  DISK_OR_SKIP(folder);
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small { 4096, before.rlim_max };
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_FALSE(inOwnFile(someBytes(5000), {*folder}));  // a signal would end the process
  EXPECT_TRUE(inOwnFile(someBytes(4096), {*folder}));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
}

TEST(ConstantsOnDisk, TheGraphIsTheSame) {
  DISK_OR_SKIP(folder);
  std::vector<float> values(1000);
  std::iota(values.begin(), values.end(), 0.f);
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1000});
  const TensorId large = graph.addConstant("large", HostTensor::of<float>({1000}, values));
  const TensorId small = graph.addConstant("small", HostTensor::of<float>({1}, {2}));
  const TensorId sum = graph.add("Add", "sum", {x, large});
  graph.markOutput(graph.add("Mul", "product", {sum, small}));
  const TensorId again = graph.addConstant("again", HostTensor::of<float>({1000}, values));
  graph.tensor(again).constant = graph.tensor(large).constant;
  const Graph before = graph;
  moveToDisk(graph, 4000);
  releaseConstants(graph);
  EXPECT_EQ(graph.text(), before.text());
  EXPECT_EQ(graph.hash(), before.hash());
  EXPECT_TRUE(graph.tensor(large).constant->data.isView());
  EXPECT_EQ(graph.tensor(again).constant, graph.tensor(large).constant);
  EXPECT_EQ(graph.tensor(small).constant, before.tensor(small).constant);
  EXPECT_FALSE(before.tensor(large).constant->data.isView());
  EXPECT_EQ(*graph.tensor(large).constant, *before.tensor(large).constant);
}

}  // namespace
}  // namespace tessera
