// What surrounds the programs: full disks, closed streams, pipes in place of files, signals, label files with
// any index.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <thread>

#include "apps/common/images.hpp"
#include "apps/common/labels.hpp"
#include "apps/common/videos.hpp"
#include "apps/segmenter/annotations.hpp"
#include "files/write_file.hpp"
#include "tessera/error.hpp"
#include "tests/apps/program.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using app::readFile;
using app::writeImage;
using test::Folder;
using test::ProgramResult;
using test::runProgram;
using test::writeText;
using testing::HasSubstr;

// A command for the shell, where PROGRAM names stand for the built ones; seconds are bounded.
ProgramResult shell(const std::string& before, const std::string& program, const std::string& after) {
  const Folder folder;
  const std::string command = before +
                              " TESSERA_TUNE=cached TESSERA_CACHE_DIR=" + (folder / "cache").string() +
                              " timeout 60 " + (test::binFolder() / program).string() + " " + after + " 2>" +
                              (folder / "err").string() + " </dev/null";
  const int status = std::system(("{ " + command + "; } >" + (folder / "out").string()).c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, readFile(folder / "out"), readFile(folder / "err")};
}

class HostileFiles : public testing::Test {
 protected:
  Folder folder;
  std::string model = test::writeColorNetwork(folder.path());
  std::string at(const std::string& name) const { return (folder / name).string(); }

  // Frames that move, so that they take room.
  void writeVideo(const std::string& name, int frames) const {
    cv::VideoWriter writer(at(name), cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 12, cv::Size(64, 48));
    ASSERT_TRUE(writer.isOpened());
    for (int i = 0; i < frames; ++i) {
      cv::Mat frame(48, 64, CV_8UC3, cv::Scalar(10, 10, 250));
      cv::circle(frame, cv::Point(i * 7 % 64, i * 5 % 48), 12, cv::Scalar(250, 10, 10), cv::FILLED);
      cv::circle(frame, cv::Point(i * 3 % 64, i * 11 % 48), 8, cv::Scalar(10, 250, 10), cv::FILLED);
      writer.write(frame);
    }
  }
  // The segmenter beside this process; its log goes to the file err.
  pid_t startSegmenting(const std::string& video) const {
    const pid_t child = ::fork();
    if (child != 0) return child;
    ::setenv("TESSERA_TUNE", "off", 1);
    ::setenv("TESSERA_CACHE_DIR", at("cache").c_str(), 1);
    if (!std::freopen(at("err").c_str(), "w", stderr)) ::_exit(126);
    const std::string program = (test::binFolder() / "segmenter").string();
    ::execl(program.c_str(), program.c_str(), "--model", model.c_str(), "--video", at(video).c_str(), "--out",
            at("out").c_str(), nullptr);
    ::_exit(127);
  }
  // Until a file in out has so many bytes; false where the program ends before.
  bool waitForVideo(pid_t child, std::uintmax_t bytes) const {
    while (::waitpid(child, nullptr, WNOHANG) == 0) {
      if (filesIn("out") > 0 && fs::file_size(*fs::directory_iterator(folder / "out")) >= bytes) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  std::size_t filesIn(const std::string& name) const {
    if (!fs::exists(folder / name)) return 0;
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder / name), fs::directory_iterator()));
  }
};

TEST_F(HostileFiles, AResultThatCanNotBePrintedIsAFailure) {
  for (const auto& [program, arguments] :
       std::vector<std::pair<std::string, std::string>>{{"tessera", "devices"},
                                                        {"tessera", "--help"},
                                                        {"tessera", "--version"},
                                                        {"tessera", "inspect --raw " + model},
                                                        {"tessera-tune", "--show"}})
    for (const char* stream : {">/dev/full", ">&-"}) {
      const auto result = shell("", program, arguments + " " + stream);
      EXPECT_EQ(result.code, 1) << program << " " << arguments << " " << stream;
      EXPECT_THAT(result.err, HasSubstr("can not be printed"))
          << program << " " << arguments << " " << stream;
    }
  const auto ended = shell("", "tessera", "inspect --raw " + model + " | head -c 1");
  EXPECT_EQ(ended.code, 0) << "head's";
  EXPECT_EQ(ended.err, "");
}

TEST_F(HostileFiles, StreamsAndDevicesAreWrittenToAsTheyAre) {
  const auto printed = shell("", "tessera", "inspect --json /dev/stdout " + model);
  EXPECT_EQ(printed.code, 0) << printed.err;
  EXPECT_THAT(printed.out, HasSubstr("\"bindings\""));
  EXPECT_TRUE(fs::is_symlink("/dev/stdout"));
  EXPECT_EQ(runProgram("tessera", {"inspect", model, "--json", "/dev/null"}).code, 0);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  const auto full = runProgram("tessera", {"inspect", model, "--json", "/dev/full"});
  EXPECT_EQ(full.code, 1);
  EXPECT_THAT(full.err, HasSubstr("No space left"));
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  const auto folded = runProgram("tessera", {"inspect", model, "--json", folder.path().string()});
  EXPECT_EQ(folded.code, 1);
  EXPECT_THAT(folded.err, HasSubstr("folder"));
}

