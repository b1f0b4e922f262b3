/// \file
/// Which tensors may have a scale and an offset for every channel.
///
/// A layer with weights writes channels of any scale by its multipliers and biases and reads them by its
/// weights; a pointwise chain does both by a constant per channel. So channels of very different range need
/// not share one scale, as in cross-layer equalisation, but per tensor instead of per pair of layers. Source:
/// M. Nagel, M. van Baalen, T. Blankevoort, M. Welling, "Data-Free Quantization Through Weight Equalization
/// and Bias Correction", ICCV 2019.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lower/precision.hpp"

namespace tessera {

/// Tensors in codes whose channels must have the same factors: a sum adds codes to codes, a maximum compares
/// them.
struct ChannelGroup {
  std::vector<TensorId> tensors;
  std::vector<bool> offsets;  ///< by tensor: whether its channels may have offsets, too
};

/// The groups of a plan whose tensors may all have factors.
std::vector<ChannelGroup> channelGroups(const Graph& graph, const Int8Plan& plan);

/// Whether a layer with weights can read channels that differ.
bool readsChannels(const Layer& layer, TensorId id);

/// Whether the calibration has ranges of the tensor's channels: 2 C numbers in channelPeaks, how far each
/// channel reaches below 0, then above.
bool hasRanges(const GraphTensor& tensor, const Calibration& calibration);

/// Factors and offsets by the ranges of the calibration, for groups that have them for every tensor: as fine
/// as the tensor of the group that reaches farthest allows, 2^-12 at least and 1 at most.
void takeChannels(const Graph& graph, const Calibration& calibration, Int8Plan& plan);

/// The plan of an optimised graph whose tensors all have ranges where they may: its channelGroups() are those
/// that calibration finds ranges for. Layers that `base` keeps in floats stay there.
Int8Plan planWithChannels(const Graph& optimized, const PrecisionOptions& options, const Calibration& base);

}  // namespace tessera
