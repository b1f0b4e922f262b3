// Chooses the importer by what the file holds.
#include "importers/common/decode_ends.hpp"
#include "importers/common/file_format.hpp"
#include "importers/tensorflow/import.hpp"
#include "importers/tflite/import.hpp"
#include "importers/uff/import.hpp"

namespace tessera {
namespace {

Graph importByContent(const std::string& model, const ImportOptions& options) {
  const auto comma = model.find(',');
  if (comma != std::string::npos)
    return importCaffe(model.substr(0, comma), model.substr(comma + 1), options);
  if (const std::string what = foreignFormat(model); !what.empty())
    throw Error(ErrorCode::BadModel, model + " is " + what + ".");
  switch (modelFormat(model)) {
    case ModelFormat::CaffeText:
      throw Error(ErrorCode::InvalidArgument,
                  model + ": a Caffe network is given as net.prototxt,net.caffemodel");
    case ModelFormat::GraphDef:
    case ModelFormat::GraphDefText:
      return importTensorflow(model, options);
    case ModelFormat::Tflite:
      return importTflite(model, options);
    case ModelFormat::Uff:
      return importUff(model, options);
    case ModelFormat::Onnx:
      break;
  }
  const auto extension = std::filesystem::path(model).extension();
  if (extension == ".prototxt" || extension == ".caffemodel")
    throw Error(ErrorCode::InvalidArgument,
                model + ": a Caffe network is given as net.prototxt,net.caffemodel");
  return importOnnx(model, options);
}

}  // namespace

Graph importModel(const std::string& model, const ImportOptions& options) {
  Graph graph = importByContent(model, options);
  if (options.decodeEnds) decodeEnds(graph);
  return graph;
}

}  // namespace tessera
