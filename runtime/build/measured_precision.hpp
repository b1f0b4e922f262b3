/// \file
/// The precision of layers as measurements of whole networks decide it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "build/int8_networks.hpp"
#include "tessera/engine.hpp"
#include "tune/tuner.hpp"

namespace tessera {

/// Tunes a network and builds the best engine for it.
using BuildEngine = std::function<std::shared_ptr<Engine>(const Network&)>;

struct MeasuredPrecision {
  std::shared_ptr<Engine> engine;
  std::vector<LayerPrecision> precisions;  ///< of its layers, with the reasons
};

/// The network as was decided before; else, in a mode that searches, decided now, by a race of what the times
/// of its layers promise; else by the rules, with a warning.
MeasuredPrecision buildByMeasuredPrecision(Tuner& tuner, TuneMode mode, const Int8Networks& networks,
                                           const BuildEngine& build);

}  // namespace tessera
