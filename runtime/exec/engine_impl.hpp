/// \file
/// What an engine holds.
#pragma once

#include <array>
#include <map>

#include "cl/program.hpp"
#include "exec/counted_outputs.hpp"
#include "lower/step.hpp"
#include "tessera/engine.hpp"

namespace tessera {

/// Names the bytes of a buffer: 128 bits of hash, and how many there are.
using ContentHash = std::array<std::uint64_t, 3>;

struct Engine::Impl {
  explicit Impl(const Device& d) : device(d), programs(d) {}

  Device device;
  std::string name, description;
  Precision precision = Precision::Fp32;
  Graph graph;  ///< what was lowered; its constants are those of the lowered network
  Lowered lowered;
  ProgramSet programs;
  std::vector<Binding> bindings;
  std::vector<int> bindingStorage;              ///< storage id per binding
  std::vector<CountedOutput> counted;           ///< outputs whose length depends on values
  std::vector<cl::Buffer> constants;            ///< per storage; null handles for the others
  std::vector<std::vector<cl::Buffer>> packed;  ///< per step, per packed constant
  /// Buffers of constants by what lies in them: layers and engines share equal ones.
  std::map<ContentHash, cl::Buffer> weights;
  /// What was made of which constants, which the lowered network holds, so that engines of one network need
  /// not pack again. By packingKey(); empty for a constant as it is.
  std::map<std::pair<std::string, std::vector<const HostTensor*>>, ContentHash> packings;
  std::vector<LayerInfo> layers;
  std::vector<LayerPrecision> precisions;
  MemoryUse memory;
  TuneReport tuning;

  int bindingIndex(std::string_view bindingName) const;
};

}  // namespace tessera
