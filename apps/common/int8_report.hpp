/// \file
/// How much of a network runs in INT8.
#pragma once

#include <vector>

#include "tessera/engine.hpp"

namespace tessera::app {

/// Share of the multiply-adds that run in INT8, 0 to 1; 1 where there are none.
double int8Share(const std::vector<LayerPrecision>& layers);

/// Says on stderr which share of the multiply-adds runs in INT8, and below 95 % names the layers that do not,
/// heaviest first, with their reasons.
void printInt8Share(const std::vector<LayerPrecision>& layers);
/// The same of an engine that was built for INT8; says nothing of others.
void printInt8Share(const Engine& engine);

}  // namespace tessera::app
