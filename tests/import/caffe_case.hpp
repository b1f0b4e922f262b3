/// \file
/// A small Caffe network written to files in a folder of its own, for import tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "caffe/caffe.pb.h"
#include "graph/evaluate.hpp"
#include "tessera/importer.hpp"

namespace tessera::test {

class CaffeCase {
 public:
  explicit CaffeCase(std::string prototxt) : text_(std::move(prototxt)) {
    static int count = 0;
    folder_ = std::filesystem::temp_directory_path() /
              ("tessera_caffe_" + std::to_string(getpid()) + "_" + std::to_string(count++));
    std::filesystem::create_directories(folder_);
  }
  ~CaffeCase() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  CaffeCase(const CaffeCase&) = delete;
  CaffeCase& operator=(const CaffeCase&) = delete;

  /// Appends a blob to a layer of the caffemodel.
  CaffeCase& blob(const std::string& layer, const Shape& shape, const std::vector<float>& values) {
    auto* added = blobProto(layer);
    for (auto extent : shape) added->mutable_shape()->add_dim(extent);
    for (float value : values) added->add_data(value);
    return *this;
  }
  caffe::BlobProto* blobProto(const std::string& layer) {
    for (auto& known : *weights.mutable_layer())
      if (known.name() == layer) return known.add_blobs();
    auto* added = weights.add_layer();
    added->set_name(layer);
    return added->add_blobs();
  }

  std::filesystem::path prototxt() const { return folder_ / "net.prototxt"; }
  std::filesystem::path caffemodel() const { return folder_ / "net.caffemodel"; }

  void write() {
    std::ofstream(prototxt()) << text_;
    if (!weights.layer_size() && !weights.layers_size()) blob("(none)", {1}, {0});  // never an empty file
    std::ofstream out(caffemodel(), std::ios::binary);
    weights.SerializeToOstream(&out);
  }
  Graph import(const ImportOptions& options = {}) {
    write();
    return importCaffe(prototxt(), caffemodel(), options);
  }
  /// Imports and runs with one value per input, in the order of the graph's inputs.
  std::vector<HostTensor> run(const std::vector<HostTensor>& inputs) {
    const Graph graph = import();
    std::map<std::string, HostTensor> named;
    for (std::size_t i = 0; i < graph.inputs().size(); ++i)
      named[graph.tensor(graph.inputs()[i]).name] = inputs.at(i);
    return evaluate(graph, named);
  }

  caffe::TrainedNet weights;

 private:
  std::string text_;
  std::filesystem::path folder_;
};

/// `input: "data"` of a shape, then one layer that reads it: `body` follows its name "layer" and type.
inline std::string oneLayer(const Shape& input, const std::string& type, const std::string& body = {}) {
  std::string dims;
  for (auto extent : input) dims += " dim: " + std::to_string(extent);
  return "input: \"data\" input_shape {" + dims + " }\nlayer { name: \"layer\" type: \"" + type +
         "\" bottom: \"data\" top: \"out\" " + body + " }\n";
}

/// first, first + 1, ...
inline HostTensor counting(const Shape& shape, float first = 0) {
  std::vector<float> values(elementCount(shape));
  std::iota(values.begin(), values.end(), first);
  return HostTensor::of<float>(shape, values);
}

inline std::vector<float> floats(const HostTensor& tensor) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < tensor.size(); ++i) values.push_back(static_cast<float>(tensor.number(i)));
  return values;
}

inline HostTensor tensor(const Shape& shape, const std::vector<float>& values) {
  return HostTensor::of<float>(shape, values);
}

inline void expectValues(const HostTensor& got, const Shape& shape, const std::vector<float>& wanted) {
  EXPECT_EQ(toString(got.shape), toString(shape));
  EXPECT_THAT(floats(got), testing::Pointwise(testing::FloatNear(1e-5f), wanted));
}

/// What an import that must fail says.
inline std::string failure(CaffeCase& net, ErrorCode code = ErrorCode::BadModel,
                           const ImportOptions& options = {}) {
  try {
    net.import(options);
  } catch (const Error& e) {
    EXPECT_EQ(toString(e.code()), toString(code)) << e.what();
    return e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "no Error but: " << e.what();
    return {};
  }
  ADD_FAILURE() << "the import succeeded";
  return {};
}

}  // namespace tessera::test
