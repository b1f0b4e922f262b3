/// \file
/// The library prints nothing; it logs through one spdlog logger that the host may replace. A host that does
/// not needs no header of spdlog; one that does, or logs itself, includes <spdlog/logger.h>.
#pragma once

#include <memory>

namespace spdlog {
class logger;
}

namespace tessera {

/// The logger in use; by default warnings and errors to stderr.
spdlog::logger& log();

/// Replaces the logger (null: silence). Not to be called while other threads run inference.
void setLogger(std::shared_ptr<spdlog::logger> logger);

}  // namespace tessera
