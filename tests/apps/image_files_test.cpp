// Image files that are cut off or damaged, and calibration from folders that hold some.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>

#include "apps/common/images.hpp"
#include "calib/images/image_batch_stream.hpp"
#include "calib/images/image_file.hpp"
#include "tests/apps/program.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using app::readFile;
using app::writeImage;
using test::Folder;
using test::runProgram;
using test::writeColorNetwork;
using test::writeText;
using testing::HasSubstr;

// Noise, so that no format makes it small.
cv::Mat noise(int height = 48, int width = 64, int type = CV_8UC3) {
  cv::Mat image(height, width, type);
  unsigned value = 7;
  for (std::size_t i = 0; i < image.total() * image.elemSize(); ++i)
    image.data[i] = static_cast<std::uint8_t>((value = value * 1103515245 + 12345) >> 16);
  return image;
}

std::string encodedImage(const char* extension, const cv::Mat& image,
                         const std::vector<int>& parameters = {}) {
  std::vector<unsigned char> bytes;
  EXPECT_TRUE(cv::imencode(extension, image, bytes, parameters)) << extension;
  return {bytes.begin(), bytes.end()};
}

// The image with a whole one inside an EXIF segment, as cameras write it.
std::string withThumbnail(const std::string& jpeg) {
  const std::string data = std::string("Exif\0\0", 6) + encodedImage(".jpg", noise(16, 16));
  const std::size_t length = data.size() + 2;
  return jpeg.substr(0, 2) + "\xff\xe1" + static_cast<char>(length >> 8) + static_cast<char>(length & 0xff) +
         data + jpeg.substr(2);
}

// What reads pictures lies beside the programs and is opened with the first file: without it they start, and
// say what is missing where a picture is to be read.
TEST(ImageFiles, WhatReadsThemIsNamedWhereItIsMissing) {
  const Folder folder;
  const std::string model = writeColorNetwork(folder.path());
  writeImage(folder / "a.png", noise());
  const fs::path alone = folder / "tessera";
  fs::copy(test::binFolder() / "tessera", alone);
  const std::vector<std::string> calibrate{"calibrate",
                                           model,
                                           "--calibration-images",
                                           (folder / "a.png").string(),
                                           "--calibration-cache",
                                           (folder / "scales").string()};
  EXPECT_EQ(runProgram(alone.string(), {"--help"}).code, 0);
  const auto refused = runProgram(alone.string(), calibrate);
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.err, HasSubstr((folder / "tessera-media.so").string()));
  EXPECT_EQ(runProgram("tessera", calibrate).code, 0);
}

TEST(ImageFiles, EveryFormatsTruncationIsNoticed) {
  const Folder folder;
  const std::string jpeg = encodedImage(".jpg", noise());
  const std::vector<std::pair<std::string, std::string>> files{
      {"plain.jpg", jpeg},
      {"progressive.jpg", encodedImage(".jpg", noise(), {cv::IMWRITE_JPEG_PROGRESSIVE, 1})},
      {"restart.jpg", encodedImage(".jpg", noise(), {cv::IMWRITE_JPEG_RST_INTERVAL, 2})},
      {"thumbnail.jpg", withThumbnail(jpeg)},
      {"a.png", encodedImage(".png", noise())},
      {"grey.png", encodedImage(".png", noise(48, 64, CV_8UC1))},
      {"a.bmp", encodedImage(".bmp", noise())},
      {"a.ppm", encodedImage(".ppm", noise())},
      {"a.pgm", encodedImage(".pgm", noise(48, 64, CV_8UC1))},
      {"lossless.webp", encodedImage(".webp", noise(), {cv::IMWRITE_WEBP_QUALITY, 101})},
      {"lossy.webp", encodedImage(".webp", noise())},
      {"a.tif", encodedImage(".tif", noise(), {cv::IMWRITE_TIFF_COMPRESSION, 1})},
      {"lzw.tif", encodedImage(".tif", noise())}};
  for (const auto& [name, bytes] : files) {
    EXPECT_EQ(whyDamaged(bytes), "") << name;
    EXPECT_EQ(whyDamaged(bytes + "what follows the picture does not matter"), "") << name;
    writeText(folder / name, bytes);
    EXPECT_EQ(readImageFile(folder / name, cv::IMREAD_COLOR).cols, 64) << name;
    for (const double share : {0.3, 0.5, 0.75, 0.97}) {
      writeText(folder / name,
                bytes.substr(0, static_cast<std::size_t>(share * static_cast<double>(bytes.size()))));
      try {
        readImageFile(folder / name, cv::IMREAD_COLOR);
        ADD_FAILURE() << name << " was read, cut at " << share;
      } catch (const Error& e) {
        EXPECT_THAT(e.what(), HasSubstr((folder / name).string()));
      }
    }
    // A few bytes at a time: no length may lead out of the file.
    for (std::size_t n = 0; n < std::min<std::size_t>(bytes.size(), 600); ++n) whyDamaged(bytes.substr(0, n));
    for (std::size_t i = 0; i < 200; ++i)
      for (const char value : {'\0', '\x7f', '\xff'}) {
        std::string damaged = bytes;
        damaged[i] = value;
        whyDamaged(damaged);
      }
  }
}

