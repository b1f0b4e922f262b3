/// \file
/// Calibration data from image files.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tessera/calibrator.hpp"
#include "tessera/image.hpp"

namespace tessera {

struct ImageBatchOptions {
  std::string input;           ///< name of the network's input
  ImagePreprocess preprocess;  ///< as inference does it
  int batchSize = 1;
  int limit = 0;      ///< images at most; 0: all
  unsigned seed = 0;  ///< of the shuffle that picks them; equal seeds give equal batches on every machine
  std::filesystem::path cacheFile;  ///< read before and written after calibration; empty: none
};

/// Images of folders and lists, shuffled, read and resized ahead on a thread. An image that can not be read,
/// or that is truncated, is reported by name, and the next takes its place; where none can be read, that is
/// an error. A last batch that would not be full repeats its images.
class ImageBatchStream final : public Calibrator {
 public:
  /// Throws Error(InvalidArgument) where there are no images.
  ImageBatchStream(std::vector<std::filesystem::path> files, ImageBatchOptions options);
  ~ImageBatchStream() override;

  int batchSize() const override;
  bool nextBatch(TensorMap& inputs) override;
  std::string lastBatch() const override;
  int batchCount() const override;
  std::string readCache() override;
  void writeCache(const std::string& text) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Image files below the folders and in the lists, sorted; images as given. A list is a text file with one
/// path a line, relative to the list's folder; lines may end as on Windows, empty ones and those that begin
/// with # count for nothing.
std::vector<std::filesystem::path> calibrationImages(const std::vector<std::string>& paths);

}  // namespace tessera
