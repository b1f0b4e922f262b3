// Ranges of channels from the extremes of images.
#include <gtest/gtest.h>

#include "calib/channel_scales.hpp"

namespace tessera {
namespace {

// A tensor "t" of two channels on four images: the first reaches 8, the second is silent but on the last.
struct Extremes {
  Graph graph;
  TensorId t = graph.addInput("t", DataType::Float32, {1, 2, 4, 4});
  TensorStatistics statistics;
  Int8Plan plan;
  Extremes() {
    ChannelExtremes& found = statistics.extremes["t"];
    for (const float second : {0.0f, 0.0f, 0.0f, 4.0f}) {
      found.high.push_back({8.0f, second});
      found.low.push_back({0.0f, 0.0f});
    }
    plan.group = {0};
  }
  Calibration calibrated(const ChannelRange& range) const {
    Calibration calibration;
    setChannelScales(graph, plan, {{{t}, {false}}}, statistics, range, calibration);
    return calibration;
  }
};

TEST(ChannelRanges, ReachWhatTheImagesHold) {
  const Calibration all = Extremes().calibrated({1.0, 0, {}});
  EXPECT_EQ(all.channelPeaks.at("t"), (std::vector<float>{0, 0, 8, 4})) << "below 0, then above";
  EXPECT_FLOAT_EQ(all.scales.at("t"), 8.0f / 127);
  EXPECT_EQ(Extremes().calibrated({1.0, 0, {3}}).channelPeaks.at("t"), (std::vector<float>{0, 0, 8, 0}))
      << "the last image does not count";
}

TEST(ChannelRanges, AFloorKeepsRoomForChannelsThatWereSilent) {
  const Calibration raised = Extremes().calibrated({1.0, 0.25, {3}});
  EXPECT_EQ(raised.channelPeaks.at("t"), (std::vector<float>{0, 0, 8, 2}))
      << "and none below 0, where nothing was";
  EXPECT_FLOAT_EQ(raised.scales.at("t"), 8.0f / 127);
  EXPECT_EQ(Extremes().calibrated({1.0, 0.25, {}}).channelPeaks.at("t"), (std::vector<float>{0, 0, 8, 4}));
}

TEST(ChannelRanges, DifferLessBetweenHalvesOfTheImagesWithAFloor) {
  const Extremes e;
  EXPECT_DOUBLE_EQ(rangeUncertainty(e.statistics, {1.0, 0, {}}), 0.5) << "0 and 1, of two channels";
  EXPECT_DOUBLE_EQ(rangeUncertainty(e.statistics, {1.0, 0.5, {}}), 0);
}

}  // namespace
}  // namespace tessera
