// INT8 on the command line.
#include "apps/common/int8_options.hpp"

#include "apps/common/numbers.hpp"
#include "apps/common/progress.hpp"
#include "base/read_file.hpp"
#include "calib/images/image_batch_stream.hpp"
#include "tessera/calibration_cache.hpp"
#include "tessera/log.hpp"

namespace tessera::app {

void Int8Arguments::add(CLI::App& app) {
  const OptionGroup group(app, "INT8");
  app.add_option("--calibration-images", images, "Images, folders or lists to find the scales from")
      ->type_name("PATH..");
  app.add_option("--calibration-cache", cache, "File of scales; written where images are given, else read")
      ->type_name("F");
  app.add_option("--calibration-cache-format", cacheFormat, "Of the cache that is written")
      ->check(CLI::IsMember({"tessera", "tensorrt"}))
      ->capture_default_str();
  app.add_option("--calibration-method", method, "How thresholds are chosen")
      ->check(CLI::IsMember({"auto", "entropy", "minmax", "percentile", "mse"}))
      ->capture_default_str();
  app.add_option("--calibration-limit", limit, "Images, at most; 0: all")
      ->check(number(0, 1 << 30))
      ->capture_default_str();
  app.add_option("--calibration-seed", seed, "Picks them")->check(number(0u, ~0u))->capture_default_str();
  app.add_option("--calibration-fp32-share", fp32Share, "Share of the work that auto may leave in fp32")
      ->check(number(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--calibration-fp16-share", fp16Share, "Share that auto may leave in fp16")
      ->check(number(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--keep-fp32", keepFp32, "Layers that stay in fp32; of fp16, too")
      ->delimiter(',')
      ->type_name("NAME,..");
  app.add_flag("--keep-first-last", keepFirstLast,
               "The first and last with weights stay in fp32; of fp16, too");
  app.add_flag("--deterministic", deterministic, "The same bits on every device in any precision, slowly");
  app.add_option("--precision-rest", rest, "What the layers run in that INT8 leaves")
      ->check(CLI::IsMember({"fp32", "fp16"}))
      ->capture_default_str();
  addPrecisionChoice(app, choice);
}

PrecisionOptions Int8Arguments::layerPrecision() const {
  return {{keepFp32.begin(), keepFp32.end()}, keepFirstLast, parsePrecision(rest)};
}

namespace {

ImageBatchStream imagesOf(const Int8Arguments& arguments, const Graph& graph, const Sidecar& sidecar,
                          int limit) {
  if (arguments.images.empty()) throw UsageError("--calibration-images is required.");
  if (graph.inputs().size() != 1)
    throw Error(ErrorCode::InvalidArgument,
                "Calibration from images needs a network with one input; this one has " +
                    std::to_string(graph.inputs().size()) +
                    " (--freeze NAME=VALUE makes an input a constant).");
  const GraphTensor& input = graph.tensor(graph.inputs()[0]);
  const ImagePreprocess& how = sidecar.preprocess;
  const auto place = imagePlaceOf(input.shape, how.channels());
  if (!place || input.type != DataType::Float32)
    throw Error(ErrorCode::InvalidArgument,
                "The network's input '" + input.name + "' is " + std::string(toString(input.type)) + ":" +
                    toString(input.shape) +
                    "; colour images go into f32:Nx3xHEIGHTxWIDTH or f32:NxHEIGHTxWIDTHx3.");
  if (how.height > 0 && (how.height != place->height || how.width != place->width))
    throw Error(ErrorCode::InvalidArgument,
                sidecar.where() + " makes images " + std::to_string(how.height) + "x" +
                    std::to_string(how.width) + ", but the network's input '" + input.name + "' is " +
                    toString(input.shape) + "; leave input.size out, or make the two agree (--shape).");
  ImageBatchOptions stream;
  stream.input = input.name;
  stream.preprocess = sidecar.preprocess;
  stream.preprocess.height = place->height;
  stream.preprocess.width = place->width;
  stream.preprocess.channelsLast = place->channelsLast;
  stream.batchSize = static_cast<int>(input.shape[0]);
  stream.limit = limit;
  stream.seed = arguments.seed;
  return ImageBatchStream(calibrationImages(arguments.images), stream);
}

// A progress bar per stage.
class Stages {
 public:
  void operator()(std::string_view name, int done, int total) {
    if (name != stage_) {
      stage_ = name;
      bar_ = std::make_unique<Progress>("calibrating: " + stage_,
                                        static_cast<std::size_t>(std::max(total, 0)), "");
    }
    bar_->advance();
  }

 private:
  std::unique_ptr<Progress> bar_;
  std::string stage_;
};

CalibrationOptions optionsOf(const Int8Arguments& arguments, const EngineOptions& engine) {
  CalibrationOptions options;
  options.method = parseCalibrationMethod(arguments.method);
  options.passes = engine.passes;
  options.worker = engine.tuning.worker;
  options.fp32Share = arguments.fp32Share;
  options.fp16Share = arguments.fp16Share;
  options.layerPrecision = arguments.layerPrecision();
  options.progress = [stages = std::make_shared<Stages>()](std::string_view name, int done, int total) {
    (*stages)(name, done, total);
  };
  return options;
}

}  // namespace

CalibrationResult calibrateFromImages(const Int8Arguments& arguments, const Graph& graph,
                                      const Sidecar& sidecar, const Device& device,
                                      const EngineOptions& engine) {
  if (std::error_code ignored; fs::is_directory(arguments.cache, ignored))  // before minutes of work
    throw Error(ErrorCode::InvalidArgument,
                "Can not write " + arguments.cache + ": there is a folder of that name.");
  ImageBatchStream images = imagesOf(arguments, graph, sidecar, arguments.limit);
  CalibrationResult result = calibrate(graph, device, images, optionsOf(arguments, engine));
  if (!arguments.cache.empty())
    writeFile(arguments.cache, arguments.cacheFormat == "tensorrt" ? tensorrtCacheText(result.calibration)
                                                                   : calibrationText(result.calibration));
  return result;
}

std::vector<LayerSensitivity> rankLayersOnImages(const Int8Arguments& arguments, const Graph& graph,
                                                 const Sidecar& sidecar, const Device& device,
                                                 const Calibration& calibration, int count,
                                                 const EngineOptions& engine) {
  const int batch = std::max(1, static_cast<int>(graph.tensor(graph.inputs().at(0)).shape.at(0)));
  ImageBatchStream images = imagesOf(arguments, graph, sidecar, count * batch);
  return rankLayers(graph, device, images, calibration, count, optionsOf(arguments, engine));
}

void completeInt8(const Int8Arguments& arguments, const Graph& graph, const std::function<Sidecar()>& sidecar,
                  const Device& device, EngineOptions& options) {
  options.layerPrecision = arguments.layerPrecision();
  options.deterministic = arguments.deterministic;
  if (options.precision != Precision::Int8) {
    if (!arguments.images.empty() || !arguments.cache.empty())
      throw UsageError("Calibration goes with --precision int8.");
    if (parsePrecisionChoice(arguments.choice) != PrecisionChoice::Rules)
      throw UsageError("--precision-choice goes with --precision int8.");
    if (parsePrecision(arguments.rest) != Precision::Fp32)
      throw UsageError("--precision-rest goes with --precision int8.");
    return;
  }
  options.precisionChoice = parsePrecisionChoice(arguments.choice);
  if (!arguments.images.empty()) {
    options.calibration = calibrateFromImages(arguments, graph, sidecar(), device, options).calibration;
  } else if (!arguments.cache.empty()) {
    const FileContent cache = readRegularFile(arguments.cache);
    if (!cache.ok())
      throw Error(ErrorCode::BadCache,
                  "The calibration cache " + arguments.cache + " can not be read: " + cache.why + ".");
    options.calibration = parseAnyCalibration(cache.bytes, arguments.cache);
  }
}

}  // namespace tessera::app
