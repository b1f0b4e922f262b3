/// \file
/// Amounts of memory for messages.
#pragma once

#include <cstdio>
#include <string>

namespace tessera {

/// "512 bytes", "1.5 GiB".
inline std::string byteAmount(double bytes) {
  constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int unit = 0;
  for (; bytes >= 1024 && unit < 6; ++unit) bytes /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit ? "%.1f %s" : "%.0f %s", bytes, kUnits[unit]);
  return text;
}

}  // namespace tessera
