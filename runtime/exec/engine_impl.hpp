/// \file
/// What an engine holds.
#pragma once

#include "cl/program.hpp"
#include "exec/counted_outputs.hpp"
#include "lower/step.hpp"
#include "tessera/engine.hpp"

namespace tessera {

struct Engine::Impl {
  explicit Impl(const Device& d) : device(d), programs(d) {}

  Device device;
  std::string name;
  Lowered lowered;
  ProgramSet programs;
  std::vector<Binding> bindings;
  std::vector<int> bindingStorage;              ///< storage id per binding
  std::vector<CountedOutput> counted;           ///< outputs whose length depends on values
  std::vector<cl::Buffer> constants;            ///< per storage; null handles for the others
  std::vector<std::vector<cl::Buffer>> packed;  ///< per step, per packed constant
  /// What lies in these buffers, so that engines of one network share them: packing (empty for a constant as it is) and
  /// what it was made of, which the lowered network holds.
  std::map<std::pair<std::string, std::vector<const HostTensor*>>, cl::Buffer> weights;
  std::vector<LayerInfo> layers;
  std::vector<LayerPrecision> precisions;
  MemoryUse memory;
  TuneReport tuning;

  int bindingIndex(std::string_view bindingName) const;
};

}  // namespace tessera
