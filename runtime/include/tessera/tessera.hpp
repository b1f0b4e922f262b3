/// \file
/// The whole public API.
#pragma once

#include "tessera/attributes.hpp"
#include "tessera/calibration.hpp"
#include "tessera/calibration_cache.hpp"
#include "tessera/calibrator.hpp"
#include "tessera/context.hpp"
#include "tessera/device.hpp"
#include "tessera/engine.hpp"
#include "tessera/error.hpp"
#include "tessera/graph.hpp"
#include "tessera/image.hpp"
#include "tessera/importer.hpp"
#include "tessera/log.hpp"
#include "tessera/passes.hpp"
#include "tessera/precision.hpp"
#include "tessera/segmentation.hpp"
#include "tessera/tensor.hpp"
#include "tessera/tuning.hpp"
