// Tuning records: text form, damage, several processes.
#include "tune/records/record_store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

namespace tessera {
namespace {
namespace fs = std::filesystem;

DeviceCaps caps(const char* driver = "1.0") {
  DeviceCaps c;
  c.platform = "Test";
  c.name = "Test Device";
  c.driver = driver;
  return c;
}

TacticRecord record(const std::string& tactic, double ms, const DeviceCaps& device = caps()) {
  return {"conv/1", 42, "Convolution{}(f32:1x3x8x8)", device.fingerprint(), tactic, ms, false, ""};
}

class RecordStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tessera-store-XXXXXX";
    folder_ = mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(RecordStoreTest, FindsTheFastestAgainAfterReopening) {
  {
    RecordStore store(folder_, caps());
    store.add(record("TX=4", 2.5));
    store.add(record("TX=8", 1.5));
    TacticRecord broken = record("TX=16", 0.1);
    broken.bad = true;
    broken.reason = "wrong\tresult";
    store.add(broken);
  }
  const RecordStore store(folder_, caps());
  const auto hit = store.best("Convolution{}(f32:1x3x8x8)", "conv/1", 42);
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->record.tactic, "TX=8");
  EXPECT_EQ(hit->match, RecordMatch::Exact);
  EXPECT_FALSE(store.best("another problem", "conv/1", 42));
  EXPECT_FALSE(store.best("Convolution{}(f32:1x3x8x8)", "conv/2", 42)) << "another revision";
  EXPECT_FALSE(store.best("Convolution{}(f32:1x3x8x8)", "conv/1", 43)) << "an edited kernel";
  EXPECT_EQ(store.bad("Convolution{}(f32:1x3x8x8)", "conv/1", 42), std::vector<std::string>{"TX=16"});
}

TEST_F(RecordStoreTest, AnotherDriverIsUsedAndSaidSo) {
  RecordStore(folder_, caps("1.0")).add(record("TX=4", 2.5, caps("1.0")));
  const auto hit = RecordStore(folder_, caps("2.0")).best("Convolution{}(f32:1x3x8x8)", "conv/1", 42);
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->match, RecordMatch::OtherDriver);
}

TEST_F(RecordStoreTest, EveryFlippedByteIsNoticed) {
  const std::string line = lineOf(record("TX=4,TK=2", 2.5));
  const Record made = record("TX=4,TK=2", 2.5);
  ASSERT_EQ(parseRecord(line), made);
  for (std::size_t i = 0; i < line.size(); ++i)
    for (const int bit : {1, 16}) {
      std::string flipped = line;
      flipped[i] = static_cast<char>(flipped[i] ^ bit);
      const auto parsed = parseRecord(flipped);
      EXPECT_FALSE(parsed && *parsed != made) << i;
    }
  for (std::size_t n = 0; n < line.size(); ++n) EXPECT_FALSE(parseRecord(line.substr(0, n))) << n;
}

TEST_F(RecordStoreTest, TheLastNoteOfItsKindCounts) {
  const SearchNote fast{TuneMode::Fast, 12.5, true, {}}, full{TuneMode::Full, 0, false, {"0123", "4567"}};
  RecipeNote recipe{TuneMode::Full, 3.25, 77, {}};
  recipe.recipe.steps.push_back({"a layer", false, "conv/1", {16, 1}, {16}, {{"TX", 4}}});
  const PrecisionNote precision{{"cut", {{3, 0.12, 0.05}}, 2, 1}};
  {
    RecordStore store(folder_, caps());
    store.add("a problem", 7, full);
    store.add("a problem", 7, fast);
    store.add("a problem", 8, full);
    store.add("a network", 0, recipe);
    store.add("a network", 0, precision);
  }
  for (const bool compacted : {false, true}) {
    RecordStore store(folder_, caps());
    EXPECT_EQ(store.size(), 4u);
    EXPECT_EQ(store.note<SearchNote>("a problem", 7)->note, fast);
    EXPECT_EQ(store.note<SearchNote>("a problem", 8)->note, full);
    EXPECT_FALSE(store.note<SearchNote>("a problem", 9)) << "edited kernels";
    EXPECT_EQ(store.note<RecipeNote>("a network", 0)->note, recipe);
    EXPECT_EQ(store.note<PrecisionNote>("a network", 0)->note, precision);
    EXPECT_EQ(store.note<PrecisionNote>("a network", 0)->match, RecordMatch::Exact);
    EXPECT_EQ(RecordStore(folder_, caps("2.0")).note<PrecisionNote>("a network", 0)->match,
              RecordMatch::OtherDriver);
    if (!compacted) store.compact();
  }
}

TEST_F(RecordStoreTest, NotesThatDoNotReadAreNone) {
  for (const char* text : {"", "fast", "fast 1", "off 1 found", "fast x found", "fast -1 found",
                           "fast nan found", "fast 1 perhaps"})
    EXPECT_FALSE(SearchNote::parse(text)) << text;
  for (const char* text : {"", "fast", "fast 1", "fast 1 zz", "fast 1 12 a|b", "cached 1 12"})
    EXPECT_FALSE(RecipeNote::parse(text)) << text;
  for (const char* text : {"", "cut", "cut 1", "other 1;2;"})
    EXPECT_FALSE(PrecisionNote::parse(text)) << text;
}

