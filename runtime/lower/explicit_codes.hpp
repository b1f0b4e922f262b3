/// \file
/// Networks that say themselves where values become codes (ONNX models with QuantizeLinear /
/// DequantizeLinear): takeQdq writes their symmetric pairs as QPointwise layers that encode and decode. Codes
/// exist there and nowhere else, so every rounding and saturation of the model is kept.
#pragma once

#include <optional>

#include "lower/precision.hpp"

namespace tessera {

/// Scale and zero point of a Quantize or Dequantize layer; nothing where they are computed or differ by
/// channel.
struct CodeParameters {
  float scale = 0;
  std::int64_t zero = 0;
  DataType type = DataType::None;  ///< of the codes
  /// Whether codes -127..127 of the same scale say the same: i8 around 0, u8 around 128.
  bool symmetric() const;
  bool operator==(const CodeParameters&) const = default;
};
std::optional<CodeParameters> codeParameters(const Graph& graph, const Layer& layer);

/// QPointwise without an expression: f32 to codes, or codes to f32.
bool isEncode(const Layer& layer);
bool isDecode(const Layer& layer);

/// Per tensor: the scale its values are multiples of, because a decode gives them or layers only moved them;
/// 0 where there is none.
std::vector<float> scalesOfMultiples(const Graph& graph, const std::vector<Int8Role>& roles);

/// Why a Quantize or Dequantize layer stays as the model writes it; empty where takeQdq can write it as
/// QPointwise.
std::string whyKept(const Graph& graph, const Layer& layer);
/// Scales of the codes that the weights of a convolution or its like are, one per output channel, where the
/// layer can compute on codes as the model has them; else why it can not, naming the tensor. `inputScale`:
/// what its input's values are multiples of.
struct ModelsWeightScales {
  std::vector<float> scales;
  std::string why;
};
ModelsWeightScales modelsWeightScales(const Graph& graph, const Layer& layer, float inputScale,
                                      const Calibration& calibration);

}  // namespace tessera
