/// \file
/// Networks of TensorFlow's formats with recorded results: tests/import/tensorflow.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera::test {

/// Where the recorded files lie.
std::filesystem::path tensorflowData();

/// Names of the networks with one of the suffixes, in order; each has a file NAME.values.pb.
std::vector<std::string> recordedNetworks(const std::vector<std::string>& suffixes);

/// Inputs and results of a network, by name.
std::map<std::string, HostTensor> recordedValues(const std::string& name);

/// Runs a network on the host and compares all its outputs, their names, shapes and types with the recorded
/// ones. `tolerance`: relative to the greatest recorded value, or to 1.
void expectRecorded(const Graph& graph, const std::string& name, double tolerance = 1e-4);

/// Layers of an operator.
int layersOf(const Graph& graph, const std::string& op);

}  // namespace tessera::test
