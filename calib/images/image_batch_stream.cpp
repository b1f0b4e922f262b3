// Calibration data from image files: shuffle, decode and resize on a thread of its own.
#include "calib/images/image_batch_stream.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <cctype>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <opencv2/imgcodecs.hpp>
#include <optional>
#include <random>
#include <thread>

#include "base/read_file.hpp"
#include "base/text.hpp"
#include "base/write_file.hpp"
#include "calib/images/image_file.hpp"
#include "ops/operator.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace fs = std::filesystem;
namespace {

bool isImage(const fs::path& file) {
  const std::string extension = lowerCase(file.extension().string());
  for (const char* known : {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".tif", ".tiff", ".webp"})
    if (extension == known) return true;
  return false;
}

// The order is part of what a seed promises, so the shuffle is written out: std::shuffle differs between
// libraries.
void shuffle(std::vector<fs::path>& files, unsigned seed) {
  std::mt19937 random(seed);
  for (std::size_t i = files.size(); i > 1; --i) std::swap(files[i - 1], files[random() % i]);
}

HostTensor prepared(HostTensor pixels, const ImagePreprocess& how) {
  const Operator& op = operatorNamed("ImagePreprocess");
  OpView view{"ImagePreprocess", how.attributes(), {{DataType::UInt8, pixels.shape, {}}}, {}};
  view.outputs = op.infer(view.attrs, view.inputs);
  std::vector<HostTensor> outputs{HostTensor(view.outputs[0].type, view.outputs[0].shape)};
  const std::vector<HostTensor> inputs{std::move(pixels)};
  op.reference(view, inputs, outputs);
  return std::move(outputs[0]);
}

// Images of the input's size, whose pixels become numbers one by one: each of the 256 values of a channel is
// prepared once, not each pixel.
class PreparedBytes {
 public:
  explicit PreparedBytes(const ImagePreprocess& how) : how_(how) {
    if (how.order == ChannelOrder::Grey || how.channelsLast) return;
    HostTensor bytes(DataType::UInt8, {1, 1, kValues, 3});
    for (std::int64_t i = 0; i < 3 * kValues; ++i) bytes.data[i] = static_cast<std::byte>(i / 3);
    ImagePreprocess row = how;
    row.height = 1, row.width = kValues, row.fit = ImageFit::Stretch;
    table_ = prepared(std::move(bytes), row);
  }

  bool serves(const cv::Mat& image) const {
    return !table_.data.empty() && image.rows == how_.height && image.cols == how_.width &&
           (how_.fit != ImageFit::Crop || how_.crop == 1);
  }
  HostTensor operator()(const cv::Mat& image) const {
    HostTensor result(DataType::Float32, {1, 3, how_.height, how_.width});
    float* to = result.as<float>().data();
    for (std::int64_t c = 0; c < 3; ++c) {
      const std::int64_t from = how_.order == ChannelOrder::Rgb ? 2 - c : c;
      const float* values = table_.as<float>().data() + c * kValues;
      for (int y = 0; y < image.rows; ++y) {
        const std::uint8_t* row = image.ptr(y) + from;
        for (int x = 0; x < image.cols; ++x) *to++ = values[row[3 * x]];
      }
    }
    return result;
  }

 private:
  static constexpr std::int64_t kValues = 256;
  ImagePreprocess how_;
  HostTensor table_;
};

HostTensor preprocessed(const fs::path& file, const ImagePreprocess& how, const PreparedBytes& bytes) {
  const cv::Mat image = readImageFile(file, cv::IMREAD_COLOR);
  if (bytes.serves(image)) return bytes(image);
  HostTensor pixels(DataType::UInt8, {1, image.rows, image.cols, 3});
  for (int y = 0; y < image.rows; ++y)
    std::copy_n(reinterpret_cast<const std::byte*>(image.ptr(y)), image.cols * 3,
                pixels.data.begin() + static_cast<std::ptrdiff_t>(y) * image.cols * 3);
  return prepared(std::move(pixels), how);
}

}  // namespace

struct ImageBatchStream::Impl {
  struct Batch {
    TensorMap inputs;
    std::string names;
  };

  std::vector<fs::path> files;
  ImageBatchOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Batch> ready;
  std::string last;  ///< names of the batch given last
  std::exception_ptr failure;
  bool finished = false, stop = false;
  std::thread thread;

  int images() const {
    const int all = static_cast<int>(files.size());
    return options.limit > 0 ? std::min(options.limit, all) : all;
  }
  int batches() const { return (images() + options.batchSize - 1) / options.batchSize; }
  // Images of a batch; the last may hold fewer.
  int imagesOf(int batch) const { return std::min(options.batchSize, images() - batch * options.batchSize); }

