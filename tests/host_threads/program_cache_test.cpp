// The cache of compiled programs as files: what it keeps, what it forgets, what it survives.
#include "cl/program_cache.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

namespace tessera {
namespace {

namespace fs = std::filesystem;

class ProgramCacheTest : public testing::Test {
 protected:
  ProgramCacheTest() {
    std::string name = (fs::temp_directory_path() / "tessera-programs-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ProgramCacheTest() override { fs::remove_all(folder_); }

  static std::vector<unsigned char> bytes(std::size_t count, unsigned char value) {
    return std::vector<unsigned char>(count, value);
  }

  fs::path folder_;
};

TEST_F(ProgramCacheTest, GivesBackWhatWasSaved) {
  ProgramCache cache(folder_ / "new" / "folder");
  EXPECT_FALSE(cache.find("a"));
  cache.save("a", bytes(100, 7));
  cache.save("b", {});
  EXPECT_EQ(cache.find("a"), bytes(100, 7));
  EXPECT_EQ(cache.find("b"), bytes(0, 0));
  EXPECT_EQ(ProgramCache(folder_ / "new" / "folder").find("a"), bytes(100, 7));
  cache.drop("a");
  EXPECT_FALSE(cache.find("a"));
}

TEST_F(ProgramCacheTest, IdentityTellsDeviceDriverOptionsAndSourceApart) {
  DeviceCaps device;
  device.name = "one";
  DeviceCaps driver = device;
  driver.driver = "2";
  const std::string base = ProgramCache::identity(device, "source", "-D A=1");
  EXPECT_EQ(base, ProgramCache::identity(device, "source", "-D A=1"));
  EXPECT_NE(base, ProgramCache::identity(driver, "source", "-D A=1"));
  EXPECT_NE(base, ProgramCache::identity(device, "source", "-D A=2"));
  EXPECT_NE(base, ProgramCache::identity(device, "sourcf", "-D A=1"));
}

TEST_F(ProgramCacheTest, ADamagedFileIsAMiss) {
  ProgramCache cache(folder_);
  cache.save("identity", bytes(40, 3));
  const fs::path file = cache.fileOf("identity");
  std::ifstream in(file, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  const auto write = [&](const std::string& text) { std::ofstream(file, std::ios::binary) << text; };
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    write(bad);
    EXPECT_FALSE(cache.find("identity")) << "flipped byte " << i;
    write(good.substr(0, i));
    EXPECT_FALSE(cache.find("identity")) << "cut at " << i;
  }
  write(good);
  EXPECT_TRUE(cache.find("identity"));
  fs::rename(file, cache.fileOf("another"));  // as if both had one hash
  EXPECT_FALSE(cache.find("another"));
}

// A binary runs on the device as it is: only what this user wrote is taken, and nothing else is an error.
TEST_F(ProgramCacheTest, WhatIsNoFileOfThisUserIsAMiss) {
  ProgramCache cache(folder_);
  const fs::path file = cache.fileOf("identity"), victim = folder_ / "victim";
  const auto expectMiss = [&](const char* what) {
    EXPECT_FALSE(cache.find("identity")) << what;
    cache.save("identity", bytes(40, 4));
    cache.drop("identity");
    fs::remove_all(file);
  };
  cache.save("identity", bytes(40, 3));
  fs::rename(file, victim);
  fs::create_symlink(victim, file);
  expectMiss("a link");
  EXPECT_EQ(fs::file_size(victim), 32u + 8 + 40) << "nothing is written through it";
  fs::create_symlink("nowhere", file);
  expectMiss("a link that leads nowhere");
  fs::create_directories(file / "below");
  expectMiss("a folder");
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  expectMiss("a pipe");
  std::ofstream(file).flush();
  expectMiss("an empty file");
  fs::copy(victim, file);
  EXPECT_TRUE(cache.find("identity"));
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  expectMiss("a file that everyone may write");
  if (::geteuid() == 0) {
    fs::copy(victim, file);
    ASSERT_EQ(::chown(file.c_str(), 12345, 12345), 0);
    expectMiss("a file of another user");
  }
}

TEST_F(ProgramCacheTest, AFolderOfOthersIsNotUsed) {
  EXPECT_TRUE(ProgramCache::forDevice(DeviceCaps{}, folder_));
  fs::create_directories(folder_ / "programs");
  fs::permissions(folder_ / "programs", fs::perms::all);
  EXPECT_FALSE(ProgramCache::forDevice(DeviceCaps{}, folder_));
  fs::remove(folder_ / "programs");
  fs::permissions(folder_, fs::perms::all);
  EXPECT_FALSE(ProgramCache::forDevice(DeviceCaps{}, folder_));
}

TEST_F(ProgramCacheTest, TheLongestUnusedGoFirst) {
  ProgramCache cache(folder_, 3500);  // three of about 1,040 bytes fit
  for (const char* name : {"a", "b", "c"}) {
    cache.save(name, bytes(1000, 1));
    std::this_thread::sleep_for(std::chrono::milliseconds(15));
  }
  EXPECT_TRUE(cache.find("a"));  // used again: now b is the oldest
  std::this_thread::sleep_for(std::chrono::milliseconds(15));
  cache.save("d", bytes(1000, 1));
  EXPECT_TRUE(cache.find("a"));
  EXPECT_FALSE(cache.find("b"));
  EXPECT_TRUE(cache.find("c"));
  EXPECT_TRUE(cache.find("d"));
}

TEST_F(ProgramCacheTest, TheBoundHoldsForFilesOfEarlierProcessesToo) {
  for (int i = 0; i < 3; ++i) ProgramCache(folder_).save("old" + std::to_string(i), bytes(1000, 1));
  ProgramCache cache(folder_, 3500);
  for (int i = 0; i < 5; ++i) cache.save("new" + std::to_string(i), bytes(1000, 2));
  const auto files = std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  EXPECT_LE(files, 3);
  EXPECT_TRUE(cache.find("new4"));
}

TEST_F(ProgramCacheTest, AFolderThatCanNotBeWrittenStopsNothing) {
  std::ofstream(folder_ / "file") << "not a folder";
  ProgramCache cache(folder_ / "file" / "programs");
  cache.save("a", bytes(10, 1));
  EXPECT_FALSE(cache.find("a"));
}

TEST_F(ProgramCacheTest, ThreadsMaySaveAndFindAtOnce) {
  ProgramCache cache(folder_);
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string name = std::to_string(i % 10);
        cache.save(name, bytes(500, static_cast<unsigned char>(i % 10)));
        if (const auto found = cache.find(name)) {
          EXPECT_EQ(*found, bytes(500, static_cast<unsigned char>(i % 10))) << t;
        }
      }
    });
  threads.clear();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(cache.find(std::to_string(i)));
  for (const auto& entry : fs::directory_iterator(folder_)) EXPECT_EQ(entry.path().extension(), ".bin");
}

TEST_F(ProgramCacheTest, DriversWithACacheOfTheirOwnGetNone) {
  DeviceCaps mesa;
  mesa.platform = "rusticl";
  EXPECT_FALSE(ProgramCache::forDevice(mesa, folder_));
  EXPECT_TRUE(ProgramCache::forDevice(DeviceCaps{}, folder_));
  EXPECT_FALSE(ProgramCache::forDevice(DeviceCaps{}, {}));
}

}  // namespace
}  // namespace tessera
