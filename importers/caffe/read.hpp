/// \file
/// Reads Caffe's files: the network's text, normalised to the current layer format and the TEST phase, and
/// its weights.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "caffe/caffe.pb.h"
#include "tessera/tensor.hpp"

namespace tessera::caffe {

/// Blobs of each layer of a caffemodel, by layer name, as f32.
using Weights = std::map<std::string, std::vector<HostTensor>>;

/// A prototxt's bytes. Throws Error(BadModel) where it can not be read.
std::string readNetText(const std::filesystem::path& file);

/// Parses a prototxt; V1 layers (`layers`) come back as current ones, layers that do not belong to the TEST
/// phase are gone. Throws Error(BadModel) with line and column of a syntax error.
NetParameter parseNet(const std::string& text, const std::string& origin);

Weights readWeights(const std::filesystem::path& file);

}  // namespace tessera::caffe