  // The next batch of `wanted` images from file `next` on, repeated until it is full; none where nothing is
  // left that can be read. What can not is reported, and the file after it takes its place.
  std::optional<Batch> batch(int wanted, const PreparedBytes& bytes, std::size_t& next,
                             std::string& problem) const {
    HostTensor all;
    Batch made;
    int count = 0;
    while (count < wanted && next < files.size()) {
      const fs::path& file = files[next++];
      try {
        HostTensor one = preprocessed(file, options.preprocess, bytes);
        if (count == 0)
          all = std::move(one);
        else
          all.data.append(one.data);
      } catch (const Error& e) {
        if (problem.empty()) problem = e.what();
        log().error("calibration goes on without an image. {}", e.what());
        continue;
      }
      made.names += (count == 0 ? "" : ", ") + file.string();
      ++count;
    }
    if (count == 0) return std::nullopt;
    if (options.batchSize > 1) made.names = "one of " + made.names;
    const std::size_t item = all.data.size() / static_cast<std::size_t>(count);
    all.data.resize(item * static_cast<std::size_t>(options.batchSize));
    for (std::size_t at = item * static_cast<std::size_t>(count); at < all.data.size(); ++at)
      all.data[at] = all.data[at - item * static_cast<std::size_t>(count)];
    all.shape[0] = options.batchSize;
    made.inputs = {{options.input, std::move(all)}};
    return made;
  }

  void work() {
    try {
      const PreparedBytes bytes(options.preprocess);
      std::size_t next = 0;
      std::string problem;
      for (int i = 0; i < batches(); ++i) {
        std::optional<Batch> made = batch(imagesOf(i), bytes, next, problem);
        if (!made && i > 0) break;
        if (!made)
          throw Error(ErrorCode::InvalidArgument, "none of the " + std::to_string(files.size()) +
                                                      " calibration images can be read. " + problem);
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return ready.size() < 4 || stop; });
        if (stop) return;
        ready.push_back(*std::move(made));
        changed.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    finished = true;
    changed.notify_all();
  }

  void end() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
    if (thread.joinable()) thread.join();
    ready.clear();
    failure = nullptr;
    finished = stop = false;
  }
};

ImageBatchStream::ImageBatchStream(std::vector<fs::path> files, ImageBatchOptions options)
    : impl_(std::make_unique<Impl>()) {
  if (options.batchSize < 1) throw Error(ErrorCode::InvalidArgument, "a batch holds at least one image");
  if (options.preprocess.height < 1 || options.preprocess.width < 1)
    throw Error(
        ErrorCode::InvalidArgument,
        "images for calibration need a size: ImagePreprocess::height and width are those of the input");
  shuffle(files, options.seed);
  impl_->files = std::move(files);
  impl_->options = std::move(options);
  if (impl_->batches() == 0) throw Error(ErrorCode::InvalidArgument, "there are no calibration images");
}

ImageBatchStream::~ImageBatchStream() { impl_->end(); }
int ImageBatchStream::batchSize() const { return impl_->options.batchSize; }
int ImageBatchStream::batchCount() const { return impl_->batches(); }
std::string ImageBatchStream::lastBatch() const { return impl_->last; }

bool ImageBatchStream::nextBatch(TensorMap& inputs) {
  Impl& s = *impl_;
  if (!s.thread.joinable()) s.thread = std::thread([&s] { s.work(); });
  std::unique_lock lock(s.mutex);
  s.changed.wait(lock, [&] { return !s.ready.empty() || s.finished; });
  if (!s.ready.empty()) {
    inputs = std::move(s.ready.front().inputs);
    s.last = std::move(s.ready.front().names);
    s.ready.pop_front();
    s.changed.notify_all();
    return true;
  }
  if (s.failure) std::rethrow_exception(s.failure);
  return false;
}

std::string ImageBatchStream::readCache() {
  const fs::path& file = impl_->options.cacheFile;
  if (file.empty()) return {};
  FileContent cache = readRegularFile(file);
  if (!cache.ok() && !cache.missing)
    throw Error(ErrorCode::BadCache,
                "the calibration cache " + file.string() + " can not be read: " + cache.why);
  return std::move(cache.bytes);
}

void ImageBatchStream::writeCache(const std::string& text) {
  const fs::path& target = impl_->options.cacheFile;
  if (target.empty()) return;
  AtomicFile file(target);
  file.write(text);
  file.commit();
}

namespace {

// One path a line, relative to the list's folder.
std::vector<fs::path> listedImages(const fs::path& list) {
  const FileContent content = readRegularFile(list);
  if (!content.ok())
    throw Error(ErrorCode::InvalidArgument,
                "calibration images: " + list.string() + " can not be read: " + content.why);
  std::vector<fs::path> found;
  std::string_view text = content.bytes;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
      line.remove_suffix(1);
    if (line.find('\0') != std::string_view::npos)
      throw Error(ErrorCode::InvalidArgument, "calibration images: " + list.string() +
                                                  " is neither an image of a known kind nor a list of paths");
    if (!line.empty() && line[0] != '#')
      found.push_back(fs::path(line).is_absolute() ? fs::path(line) : list.parent_path() / line);
  }
  return found;
}

}  // namespace

std::vector<fs::path> calibrationImages(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const std::string& given : paths) {
    const fs::path path(given);
    if (!fs::exists(path))
      throw Error(ErrorCode::InvalidArgument, "calibration images: " + given + " does not exist");
    std::vector<fs::path> found;
    if (fs::is_directory(path)) {
      for (const auto& entry : fs::recursive_directory_iterator(path))
        if (entry.is_regular_file() && isImage(entry.path())) found.push_back(entry.path());
    } else if (isImage(path)) {
      found.push_back(path);
    } else {
      found = listedImages(path);
    }
    if (found.empty())
      throw Error(ErrorCode::InvalidArgument, "calibration images: " + given + " holds no image");
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

}  // namespace tessera