TEST(ImageFiles, ADamagedChunkIsNamed) {
  std::string bytes = encodedImage(".png", noise());
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  EXPECT_THAT(whyDamaged(bytes), HasSubstr("IDAT"));
}

// A damaged byte leads a decoder astray up to the next restart marker, which then comes too early or too
// late.
TEST(ImageFiles, AJpegDamagedInItsMiddleIsRefused) {
  const Folder folder;
  const std::string whole = encodedImage(".jpg", noise(96, 128), {cv::IMWRITE_JPEG_RST_INTERVAL, 4});
  std::string zeros = whole, ones = whole;
  zeros.replace(whole.size() / 2, 64, 64, '\0');
  for (std::size_t i = 0; i < 64; i += 2) ones.replace(whole.size() / 2 + i, 2, "\xff\x00", 2);
  for (const auto& damaged : {zeros, ones}) {
    writeText(folder / "a.jpg", damaged);
    try {
      readImageFile(folder / "a.jpg", cv::IMREAD_COLOR);
      ADD_FAILURE() << "it was read";
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::AllOf(HasSubstr("a.jpg"), HasSubstr("damaged")));
    }
  }
}

class CalibrationImages : public testing::Test {
 protected:
  Folder folder;
  ImageBatchOptions options{"image", {}, 2, 0, 0, {}};
  CalibrationImages() { options.preprocess.height = 24, options.preprocess.width = 32; }

  void addImages(int count) const {
    for (int i = 0; i < count; ++i) writeImage(folder / ("images/" + std::to_string(i) + ".jpg"), noise());
  }
  void cut(const std::string& name) const {
    const std::string whole = readFile(folder / ("images/" + name));
    writeText(folder / ("images/" + name), whole.substr(0, whole.size() / 2));
  }
  std::vector<fs::path> files() const { return calibrationImages({(folder / "images").string()}); }
  static int batchesOf(ImageBatchStream& stream) {
    int batches = 0;
    for (TensorMap inputs; stream.nextBatch(inputs); ++batches) EXPECT_EQ(inputs.at("image").shape[0], 2);
    return batches;
  }
};

TEST_F(CalibrationImages, TheNextTakesADamagedOnesPlace) {
  addImages(7);
  cut("3.jpg");
  writeText(folder / "images/5.jpg", "no image");
  testing::internal::CaptureStderr();
  ImageBatchStream all(files(), options);
  EXPECT_EQ(batchesOf(all), 3) << "five are left, and the last batch is filled up";
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::AllOf(HasSubstr("3.jpg"), HasSubstr("5.jpg")));
  options.limit = 4;
  for (unsigned seed = 0; seed < 4; ++seed) {
    options.seed = seed;
    ImageBatchStream some(files(), options);
    EXPECT_EQ(batchesOf(some), 2) << "as many as the limit asks for";
  }
}

