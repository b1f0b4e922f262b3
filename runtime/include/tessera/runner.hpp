/// \file
/// One object from images to answers: preprocessing, network and what becomes of its outputs.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tessera/classification.hpp"
#include "tessera/context.hpp"
#include "tessera/detection.hpp"
#include "tessera/image.hpp"

namespace tessera {

/// Fills an input of the network for a batch of images: a tensor of the binding's type and shape. Where there
/// are fewer images than the batch has items, what is left of it is free.
using Preprocessor = std::function<HostTensor(std::span<const ImageView> images, const Binding& input)>;
/// Makes something else of an output of the whole batch, before anything else reads it.
using Postprocessor = std::function<HostTensor(HostTensor output)>;

/// What goes into a network and what becomes of its outputs.
struct RunnerOptions {
  ImagePreprocess preprocess;  ///< of `input`, on the device; height and width 0: the network's own
  std::string input;           ///< binding that images fill; empty: the only one without a preprocessor
  std::map<std::string, Preprocessor> preprocessors;  ///< callables for inputs, the image's own too, by name
  std::map<std::string, Postprocessor> postprocessors;  ///< callables for outputs, by name
  std::optional<ClassificationOptions> classification;  ///< answers are to have classes
  std::optional<DetectionOptions> detection;            ///< answers are to have objects
  bool outputs = false;  ///< RunnerBatch::outputs are wanted; always where there is neither of the two
};

/// What the network says of one image.
struct Answer {
  std::int64_t height = 0;              ///< of the image, in pixels
  std::int64_t width = 0;               ///< likewise
  std::vector<ClassScore> classes;      ///< of a classification
  std::vector<DetectedObject> objects;  ///< of a detection, by falling score, in pixels of the image
};

/// Of a batch, with what it took in milliseconds.
struct RunnerBatch {
  std::vector<Answer> images;  ///< in the order of the submission
  TensorMap outputs;           ///< of the whole batch, after the postprocessors; where wanted
  double preprocess = 0;       ///< kernels, per image
  double network = 0;          ///< the network alone on the device, per batch
  double postprocess = 0;      ///< on the host, per image
};

/// Runs a network on images. Uploads and kernels of one batch overlap what the host does with the last:
/// submit the next batch before collecting. Used by one thread at a time.
class Runner {
 public:
  /// Throws Error(InvalidArgument) that says what is missing: an input that nothing fills, an output or
  /// options that the network does not have, outputs that are not what the detection's preset describes.
  Runner(std::shared_ptr<const Engine> engine, RunnerOptions options);
  /// Of a model (`model.onnx`, or `net.prototxt,net.caffemodel`) or of a plan, whose precision and kernels
  /// then count. Throws as importModel(), Engine::build(), Engine::load() and the constructor do.
  static Runner load(const std::string& modelOrPlan, const Device& device, RunnerOptions options,
                     const EngineOptions& engine = {});
  /// As above, with what the description says that lies beside the model or in the plan
  /// (NetworkDescription); where the model leaves extents open, they are the description's. Throws
  /// Error(InvalidArgument), too, where there is no description.
  static Runner load(const std::string& modelOrPlan, const Device& device, const EngineOptions& engine = {});
  /// Throws as the constructor does, of a network that is not built yet.
  static void check(const std::vector<Binding>& bindings, const RunnerOptions& options);
  ~Runner();
  Runner(Runner&&) noexcept;  ///< the other can only be destroyed

  /// Most images a submission may have. One of fewer costs as much, unless the engine's batch may change
  /// (Engine::shapes()).
  int batch() const;
  int classes() const;  ///< that the outputs tell apart, with a background; 0: not known, or no such task
  const Engine& engine() const;  ///< that it runs

  /// Uploads and enqueues; the pixels must stay until collected. At most two submissions may wait. An image
  /// that the device has no room for is an Error(OutOfMemory or DeviceError) and leaves the object usable.
  void submit(std::span<const ImageView> images);
  std::size_t waiting() const;  ///< submissions not collected yet
  /// Waits for the oldest submission.
  RunnerBatch collect();
  /// Submits one image and collects it.
  Answer run(const ImageView& image);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
