// The C interface: how to import and build.
#include "base/read_file.hpp"
#include "c_api/handles.hpp"
#include "tessera/calibration_cache.hpp"

using namespace tessera;
using namespace tessera::c_api;

namespace {

constexpr std::uintmax_t kCacheLimit = std::uintmax_t{256} << 20;

Calibration calibrationIn(const std::string& file) {
  const FileContent content = readRegularFile(file, kCacheLimit);
  if (!content.ok())
    throw Error(ErrorCode::BadCache, "Can not read calibration " + file + ": " + content.why + ".");
  return parseAnyCalibration(content.bytes, file);
}

}  // namespace

tessera_status tessera_options_create(tessera_options** options) {
  return guarded([&] { given(options, "options") = new tessera_options; });
}

tessera_status tessera_options_set_precision(tessera_options* options, const char* precision) {
  return guarded(
      [&] { given(options, "options").engine.precision = parsePrecision(textOf(precision, "precision")); });
}

tessera_status tessera_options_set_calibration(tessera_options* options, const char* file) {
  return guarded([&] { given(options, "options").engine.calibration = calibrationIn(textOf(file, "file")); });
}

tessera_status tessera_options_keep_fp32(tessera_options* options, const char* layer) {
  return guarded(
      [&] { given(options, "options").engine.layerPrecision.keepFp32.insert(textOf(layer, "layer")); });
}

tessera_status tessera_options_set_batch(tessera_options* options, int32_t batch) {
  return guarded([&] {
    if (batch < 1)
      throw Error(ErrorCode::InvalidArgument, "A batch of " + std::to_string(batch) + " is none.");
    given(options, "options").import.batch = batch;
  });
}

tessera_status tessera_options_set_shape(tessera_options* options, const char* input, const int64_t* extents,
                                         size_t rank) {
  return guarded([&] {
    Shape shape;
    if (rank > 0) shape.assign(&given(extents, "extents"), extents + rank);
    elementCount(shape);
    given(options, "options").import.inputShapes[textOf(input, "input")] = std::move(shape);
  });
}

tessera_status tessera_options_set_tuning(tessera_options* options, const char* mode, double seconds) {
  return guarded([&] {
    if (!(seconds >= 0)) throw Error(ErrorCode::InvalidArgument, "A budget of less than 0 seconds is none.");
    auto& tuning = given(options, "options").engine.tuning;
    tuning.mode = parseTuneMode(textOf(mode, "mode"));
    tuning.seconds = seconds;
  });
}

tessera_status tessera_options_set_tuning_folder(tessera_options* options, const char* folder) {
  return guarded([&] { given(options, "options").engine.tuning.folder = folder ? folder : ""; });
}

tessera_status tessera_options_set_workspace_limit(tessera_options* options, size_t bytes) {
  return guarded([&] { given(options, "options").engine.tuning.workspaceLimit = bytes; });
}

void tessera_options_release(tessera_options* options) { delete options; }
