/// \file
/// What the library logs while an object of this lives.
#pragma once

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>
#include <string>

#include "tessera/log.hpp"

namespace tessera::test {

class Said {
 public:
  explicit Said(spdlog::level::level_enum least = spdlog::level::warn) {
    auto logger =
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_));
    logger->set_level(least);
    setLogger(std::move(logger));
  }
  ~Said() { setLogger(nullptr); }
  Said(const Said&) = delete;
  Said& operator=(const Said&) = delete;

  std::string text() const { return out_.str(); }

 private:
  std::ostringstream out_;
};

}  // namespace tessera::test
