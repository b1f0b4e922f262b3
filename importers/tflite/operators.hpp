/// \file
/// Operators of TensorFlow Lite as operators of the importer for TensorFlow.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "importers/common/names.hpp"
#include "importers/tensorflow/source.hpp"
#include "tflite/schema_generated.h"

namespace tessera::tflite {

/// The member of the union that a table of options is.
template <class Options>
inline constexpr auto kOptionsKind = tessera_tflite::BuiltinOptions::NONE;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::AddOptions> = tessera_tflite::BuiltinOptions::AddOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::BatchMatMulOptions> =
    tessera_tflite::BuiltinOptions::BatchMatMulOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::ConcatenationOptions> =
    tessera_tflite::BuiltinOptions::ConcatenationOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::Conv2DOptions> =
    tessera_tflite::BuiltinOptions::Conv2DOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::CumsumOptions> =
    tessera_tflite::BuiltinOptions::CumsumOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::DepthToSpaceOptions> =
    tessera_tflite::BuiltinOptions::DepthToSpaceOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::DepthwiseConv2DOptions> =
    tessera_tflite::BuiltinOptions::DepthwiseConv2DOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::DivOptions> = tessera_tflite::BuiltinOptions::DivOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::FullyConnectedOptions> =
    tessera_tflite::BuiltinOptions::FullyConnectedOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::GatherOptions> =
    tessera_tflite::BuiltinOptions::GatherOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::GeluOptions> = tessera_tflite::BuiltinOptions::GeluOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::L2NormOptions> =
    tessera_tflite::BuiltinOptions::L2NormOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::LeakyReluOptions> =
    tessera_tflite::BuiltinOptions::LeakyReluOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::LocalResponseNormalizationOptions> =
    tessera_tflite::BuiltinOptions::LocalResponseNormalizationOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::MirrorPadOptions> =
    tessera_tflite::BuiltinOptions::MirrorPadOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::MulOptions> = tessera_tflite::BuiltinOptions::MulOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::OneHotOptions> =
    tessera_tflite::BuiltinOptions::OneHotOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::PackOptions> = tessera_tflite::BuiltinOptions::PackOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::Pool2DOptions> =
    tessera_tflite::BuiltinOptions::Pool2DOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::ReducerOptions> =
    tessera_tflite::BuiltinOptions::ReducerOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::ReshapeOptions> =
    tessera_tflite::BuiltinOptions::ReshapeOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::ResizeBilinearOptions> =
    tessera_tflite::BuiltinOptions::ResizeBilinearOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::ResizeNearestNeighborOptions> =
    tessera_tflite::BuiltinOptions::ResizeNearestNeighborOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::SoftmaxOptions> =
    tessera_tflite::BuiltinOptions::SoftmaxOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::SpaceToDepthOptions> =
    tessera_tflite::BuiltinOptions::SpaceToDepthOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::SqueezeOptions> =
    tessera_tflite::BuiltinOptions::SqueezeOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::StridedSliceOptions> =
    tessera_tflite::BuiltinOptions::StridedSliceOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::SubOptions> = tessera_tflite::BuiltinOptions::SubOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::TransposeConvOptions> =
    tessera_tflite::BuiltinOptions::TransposeConvOptions;
template <>
inline constexpr auto kOptionsKind<tessera_tflite::UnpackOptions> =
    tessera_tflite::BuiltinOptions::UnpackOptions;

/// What a row sees: an operator of the file, and the node that it becomes.
struct Operator {
  const tessera_tflite::Operator& source;
  tensorflow::SourceNode& node;                  ///< inputs and outputs are there already
  std::vector<tensorflow::SourceNode>& helpers;  ///< constants beside it
  Names& names;                                  ///< of the whole file

  /// A list of integers as an operand: the name of a constant beside the node.
  std::string integers(const std::string& part, std::vector<std::int64_t> values, bool scalar = false);
  /// Options of the operator; null where the file has others, or none.
  template <class Options>
  const Options* options() const {
    return static_cast<const Options*>(optionsOf(kOptionsKind<Options>));
  }

 private:
  const void* optionsOf(tessera_tflite::BuiltinOptions kind) const;
};

/// One operator of the format: its code and name, the operator that it becomes, and what it makes of its
/// options.
struct Row {
  int code;
  std::string_view name, type;
  void (*read)(Operator&);  ///< null: there are no options that matter
  std::string_view notes = {};
};

/// All rows, by code.
const std::vector<Row>& rows();
const Row* findRow(int code);

/// Custom operators that are known by name.
/// Attributes of a custom operator that a plugin may take: the numbers, texts and lists of its options, which
/// are a map of names; options of any other kind are the list of bytes `custom_options`.
void readCustomOptions(const tessera_tflite::Operator& op, Attributes& attributes);
const Row* findCustomRow(std::string_view name);
/// Options of a custom operator that only a plugin may know, as attributes: the numbers, texts and lists of
/// numbers of a map of names; options of any other kind as the list of bytes `custom_options`.
void readCustomOptions(Operator& op);

}  // namespace tessera::tflite