TEST_F(HostileFiles, APipeInPlaceOfAFileIsRefusedAtOnce) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(at("pipe.onnx").c_str(), 0600), 0);
  writeImage(folder / "a.png", cv::Mat(24, 32, CV_8UC3, cv::Scalar(250, 10, 10)));
  const std::string prototxt = at("net.prototxt"), weights = at("net.caffemodel"), pipe = at("pipe");
  const std::string segment = "--model " + model + " --images " + at("a.png") + " ";
  for (const auto& [program, arguments] : std::vector<std::pair<std::string, std::string>>{
           {"tessera", "inspect " + at("pipe.onnx")},
           {"tessera", "inspect " + pipe + "," + weights},
           {"tessera", "inspect " + prototxt + "," + pipe},
           {"tessera", "run " + model + " --input " + pipe},
           {"tessera", "inspect --tune cached --tuning-cache " + pipe + " " + model},
           {"tessera", "inspect --precision int8 --calibration-cache " + pipe + " " + model},
           {"tessera",
            "calibrate --calibration-cache " + at("c") + " --calibration-images " + pipe + " " + model},
           {"segmenter", "--model " + model + " --images " + pipe},
           {"segmenter", "--model " + model + " --video " + pipe},
           {"segmenter", segment + "--labels " + pipe},
           {"segmenter", segment + "--preprocess " + pipe},
           {"tessera-tune", "--import " + pipe}}) {
    const auto result = shell("", program, arguments);
    EXPECT_EQ(result.code, 1) << program << " " << arguments;
    EXPECT_THAT(result.err, HasSubstr("it is a pipe")) << program << " " << arguments;
  }
}

TEST_F(HostileFiles, FoldersAndHugeFilesInPlaceOfTextAreRefused) {
  writeImage(folder / "a.png", cv::Mat(24, 32, CV_8UC3, cv::Scalar(250, 10, 10)));
  const auto cache = runProgram(
      "tessera", {"inspect", model, "--precision", "int8", "--calibration-cache", folder.path().string()});
  EXPECT_EQ(cache.code, 1);
  EXPECT_THAT(cache.err, testing::AllOf(HasSubstr(folder.path().string()), HasSubstr("folder")));
  const auto target = runProgram("tessera", {"calibrate", model, "--calibration-images", at("a.png"),
                                             "--calibration-cache", folder.path().string()});
  EXPECT_EQ(target.code, 1);
  EXPECT_THAT(target.err, HasSubstr("folder of that name"));
  writeText(folder / "labels.json", "[");
  fs::resize_file(folder / "labels.json", std::uintmax_t{1} << 40);
  const auto labels =
      runProgram("segmenter", {"--model", model, "--images", at("a.png"), "--labels", at("labels.json")});
  EXPECT_EQ(labels.code, 1);
  EXPECT_THAT(labels.err, testing::AllOf(HasSubstr("labels.json"), HasSubstr("1099511627776 bytes")));
}

TEST_F(HostileFiles, ACacheFolderOfOthersIsIgnoredWithOneWarning) {
  fs::create_directories(folder / "shared");
  fs::permissions(folder / "shared", fs::perms::all);
  const auto result = runProgram("tessera", {"inspect", model, "--tune", "cached"},
                                 "TESSERA_TUNE=cached TESSERA_CACHE_DIR=" + at("shared"));
  EXPECT_EQ(result.code, 0) << result.err;
  const auto first = result.err.find("cache folder");
  EXPECT_NE(first, std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("cache folder", first + 1), std::string::npos) << result.err;
  EXPECT_EQ(filesIn("shared"), 0u);
}

// A limit of file sizes, set once there is something of the video, stands for a full disk: the encoder says
// as little of it.
TEST_F(HostileFiles, AVideoThatDoesNotFitOnTheDiskIsAFailure) {
  writeVideo("clip.avi", 3000);
  const pid_t child = startSegmenting("clip.avi");
  ASSERT_TRUE(waitForVideo(child, 1)) << "ended before it wrote";
  const rlimit little{20000, 20000};
  ASSERT_EQ(::prlimit(child, RLIMIT_FSIZE, &little, nullptr), 0);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_THAT(readFile(folder / "err"), HasSubstr("clip_overlay.mp4"));
  EXPECT_EQ(filesIn("out"), 0u);
}

