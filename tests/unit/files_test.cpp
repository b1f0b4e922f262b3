// Files that others may have prepared: what is read, what is refused, and what writing leaves behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/read_file.hpp"
#include "base/write_file.hpp"
#include "tessera/error.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    std::string name = (fs::temp_directory_path() / "tessera-files-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~FilesTest() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  std::size_t count() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  // The exit code of a process that does this; it has descriptors and limits of its own.
  static int inAnotherProcess(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  fs::path folder_;
};

TEST_F(FilesTest, OnlyRegularFilesAreRead) {
  EXPECT_EQ(readRegularFile(write("text", std::string("a\0b", 3))).bytes, std::string("a\0b", 3));
  EXPECT_TRUE(readRegularFile(write("empty", "")).ok());
  EXPECT_TRUE(readRegularFile("/proc/self/status").bytes.starts_with("Name:")) << "a file without a size";
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const int server = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{AF_UNIX, {}};
  const std::string name = folder_ / "socket";
  ASSERT_LT(name.size(), sizeof address.sun_path);
  std::copy(name.begin(), name.end(), address.sun_path);
  ASSERT_EQ(::bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  fs::create_symlink("nowhere", folder_ / "link");
  const auto why = [&](const fs::path& file) {
    EXPECT_NE(whyNotRegular(file), "") << file;
    return readRegularFile(file).why;
  };
  EXPECT_THAT(why(folder_ / "pipe"), HasSubstr("pipe"));
  EXPECT_THAT(why(folder_), HasSubstr("folder"));
  EXPECT_THAT(why(folder_ / "socket"), HasSubstr("socket"));
  EXPECT_THAT(why("/dev/zero"), HasSubstr("device"));
  EXPECT_THAT(why(folder_ / "link"), HasSubstr("No such file"));
  EXPECT_TRUE(readRegularFile(folder_ / "none").missing);
  EXPECT_FALSE(readRegularFile(folder_ / "pipe").missing);
  EXPECT_EQ(whyNotRegular(folder_ / "text"), "");
  ::close(server);
}

TEST_F(FilesTest, ReadingIsBounded) {
  const fs::path sparse = write("sparse", "begin");
  fs::resize_file(sparse, std::uintmax_t{1} << 40);
  EXPECT_THAT(readRegularFile(sparse).why, HasSubstr("1099511627776 bytes"));
  EXPECT_FALSE(readRegularFile(write("four", "1234"), 3).ok());
  EXPECT_TRUE(readRegularFile(folder_ / "four", 4).ok());
  EXPECT_FALSE(readRegularFile("/proc/self/status", 3).ok()) << "whose size is not known before";
}

TEST_F(FilesTest, AppearsWhenItIsComplete) {
  {
    AtomicFile file(folder_ / "a.txt");
    file.write("half");
    EXPECT_FALSE(fs::exists(folder_ / "a.txt"));
    EXPECT_TRUE(isUnfinishedFile(file.temporary()));
    EXPECT_EQ(file.temporary().extension(), ".txt");
  }
  EXPECT_EQ(count(), 0u) << "what was not committed goes";
  AtomicFile first(folder_ / "a.txt"), second(folder_ / "a.txt");
  EXPECT_NE(first.temporary(), second.temporary());
  first.write("one");
  second.write("two");
  first.commit();
  second.commit();
  EXPECT_EQ(readRegularFile(folder_ / "a.txt").bytes, "two");
  EXPECT_EQ(count(), 1u);
  EXPECT_FALSE(isUnfinishedFile(folder_ / "a.txt"));
  const mode_t mask = ::umask(0);
  ::umask(mask);
  EXPECT_EQ(static_cast<unsigned>(fs::status(folder_ / "a.txt").permissions()), 0666u & ~mask);
}

TEST_F(FilesTest, ReplacesALinkAndFollowsNone) {
  const fs::path victim = write("victim", "precious");
  fs::create_symlink(victim, folder_ / "result.json");
  AtomicFile file(folder_ / "result.json");
  // Whoever puts a link in the temporary file's place is noticed.
  AtomicFile robbed(folder_ / "other.json");
  fs::remove(robbed.temporary());
  fs::create_symlink(victim, robbed.temporary());
  file.write("new");
  file.commit();
  EXPECT_THROW(robbed.commit(), Error);
  EXPECT_EQ(readRegularFile(victim).bytes, "precious");
  EXPECT_FALSE(fs::is_symlink(folder_ / "result.json"));
  EXPECT_FALSE(fs::exists(folder_ / "other.json"));
}

TEST_F(FilesTest, DevicesAndFoldersStayWhatTheyAre) {
  EXPECT_THROW(AtomicFile("/dev/null"), Error);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_THROW(AtomicFile{folder_}, Error);
  EXPECT_THROW(AtomicFile(folder_ / "none" / "a"), Error);
  EXPECT_NO_THROW(AtomicFile(folder_ / std::string(240, 'n'))) << "long names leave no room for longer ones";
}

TEST_F(FilesTest, AFullDiskIsAnErrorAndLeavesNothing) {
  EXPECT_EQ(inAnotherProcess([&] {
              const rlimit little{1000, 1000};
              ::signal(SIGXFSZ, SIG_IGN);
              ::setrlimit(RLIMIT_FSIZE, &little);
              try {
                AtomicFile file(folder_ / "large");
                file.write(std::string(5000, 'x'));
                file.commit();
              } catch (const Error& e) {
                return std::string(e.what()).find("large") != std::string::npos ? 7 : 1;
              }
              return 0;
            }),
            7);
  EXPECT_EQ(count(), 0u);
}

TEST_F(FilesTest, ASignalHandlerCanRemoveWhatIsNotFinished) {
  EXPECT_EQ(inAnotherProcess([&] {
              const AtomicFile one(folder_ / "one"), two(folder_ / "two");
              AtomicFile done(folder_ / "done");
              done.commit();
              if (count() != 3) return 1;
              removeUnfinishedFiles();
              ::_exit(count() == 1 ? 7 : 2);
              return 0;
            }),
            7);
  EXPECT_TRUE(fs::exists(folder_ / "done"));
}

TEST_F(FilesTest, CacheFilesOfOthersAreNotRead) {
  const fs::path file = write("cache", "text");
  EXPECT_EQ(readCacheFile(file, 100).bytes, "text");
  fs::create_symlink(file, folder_ / "link");
  EXPECT_THAT(readCacheFile(folder_ / "link", 100).why, HasSubstr("link"));
  fs::create_symlink("nowhere", folder_ / "dangling");
  EXPECT_FALSE(readCacheFile(folder_ / "dangling", 100).ok());
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(readCacheFile(folder_ / "pipe", 100).why, HasSubstr("pipe"));
  EXPECT_THAT(readCacheFile(folder_, 100).why, HasSubstr("folder"));
  EXPECT_TRUE(readCacheFile(folder_ / "none", 100).missing);
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  EXPECT_THAT(readCacheFile(file, 100).why, HasSubstr("everyone"));
}

TEST_F(FilesTest, CacheFoldersOfOthersAreNotUsed) {
  EXPECT_EQ(trustedFolder(folder_), folder_);
  EXPECT_EQ(trustedFolder(folder_ / "none"), folder_ / "none") << "it will be created";
  EXPECT_EQ(trustedFolder({}), fs::path());
  fs::create_directories(folder_ / "open");
  fs::permissions(folder_ / "open", fs::perms::all);
  EXPECT_EQ(trustedFolder(folder_ / "open"), fs::path());
  fs::create_directory_symlink(folder_ / "open", folder_ / "link");
  EXPECT_EQ(trustedFolder(folder_ / "link"), fs::path());
  fs::create_directory_symlink("nowhere", folder_ / "dangling");
  EXPECT_EQ(trustedFolder(folder_ / "dangling"), fs::path());
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  fs::create_directories(folder_ / "foreign");
  ASSERT_EQ(::chown((folder_ / "foreign").c_str(), 12345, 12345), 0);
  EXPECT_THAT(whyForeign(folder_ / "foreign"), HasSubstr("12345"));
  const fs::path file = write("file", "x");
  ASSERT_EQ(::chown(file.c_str(), 12345, 12345), 0);
  EXPECT_THAT(readCacheFile(file, 100).why, HasSubstr("12345"));
  fs::create_directory_symlink(folder_, folder_ / "planted");
  ASSERT_EQ(::lchown((folder_ / "planted").c_str(), 12345, 12345), 0);
  EXPECT_THAT(whyForeign(folder_ / "planted"), HasSubstr("12345"))
      << "a link of somebody else to a folder of one's own";
}

TEST_F(FilesTest, CacheFoldersAreMadeForOneUser) {
  const mode_t mask = ::umask(0);
  EXPECT_TRUE(createPrivateFolders(folder_ / "a" / "b"));
  ::umask(mask);
  EXPECT_EQ(fs::status(folder_ / "a" / "b").permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(folder_ / "a").permissions(), fs::perms::owner_all);
  EXPECT_TRUE(createPrivateFolders(folder_ / "a" / "b"));
  write("file", "x");
  EXPECT_FALSE(createPrivateFolders(folder_ / "file" / "b"));
  EXPECT_FALSE(createPrivateFolders({}));
}

}  // namespace
}  // namespace tessera
