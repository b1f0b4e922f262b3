// Caffemodel: the blobs of each layer, whatever number format they are stored in.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>

#include <cstring>
#include <fstream>
#include <limits>

#include "base/read_file.hpp"
#include "importers/caffe/read.hpp"
#include "tessera/error.hpp"

namespace tessera::caffe {
namespace {

Shape blobShape(const BlobProto& blob) {
  if (blob.has_shape()) return {blob.shape().dim().begin(), blob.shape().dim().end()};
  if (blob.has_num() || blob.has_channels() || blob.has_height() || blob.has_width())
    return {blob.num(), blob.channels(), blob.height(), blob.width()};
  return {static_cast<std::int64_t>(std::max(blob.data_size(), blob.double_data_size()))};
}

template <class T>
std::vector<T> rawValues(const std::string& bytes, const std::string& where) {
  if (bytes.size() % sizeof(T))
    throw Error(ErrorCode::BadModel, where + " holds " + std::to_string(bytes.size()) +
                                         " raw bytes, which are no whole number of its elements");
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

std::vector<float> blobValues(const BlobProto& blob, const std::string& where) {
  if (blob.data_size()) return {blob.data().begin(), blob.data().end()};
  if (blob.double_data_size()) return {blob.double_data().begin(), blob.double_data().end()};
  if (!blob.has_raw_data()) return {};
  switch (blob.raw_data_type()) {
    case FLOAT:
      return rawValues<float>(blob.raw_data(), where);
    case DOUBLE: {
      const auto wide = rawValues<double>(blob.raw_data(), where);
      return {wide.begin(), wide.end()};
    }
    case FLOAT16: {
      std::vector<float> values;
      for (Half half : rawValues<Half>(blob.raw_data(), where)) values.push_back(half.toFloat());
      return values;
    }
    case INT:
    case UINT:
      break;
  }
  throw Error(ErrorCode::BadModel, where + " holds raw integers, not weights");
}

HostTensor tensorOf(const BlobProto& blob, const std::string& where) {
  const Shape shape = blobShape(blob);
  const auto values = blobValues(blob, where);
  std::int64_t count = 0;
  try {
    count = elementCount(shape);
  } catch (const Error& e) {
    throw Error(ErrorCode::BadModel, where + ": " + e.what());
  }
  if (count != static_cast<std::int64_t>(values.size()))
    throw Error(ErrorCode::BadModel, where + " says it is " + toString(shape) + ", but holds " +
                                         std::to_string(values.size()) + " values");
  return HostTensor::of<float>(shape, values);
}

template <class Layers>
void collect(const Layers& layers, const std::string& file, Weights& weights) {
  for (const auto& layer : layers) {
    if (!layer.blobs_size()) continue;
    auto& blobs = weights[layer.name()];
    blobs.clear();
    for (int i = 0; i < layer.blobs_size(); ++i)
      blobs.push_back(tensorOf(layer.blobs(i),
                               file + ": blob " + std::to_string(i) + " of layer '" + layer.name() + "'"));
  }
}

}  // namespace

Weights readWeights(const std::filesystem::path& file) {
  if (const std::string why = whyNotRegular(file); !why.empty())
    throw Error(ErrorCode::BadModel, "the weights file " + file.string() + " can not be opened: " + why);
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(ErrorCode::BadModel, "the weights file " + file.string() + " can not be opened");
  google::protobuf::io::IstreamInputStream stream(&in);
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetTotalBytesLimit(std::numeric_limits<int>::max());
  TrainedNet net;
  if (!net.ParsePartialFromCodedStream(&coded) || !coded.ConsumedEntireMessage())
    throw Error(ErrorCode::BadModel, file.string() + " is damaged or cut off: it is no complete caffemodel");
  Weights weights;
  collect(net.layers(), file.string(), weights);
  collect(net.layer(), file.string(), weights);
  if (weights.empty()) throw Error(ErrorCode::BadModel, file.string() + " holds no weights of any layer");
  return weights;
}

}  // namespace tessera::caffe
