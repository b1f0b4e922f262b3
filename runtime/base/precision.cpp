// Precisions by name.
#include "tessera/precision.hpp"

#include "tessera/error.hpp"

namespace tessera {

std::string_view toString(Precision precision) {
  switch (precision) {
    case Precision::Fp32:
      return "fp32";
    case Precision::Fp16:
      return "fp16";
    case Precision::Int8:
      return "int8";
  }
  return "?";
}

Precision parsePrecision(std::string_view text) {
  for (const Precision p : {Precision::Fp32, Precision::Fp16, Precision::Int8})
    if (text == toString(p)) return p;
  throw Error(ErrorCode::InvalidArgument,
              "unknown precision '" + std::string(text) + "': fp32, fp16 or int8");
}

}  // namespace tessera