TEST_F(CalibrationImages, NoneLeftIsAnErrorThatSaysWhy) {
  addImages(3);
  for (const char* name : {"0.jpg", "1.jpg", "2.jpg"}) cut(name);
  ImageBatchStream stream(files(), options);
  TensorMap inputs;
  try {
    stream.nextBatch(inputs);
    FAIL() << "no image made a batch of two";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(),
                testing::AllOf(HasSubstr("none of the 3 calibration images"), HasSubstr("ends before")));
  }
}

TEST_F(CalibrationImages, BatchesHaveNames) {
  addImages(2);
  ImageBatchStream stream(files(), options);
  TensorMap inputs;
  ASSERT_TRUE(stream.nextBatch(inputs));
  EXPECT_THAT(stream.lastBatch(),
              testing::AllOf(HasSubstr("0.jpg"), HasSubstr("1.jpg"), HasSubstr("one of")));
}

TEST_F(CalibrationImages, OfTheInputsSizeBecomeWhatTheOperatorMakesOfThem) {
  const cv::Mat image = noise();
  writeImage(folder / "images/0.png", image);
  ImagePreprocess& how = options.preprocess;
  how.height = image.rows, how.width = image.cols;
  how.mean = {110.3, 108.4, 105}, how.deviation = {72.1, 58.7, 69.9}, how.scale = 0.7;
  options.batchSize = 1;
  for (const bool last : {false, true})
    for (const ChannelOrder order : {ChannelOrder::Bgr, ChannelOrder::Rgb})
      for (const ImageFit fit : {ImageFit::Stretch, ImageFit::Letterbox, ImageFit::Crop}) {
        how.channelsLast = last, how.order = order, how.fit = fit;
        ImageBatchStream stream(files(), options);
        TensorMap inputs;
        ASSERT_TRUE(stream.nextBatch(inputs));
        const auto values = inputs.at("image").as<float>();
        ASSERT_EQ(values.size(), image.total() * 3);
        int wrong = 0;
        for (std::size_t c = 0; c < 3; ++c)
          for (std::size_t i = 0; i < image.total(); ++i) {
            const auto pixel = image.data[3 * i + (order == ChannelOrder::Rgb ? 2 - c : c)];
            const double number = (pixel - how.mean[c]) / how.deviation[c] * how.scale;
            wrong += values[last ? 3 * i + c : c * image.total() + i] != static_cast<float>(number);
          }
        EXPECT_EQ(wrong, 0) << toString(order) << " " << toString(fit) << (last ? ", channels last" : "");
      }
}

TEST_F(CalibrationImages, ListsMayComeFromWindows) {
  addImages(2);
  writeText(folder / "list.txt", "\xef\xbb\xbfimages/0.jpg\r\n\r\nimages/1.jpg\r\n");
  const auto found = calibrationImages({(folder / "list.txt").string()});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(fs::exists(found[0]) && fs::exists(found[1]));
  writeText(folder / "binary.dat", std::string("\x00\x01images", 8));
  EXPECT_THROW(calibrationImages({(folder / "binary.dat").string()}), Error);
}

TEST_F(CalibrationImages, ACacheIsReadOrRefusedByName) {
  addImages(2);
  options.cacheFile = folder / "cache";
  EXPECT_EQ(ImageBatchStream(files(), options).readCache(), "") << "none yet";
  ImageBatchStream(files(), options).writeCache("text");
  EXPECT_EQ(ImageBatchStream(files(), options).readCache(), "text");
  options.cacheFile = folder.path();
  try {
    ImageBatchStream(files(), options).readCache();
    FAIL() << "a folder was read";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), testing::AllOf(HasSubstr(folder.path().string()), HasSubstr("folder")));
  }
  EXPECT_THROW(ImageBatchStream(files(), options).writeCache("text"), Error);
}

}  // namespace
}  // namespace tessera
