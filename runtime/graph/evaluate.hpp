/// \file
/// Runs a graph on the host through the operators' scalar references: slow, exact, needs no device.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// The outputs of one layer for given input values (kNoTensor inputs: empty tensors).
std::vector<HostTensor> evaluateLayer(const Graph& graph, const Layer& layer,
                                      const std::vector<HostTensor>& inputs);

/// About how many multiply-adds evaluateLayer takes as long as.
double evaluationWork(const Graph& graph, const Layer& layer);

/// The graph's outputs, in order. Throws Error(InvalidArgument) where an input is missing or has another type
/// or shape.
std::vector<HostTensor> evaluate(const Graph& graph, const std::map<std::string, HostTensor>& inputs);

/// As evaluate, but returns the tensors named (any tensor of the graph).
std::vector<HostTensor> evaluateTensors(const Graph& graph, const std::map<std::string, HostTensor>& inputs,
                                        const std::vector<TensorId>& wanted);

}  // namespace tessera
