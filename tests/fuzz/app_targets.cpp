// Files of the programs: arrays, labels, descriptions of images.
#include "apps/common/labels.hpp"
#include "apps/common/model.hpp"
#include "apps/common/npy.hpp"
#include "tessera/error.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/import/onnx_model.hpp"

namespace tessera::test {
namespace {

void readArray(std::string_view bytes) {
  const HostTensor tensor = app::parseNpy(bytes, "input");
  if (tensor.size()) tensor.number(tensor.size() - 1);
}

void readLabels(std::string_view bytes) {
  static const ScratchFolder folder;
  const app::LabelSet labels = app::loadLabels(folder.write("labels.json", std::string(bytes)).string());
  labels.palette(0.5);
  labels.categories();
}

void readDescription(std::string_view bytes) {
  static const ScratchFolder folder;
  const app::Sidecar sidecar = app::Sidecar::read(folder.write("net.json", std::string(bytes)));
  if (!sidecar.labelList.is_null()) app::labelsOf(sidecar.labelList, folder.path().string());
}

std::vector<std::string> arrays() {
  return {app::npyBytes(HostTensor::of<float>({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6})),
          app::npyBytes(HostTensor(DataType::Int64, {4})), app::npyBytes(HostTensor(DataType::Bool, {}))};
}

std::vector<std::string> labels() {
  return {R"([{"name": "road", "color": [128, 64, 128], "category": "flat", "id": 7},
 {"name": "void", "color": [0, 0, 0], "ignore": true}])",
          R"(["sky", "road", "car"])"};
}

std::vector<std::string> descriptions() {
  return {
      R"({"task": "segmentation", "input": {"name": "data", "size": [32, 64], "channels": "BGR",
 "mean": [103.9, 116.8, 123.7], "std": [1, 1, 1], "scale": 1.0, "resize": "linear"},
 "output": {"name": "score"}, "labels": "cityscapes"})",
      R"({"task": "segmentation", "input": {"channels": "RGB", "mean": [127.5, 127.5, 127.5], "scale": 0.0078125},
 "labels": [{"name": "a", "color": [1, 2, 3]}, "b"]})"};
}

}  // namespace

std::vector<FuzzTarget> appTargets() {
  return {{"npy", readArray, arrays},
          {"labels", readLabels, labels},
          {"description", readDescription, descriptions}};
}

}  // namespace tessera::test
