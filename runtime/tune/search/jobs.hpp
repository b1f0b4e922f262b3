/// \file
/// What a network needs measured: its distinct problems with all ways to run them, and the reformats between
/// these.
#pragma once

#include <string>
#include <vector>

#include "lower/ways.hpp"
#include "tessera/graph.hpp"

namespace tessera {

/// A family on a step's problem, operands dense.
Way wayOf(const KernelFamily& family, const OpView& view, const DeviceCaps& device);

/// A distinct problem of a network, before layouts.
struct Job {
  OpView planar;
  std::string layer;         ///< the first that has it
  int count = 0;             ///< layers that have it
  Way untuned;               ///< what runs it without records
  std::vector<Way> options;  ///< all ways, cheapest by the model first
  bool cut = false;          ///< there was no time for the whole search
};

std::vector<Job> jobsOf(const Graph& graph, const DeviceCaps& device);
/// Changes of layout between the ways of these.
std::vector<Job> reformatJobs(const std::vector<Job>& jobs, const DeviceCaps& device);

}  // namespace tessera
