// Calibration data from image files: shuffle, decode and resize on a thread of its own.
#include "calib/images/image_batch_stream.hpp"

#include <algorithm>
#include <cctype>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>
#include <opencv2/imgcodecs.hpp>
#include <optional>
#include <random>
#include <thread>

#include "ops/operator.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace fs = std::filesystem;
namespace {

bool isImage(const fs::path& file) {
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
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

HostTensor preprocessed(const fs::path& file, const ImagePreprocess& how) {
  const cv::Mat image = cv::imread(file.string(), cv::IMREAD_COLOR);
  if (image.empty())
    throw Error(ErrorCode::InvalidArgument,
                "calibration image " + file.string() + " is missing, damaged, or of an unknown format");
  HostTensor pixels(DataType::UInt8, {1, image.rows, image.cols, 3});
  for (int y = 0; y < image.rows; ++y)
    std::copy_n(reinterpret_cast<const std::byte*>(image.ptr(y)), image.cols * 3,
                pixels.data.begin() + static_cast<std::ptrdiff_t>(y) * image.cols * 3);
  const Operator& op = operatorNamed("ImagePreprocess");
  OpView view{"ImagePreprocess", how.attributes(), {{DataType::UInt8, pixels.shape, {}}}, {}};
  view.outputs = op.infer(view.attrs, view.inputs);
  std::vector<HostTensor> outputs{HostTensor(view.outputs[0].type, view.outputs[0].shape)};
  const std::vector<HostTensor> inputs{std::move(pixels)};
  op.reference(view, inputs, outputs);
  return std::move(outputs[0]);
}

}  // namespace

struct ImageBatchStream::Impl {
  std::vector<fs::path> files;
  ImageBatchOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<TensorMap> ready;
  std::exception_ptr failure;
  bool finished = false, stop = false;
  std::thread thread;

  int batches() const { return static_cast<int>(files.size()) / options.batchSize; }

  // The next images that can be read; none where too few are left.
  std::optional<TensorMap> batch(std::size_t& next) const {
    HostTensor all;
    for (int taken = 0; taken < options.batchSize;) {
      if (next == files.size()) return std::nullopt;
      try {
        HostTensor one = preprocessed(files[next++], options.preprocess);
        if (taken++ == 0)
          all = std::move(one);
        else
          all.data.insert(all.data.end(), one.data.begin(), one.data.end());
      } catch (const Error& e) {
        log().warn("{}; it is left out", e.what());
      }
    }
    all.shape[0] = options.batchSize;
    return TensorMap{{options.input, std::move(all)}};
  }

  void work() {
    try {
      std::size_t next = 0;
      bool any = false;
      while (std::optional<TensorMap> made = batch(next)) {
        any = true;
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return ready.size() < 4 || stop; });
        if (stop) return;
        ready.push_back(std::move(*made));
        changed.notify_all();
      }
      if (!any)
        throw Error(ErrorCode::InvalidArgument,
                    "of " + std::to_string(files.size()) +
                        " calibration images fewer can be read than a batch takes (" +
                        std::to_string(options.batchSize) + ")");
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
  shuffle(files, options.seed);
  if (options.limit > 0 && static_cast<int>(files.size()) > options.limit) files.resize(options.limit);
  if (static_cast<int>(files.size()) < options.batchSize)
    throw Error(ErrorCode::InvalidArgument, "there are " + std::to_string(files.size()) +
                                                " calibration images; a batch takes " +
                                                std::to_string(options.batchSize));
  impl_->files = std::move(files);
  impl_->options = std::move(options);
}

ImageBatchStream::~ImageBatchStream() { impl_->end(); }
int ImageBatchStream::batchSize() const { return impl_->options.batchSize; }
int ImageBatchStream::batchCount() const { return impl_->batches(); }

bool ImageBatchStream::nextBatch(TensorMap& inputs) {
  Impl& s = *impl_;
  if (!s.thread.joinable()) s.thread = std::thread([&s] { s.work(); });
  std::unique_lock lock(s.mutex);
  s.changed.wait(lock, [&] { return !s.ready.empty() || s.finished; });
  if (!s.ready.empty()) {
    inputs = std::move(s.ready.front());
    s.ready.pop_front();
    s.changed.notify_all();
    return true;
  }
  if (s.failure) std::rethrow_exception(s.failure);
  return false;
}

std::string ImageBatchStream::readCache() {
  if (impl_->options.cacheFile.empty()) return {};
  std::ifstream file(impl_->options.cacheFile);
  return {std::istreambuf_iterator<char>(file), {}};
}

void ImageBatchStream::writeCache(const std::string& text) {
  const fs::path& target = impl_->options.cacheFile;
  if (target.empty()) return;
  const fs::path temporary = target.string() + ".tmp";
  std::ofstream file(temporary, std::ios::binary);
  file << text;
  file.close();
  if (!file)
    throw Error(ErrorCode::InvalidArgument, "can not write the calibration cache " + target.string());
  fs::rename(temporary, target);
}

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
      std::ifstream list(path);
      for (std::string line; std::getline(list, line);) {
        if (line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);  // a byte order mark
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
          line.pop_back();
        if (!line.empty() && line[0] != '#') found.push_back(path.parent_path() / line);
      }
    }
    if (found.empty())
      throw Error(ErrorCode::InvalidArgument, "calibration images: " + given + " holds no image");
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

}  // namespace tessera