TEST_F(RecordStoreTest, RecordsOfAnEarlierFormatAreRefused) {
  const fs::path file = RecordStore(folder_, caps()).file();
  std::ofstream(file) << "tessera-tactic-1\t0123\tconv/1\t2a\tp\td\tTX=8\t1\tgood\t\n";
  RecordStore store(folder_, caps());
  EXPECT_EQ(store.size(), 0u);
  EXPECT_TRUE(store.kept());
}

TEST_F(RecordStoreTest, ABrokenLastLineCostsOnlyItself) {
  RecordStore first(folder_, caps());
  first.add(record("TX=4", 2.5));
  std::ofstream(first.file(), std::ios::app) << lineOf(record("TX=8", 1.5)).substr(0, 40);
  RecordStore(folder_, caps()).add(record("TX=2", 3.5));
  const RecordStore store(folder_, caps());
  EXPECT_EQ(store.size(), 2u);
}

TEST_F(RecordStoreTest, FourProcessesLoseNothing) {
  constexpr int kProcesses = 4, kRecords = 60;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = fork();
    if (child == 0) {
      RecordStore store(folder_, caps());
      for (int i = 0; i < kRecords; ++i) {
        TacticRecord own = record("TX=4", 1 + i);
        own.problem = "problem " + std::to_string(p * 1000 + i);
        store.add(own);
        if (i % 20 == 19) store.compact();
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const RecordStore store(folder_, caps());
  EXPECT_EQ(store.size(), static_cast<std::size_t>(kProcesses * kRecords));
  for (int p = 0; p < kProcesses; ++p)
    for (int i = 0; i < kRecords; ++i)
      EXPECT_TRUE(store.best("problem " + std::to_string(p * 1000 + i), "conv/1", 42)) << p << " " << i;
}

TEST_F(RecordStoreTest, KilledWritersLeaveAValidFile) {
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      RecordStore store(folder_, caps());
      for (int i = 0;; ++i) store.add(record("TX=" + std::to_string(i), 5));
    }
    usleep(500 + 700 * round);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    RecordStore store(folder_, caps());
    const std::size_t before = store.size();
    store.add(record("AFTER=" + std::to_string(round), 4.0 - 0.1 * round));
    const RecordStore again(folder_, caps());
    EXPECT_EQ(again.size(), before + 1);
  }
}

TEST_F(RecordStoreTest, AFolderThatCanNotBeWrittenStopsNothing) {
  RecordStore store("/proc/no such folder", caps());
  store.add(record("TX=4", 2.5));
  EXPECT_TRUE(store.best("Convolution{}(f32:1x3x8x8)", "conv/1", 42));
}

TEST_F(RecordStoreTest, TheLatestTimeOfATacticCounts) {
  const auto best = [&] {
    return RecordStore(folder_, caps()).best("Convolution{}(f32:1x3x8x8)", "conv/1", 42);
  };
  RecordStore store(folder_, caps());
  store.add(record("TX=4", 1.0));  // by luck
  store.add(record("TX=8", 1.5));
  EXPECT_EQ(best()->record.tactic, "TX=4");
  store.add(record("TX=4", 1.8));
  EXPECT_EQ(best()->record.tactic, "TX=8");
  EXPECT_EQ(store.size(), 2u);
  store.compact();
  EXPECT_EQ(best()->record.tactic, "TX=8") << "compaction keeps what look-up finds";
}

TEST_F(RecordStoreTest, ATacticThatTurnsOutBadIsNotFoundAgain) {
  RecordStore store(folder_, caps());
  store.add(record("TX=4", 1.0));
  store.add(record("TX=8", 1.5));
  TacticRecord bad = record("TX=4", 0);
  bad.bad = true;
  store.add(bad);
  store.add(record("TX=4", 1.0));  // of another process, that did not know
  for (const bool compacted : {false, true}) {
    const RecordStore again(folder_, caps());
    EXPECT_EQ(again.best("Convolution{}(f32:1x3x8x8)", "conv/1", 42)->record.tactic, "TX=8");
    EXPECT_EQ(again.bad("Convolution{}(f32:1x3x8x8)", "conv/1", 42), std::vector<std::string>{"TX=4"});
    if (!compacted) store.compact();
  }
  EXPECT_TRUE(RecordStore(folder_, caps("2.0")).bad("Convolution{}(f32:1x3x8x8)", "conv/1", 42).empty());
}

