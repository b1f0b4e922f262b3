/// \file
/// Host side of conv_winograd: shapes, tactics and the transform of the weights.
#pragma once

#include "clkernels/family.hpp"
#include "ops/geometry.hpp"

namespace tessera {

/// Outputs per extent of a tile; tiles and groups of 16 channels in registers; register tiles and output
/// channel parts per work-item (see conv_winograd.cl).
struct WinogradTactic {
  int m = 2, tx = 1, tk = 1, groups = 1, parts = 1;
  static constexpr auto fields() {
    using T = WinogradTactic;
    return std::tuple{Field<T>{"M", &T::m}, Field<T>{"TX", &T::tx}, Field<T>{"TK", &T::tk},
                      Field<T>{"GROUPS", &T::groups}, Field<T>{"PARTS", &T::parts}};
  }
  std::int64_t side() const { return m + 2; }
  std::int64_t elements() const { return side() * side(); }
  std::int64_t tiles() const { return std::int64_t{tx} * groups; }  ///< of a work-item
};

/// The convolution, in f32 or in codes.
struct WinogradWork {
  Window window;
  bool codes = false;
  std::int64_t channelBlocks() const { return ceilDiv(window.channels, 16); }
  std::int64_t channelTiles(int tk) const { return ceilDiv(ceilDiv(window.outChannels, 16), tk); }
  std::int64_t valueBytes() const { return codes ? 2 : 4; }    ///< of a transformed input
  std::int64_t stepChannels() const { return codes ? 2 : 1; }  ///< a step of the products takes
};

/// The tiles of a convolution's output: `phases` interleaved images per extent, each of `tilesY` x `tilesX`
/// tiles.
struct WinogradTiles {
  std::int64_t phasesY = 1, phasesX = 1, tilesY = 1, tilesX = 1;
  WinogradTiles(const Window& window, int m);
  std::int64_t count() const { return phasesY * phasesX * tilesY * tilesX; }
};

/// Whether device, operands and window suit the families for CPUs: windows of three rows, stride 1, no
/// groups; operands f32, or codes.
Verdict winogradApplies(const OpView& op, const DeviceCaps& device, bool codes = false);

/// Why the window is none for Winograd along y: "" where it is.
std::string whyNoWinograd(const Window& window);

/// Whether its products are so much fewer than the convolution's that they are worth the transforms and
/// larger weights on any CPU: tiles hardly reach beyond the image, and each weight is used for many pixels.
bool winogradGains(const Window& window);

/// `cost` with the convolution's operations, so that figures compare with other families', and the efficiency
/// of so many register steps a batch item, of which `share` are multiply-adds; it may exceed 1.
Cost winogradCost(Cost cost, const OpView& op, double share, double steps);
/// A 3x3 convolution with a bias.
OpInstance winogradSample(Shape x, Shape weights, Attributes attrs, bool residual = false);

/// Bytes of local memory for the transformed inputs and for the products.
std::size_t winogradInputBytes(const WinogradWork& work, const WinogradTactic& tactic);
std::size_t winogradProductBytes(const WinogradTactic& tactic);

TacticSpace winogradSpace(const WinogradWork& work, const DeviceCaps& device);
/// The tactic with the fewest register steps, as far as a simple count tells.
WinogradTactic winogradFallback(const WinogradWork& work, const DeviceCaps& device);
/// Register steps (vector multiply-adds and what takes as long) of the whole convolution.
double winogradSteps(const WinogradWork& work, const WinogradTactic& tactic, const DeviceCaps& device);

/// G of F(m, 3), a row per element of a tile.
std::vector<std::array<double, 3>> winogradWeightMatrix(int m);
/// The weights [K, C, 3, 3] as G g G^T, computed in double: [element][K][C].
HostTensor winogradWeights(const Window& window, int m, const HostTensor& weights);
/// The same as conv_winograd reads them: [tile of tk * 16 channels][element][C][tk * 16].
PackedConstant packWinogradWeights(const Window& window, int m, int tk);

/// Whether sums of some weights could be too great for one output transform (winograd_codes.cl).
bool winogradMayNeedPasses(const Window& window, int m);
/// Of codes, in integers: pairs of 16 bits, and `passes`.
std::vector<PackedConstant> packWinogradCodes(const Window& window, int m, int tk);

}  // namespace tessera