TEST_F(HostileFiles, TruncatedVideosAreNamed) {
  writeVideo("clip.avi", 60);
  ASSERT_EQ(runProgram("segmenter", {"--model", model, "--video", at("clip.avi"), "--out", at("out")}).code,
            0);
  const auto cut = [&](const std::string& name, double share) {
    const std::string bytes = readFile(folder / name);
    const std::string cutName = "cut" + fs::path(name).extension().string();
    writeText(folder / cutName,
              bytes.substr(0, static_cast<std::size_t>(share * static_cast<double>(bytes.size()))));
    return cutName;
  };
  for (const char* name : {"clip.avi", "out/clip_overlay.mp4"}) {
    EXPECT_EQ(app::whyTruncatedVideo(folder / name), "") << name;
    for (const double share : {0.2, 0.5, 0.99})
      EXPECT_NE(app::whyTruncatedVideo(folder / cut(name, share)), "") << name;
  }
  const auto result =
      runProgram("segmenter", {"--model", model, "--video", at(cut("clip.avi", 0.5)), "--out", at("halves")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, testing::AllOf(HasSubstr("cut.avi"), HasSubstr("ends before")));
  EXPECT_EQ(filesIn("halves"), 0u);
}

// EBML: header, then a segment of 100 bytes, or of a size not known.
TEST_F(HostileFiles, MatroskaSegmentsHaveExtents) {
  const std::string header = "\x1a\x45\xdf\xa3\x84xxxx", segment = "\x18\x53\x80\x67";
  const auto why = [&](const std::string& size, std::size_t bytes) {
    writeText(folder / "v.mkv", header + segment + size + std::string(bytes, 'x'));
    return app::whyTruncatedVideo(folder / "v.mkv");
  };
  EXPECT_EQ(why("\xe4", 100), "");
  EXPECT_NE(why("\xe4", 99), "");
  EXPECT_EQ(why("\x01\xff\xff\xff\xff\xff\xff\xff", 5), "") << "written as a stream";
  EXPECT_NE(why("\x01\xff\xff\xff\xff\xff\xff\xfe", 5), "");
}

// A signal in the middle of a video: nothing of it is left.
TEST_F(HostileFiles, SignalsLeaveNoHalfWrittenFile) {
  writeVideo("clip.avi", 3000);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    const pid_t child = startSegmenting("clip.avi");
    ASSERT_TRUE(waitForVideo(child, 0)) << "ended before it wrote";
    EXPECT_TRUE(isUnfinishedFile(fs::directory_iterator(folder / "out")->path()));
    ::kill(child, number);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status)) << number;
    EXPECT_EQ(WEXITSTATUS(status), 128 + number);
    EXPECT_EQ(filesIn("out"), 0u) << number;
  }
}

TEST_F(HostileFiles, EveryIdOfALabelFileIsChecked) {
  const auto load = [&](const std::string& id) {
    writeText(folder / "labels.json", R"([{"name": "a", "id": 3}, {"name": "b", "id": )" + id + "}]");
    return app::loadLabels(at("labels.json"));
  };
  EXPECT_EQ(load("255").classes[1].datasetId, 255);
  EXPECT_EQ(load("-1").classes[1].datasetId, -1);
  for (const char* bad : {"256", "300", "100000", "4294967296", "4294967297", "18446744073709551615", "1e300",
                          "-2", "-2147483649", "1.5", "\"7\"", "null", "3"})
    try {
      load(bad);
      ADD_FAILURE() << bad << " was taken";
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::AllOf(HasSubstr("labels.json"), HasSubstr("class 1")));
    }
  for (const char* bad : {"256", "-1", "4294967297", "0.5", "null", "\"1\""}) {
    writeText(folder / "labels.json", R"([{"name": "a", "color": [1, )" + std::string(bad) + ", 3]}]");
    EXPECT_THROW(app::loadLabels(at("labels.json")), Error) << bad;
  }
}

TEST_F(HostileFiles, AnnotationsOfIdsTakeNoIdOutsideTheirTable) {
  app::LabelSet labels{"made",
                       {{"a", {}, "", false, 255}, {"b", {}, "", false, 256}, {"c", {}, "", false, 1 << 30}}};
  cv::Mat ids(4, 4, CV_8UC1, cv::Scalar(255));
  ids.at<std::uint8_t>(0, 0) = 7;
  writeImage(folder / "ids/x_labelIds.png", ids);
  const app::Annotations annotations(folder / "ids", labels);
  const cv::Mat read = annotations.read(folder / "ids/x_labelIds.png");
  EXPECT_EQ(read.at<std::uint8_t>(1, 1), 0);
  EXPECT_EQ(read.at<std::uint8_t>(0, 0), 255) << "not annotated";
  cv::Mat deep(4, 4, CV_16UC1, cv::Scalar(300));
  writeImage(folder / "ids/deep.png", deep);
  EXPECT_THROW(annotations.read(folder / "ids/deep.png"), Error);
}

}  // namespace
}  // namespace tessera
