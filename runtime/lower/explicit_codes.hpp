/// \file
/// Networks that say themselves where values become codes (ONNX models with QuantizeLinear /
/// DequantizeLinear): takeQdq writes their pairs as QPointwise layers that encode and decode. Codes
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
  /// The zero point among codes -128..127: those of u8 less 128.
  std::int64_t codeZero() const;
  /// Whether the scale is one to encode with: positive, and its inverse finite.
  bool usable() const;
  bool operator==(const CodeParameters&) const = default;
};
std::optional<CodeParameters> codeParameters(const Graph& graph, const Layer& layer);

/// QPointwise without an expression: f32 to codes, or codes to f32.
bool isEncode(const Layer& layer);
bool isDecode(const Layer& layer);

/// What values are that become codes and come back unchanged: scale * (code - zero); scale 0: none such.
struct Multiples {
  float scale = 0;
  std::int64_t zero = 0;
  bool operator==(const Multiples&) const = default;
};
/// Per tensor: what its values are multiples of, because a decode gives them or layers only moved them.
std::vector<Multiples> multiplesOf(const Graph& graph, const std::vector<Int8Role>& roles);

/// Why a Quantize or Dequantize layer stays as the model writes it; empty where takeQdq can write it as
/// QPointwise.
std::string whyKept(const Graph& graph, const Layer& layer);
/// Scales of the codes that the weights of a convolution or its like are, one per output channel, where the
/// layer can compute on codes as the model has them; else why it can not, naming the tensor. `input`: what
/// its input's values are multiples of.
struct ModelsWeightScales {
  std::vector<float> scales;
  std::string why;
  bool wide = false;  ///< codes reach beyond -127..127, and sums of products are exact in f32
};
ModelsWeightScales modelsWeightScales(const Graph& graph, const Layer& layer, const Multiples& input,
                                      const Calibration& calibration);

}  // namespace tessera
