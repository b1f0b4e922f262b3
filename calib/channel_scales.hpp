/// \file
/// Scales and offsets of channels from what they hold on calibration images.
#pragma once

#include <set>

#include "calib/statistics_run.hpp"
#include "lower/channel_codes.hpp"

namespace tessera {

/// Which images count, and how much of each channel its codes reach.
struct ChannelRange {
  double share = 1;    ///< of the images whose extremes lie within the range; 1: all
  double floor = 0;    ///< of the tensor's farthest channel, that every channel reaches at least
  std::set<int> left;  ///< numbers of images that do not count
};

/// Scales of the groups' tensors, which have extremes in `statistics`, and ranges of their channels
/// (channelPeaks of twice as many numbers): what `share` of the images stay within. Other tensors' scales
/// stay as they are.
void setChannelScales(const Graph& graph, const Int8Plan& plan, const std::vector<ChannelGroup>& groups,
                      const TensorStatistics& statistics, const ChannelRange& range,
                      Calibration& calibration);

/// The least values of tensors: what layers can give at least, and what was seen of inputs and of tensors
/// with extremes (Calibration::least).
std::map<std::string, float> leastValues(const Graph& graph, const TensorStatistics& statistics);

/// How much ranges found on one half of the images differ from those of the other half, as a share of the
/// range, mean over all channels; what is found changes that much with the draw of images.
double rangeUncertainty(const TensorStatistics& statistics, const ChannelRange& range);

}  // namespace tessera