TEST_F(RecordStoreTest, MergesAnotherFilesText) {
  RecordStore store(folder_, caps());
  store.add(record("TX=2", 9));
  DeviceCaps other = caps();
  other.name = "Other";
  const std::string text = lineOf(record("TX=4", 2.5)) + "\nnonsense\n" + lineOf(record("TX=8", 2)) + "\n" +
                           lineOf(record("TX=2", 1)) + "\n" + lineOf(record("TX=16", 1, other)) + "\n";
  const auto merged = store.merge(text);
  EXPECT_EQ(merged.taken, 2u);
  EXPECT_EQ(merged.known, 1u) << "what was measured here stays";
  EXPECT_EQ(merged.foreign, 1u);
  EXPECT_EQ(store.best("Convolution{}(f32:1x3x8x8)", "conv/1", 42)->record.tactic, "TX=8");
  EXPECT_EQ(RecordStore(folder_, caps()).size(), 3u);
  EXPECT_EQ(store.merge(text).taken, 0u) << "once is enough";
  EXPECT_EQ(fs::file_size(store.file()), RecordStore(folder_, caps()).text().size());
  TacticRecord bad = record("TX=8", 0);
  bad.bad = true;
  EXPECT_EQ(store.merge(lineOf(bad)).taken, 1u) << "what is bad elsewhere is not used here";
  EXPECT_EQ(store.best("Convolution{}(f32:1x3x8x8)", "conv/1", 42)->record.tactic, "TX=4");
}

// Whatever lies where the records should be: the search goes on without them, and what is there stays as it
// is.
TEST_F(RecordStoreTest, WhatIsNoFileOfRecordsIsAMiss) {
  const fs::path file = RecordStore(folder_, caps()).file();
  const auto expectMiss = [&](const char* what) {
    RecordStore store(folder_, caps());
    EXPECT_EQ(store.size(), 0u) << what;
    store.add(record("TX=4", 2.5));
    EXPECT_TRUE(store.best("Convolution{}(f32:1x3x8x8)", "conv/1", 42)) << what;
    EXPECT_FALSE(store.kept()) << what;
    EXPECT_NO_THROW(store.compact()) << what;
    EXPECT_EQ(store.size(), 1u) << what;
    fs::remove_all(file);
  };
  fs::create_directories(file / "below");
  expectMiss("a folder");
  fs::create_symlink(folder_ / "victim", file);
  expectMiss("a link that leads nowhere");
  EXPECT_FALSE(fs::exists(folder_ / "victim"));
  std::ofstream(folder_ / "victim") << "precious";
  fs::create_symlink(folder_ / "victim", file);
  expectMiss("a link");
  EXPECT_EQ(fs::file_size(folder_ / "victim"), 8u);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  expectMiss("a pipe");
  std::ofstream(file) << lineOf(record("TX=8", 1)) << "\n";
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  expectMiss("a file that everyone may write");
  if (::geteuid() == 0) {
    std::ofstream(file) << lineOf(record("TX=8", 1)) << "\n";
    ASSERT_EQ(::chown(file.c_str(), 12345, 12345), 0);
    expectMiss("a file of another user");
  }
  std::ofstream(file) << lineOf(record("TX=8", 1)) << "\n";
  fs::resize_file(file, std::uintmax_t{1} << 40);
  RecordStore store(folder_, caps());
  EXPECT_EQ(store.size(), 0u) << "more than is read";
}

TEST_F(RecordStoreTest, AFolderOfOthersIsNotUsed) {
  RecordStore(folder_, caps()).add(record("TX=4", 2.5));
  fs::permissions(folder_, fs::perms::all);
  RecordStore store(folder_, caps());
  EXPECT_EQ(store.size(), 0u);
  EXPECT_TRUE(store.file().empty());
  store.add(record("TX=8", 1));
  fs::permissions(folder_, fs::perms::owner_all);
  EXPECT_EQ(RecordStore(folder_, caps()).size(), 1u);
}

TEST_F(RecordStoreTest, AnEmptyFileAndForeignLinesAreNoRecords) {
  const fs::path file = RecordStore(folder_, caps()).file();
  std::ofstream(file).flush();
  EXPECT_EQ(RecordStore(folder_, caps()).size(), 0u);
  std::ofstream(file) << std::string(100, '\0') << "\nhello\n" << lineOf(record("TX=8", 1));
  RecordStore store(folder_, caps());
  EXPECT_EQ(store.size(), 1u);
  store.add(record("TX=4", 2));
  EXPECT_EQ(RecordStore(folder_, caps()).size(), 2u);
}

TEST_F(RecordStoreTest, ALockThatIsHeldForEverIsNotWaitedFor) {
  RecordStore store(folder_, caps(), std::chrono::milliseconds(50));
  store.add(record("TX=4", 2.5));
  const int held = ::open(store.file().c_str(), O_RDONLY);
  ASSERT_EQ(::flock(held, LOCK_EX), 0);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) store.add(record("TX=" + std::to_string(8 + i), 1.5));
  store.compact();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5)) << "each waited anew";
  EXPECT_FALSE(store.kept());
  EXPECT_EQ(store.size(), 101u);
  ::close(held);
  EXPECT_EQ(RecordStore(folder_, caps()).size(), 1u);
}

}  // namespace
}  // namespace tessera
