// Chooses the importer by the model argument's form.
#include "tessera/importer.hpp"

namespace tessera {

Graph importModel(const std::string& model, const ImportOptions& options) {
  const auto comma = model.find(',');
  if (comma != std::string::npos)
    return importCaffe(model.substr(0, comma), model.substr(comma + 1), options);
  const auto extension = std::filesystem::path(model).extension();
  if (extension == ".prototxt" || extension == ".caffemodel")
    throw Error(ErrorCode::InvalidArgument,
                model + ": a Caffe network is given as net.prototxt,net.caffemodel");
  return importOnnx(model, options);
}

}  // namespace tessera
