/// \file
/// What layers in fp16 instead of INT8 give and cost, as tables and as a picture.
#pragma once

#include "apps/common/files.hpp"
#include "tessera/calibrator.hpp"

namespace tessera::app {

/// Choices from no layer in fp16 on; the one that was taken is marked.
void printFrontier(const CalibrationResult& result);
/// Damage against milliseconds.
void drawFrontier(const std::string& file, const CalibrationResult& result, const std::string& title);
/// The layers that keep outputs below 25 dB; nothing where there are none.
void printHarmful(const CalibrationResult& result);
/// Both tables for programs.
void addFrontier(Json& json, const CalibrationResult& result);

}  // namespace tessera::app
