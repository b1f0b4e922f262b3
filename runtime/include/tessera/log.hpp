/// \file
/// The library prints nothing; it logs through one spdlog logger that the host may replace.
#pragma once

#include <spdlog/logger.h>

#include <memory>

namespace tessera {

/// The logger in use; by default warnings and errors to stderr.
spdlog::logger& log();

/// Replaces the logger (null: silence). Not to be called while other threads run inference.
void setLogger(std::shared_ptr<spdlog::logger> logger);

}  // namespace tessera
