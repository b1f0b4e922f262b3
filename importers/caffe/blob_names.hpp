/// \file
/// Names inside Caffe's files that are not UTF-8.
#pragma once

#include "importers/caffe/read.hpp"

namespace tessera::caffe {

/// Escapes the names of a network and its weights (escapeBytes) where one of the network's is not UTF-8; true
/// where it did.
bool escapeNames(NetParameter& net, Weights& weights);

}  // namespace tessera::caffe
