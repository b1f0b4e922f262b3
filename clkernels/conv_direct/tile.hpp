/// \file
/// Host side of conv_direct/tile.cl: tactics, work and packing of the tiled families for CPUs, which compute
/// in f32, in f32 over half storage, or in codes.
#pragma once

#include "clkernels/common/compares_tactics.hpp"
#include "clkernels/common/finish.hpp"

namespace tessera {

/// Output pixels and groups of 16 channels in registers; tiles per work-item; input blocks per pass (0: all).
struct TileTactic {
  int tx = 1, tk = 1, region = 1, panel = 0;
  static constexpr auto fields() {
    using T = TileTactic;
    return std::tuple{Field<T>{"TX", &T::tx}, Field<T>{"TK", &T::tk}, Field<T>{"REGION", &T::region},
                      Field<T>{"PANEL", &T::panel}};
  }
};

/// The work to be cut into tiles, as a matrix of output pixels x output channels.
struct TileWork {
  DataType type = DataType::Float32;   ///< of input and weights
  std::int64_t rows = 1, columns = 1;  ///< output rows and the pixels of one, as tiles run along them
  std::int64_t kBlocks = 1, groups = 1, batch = 1;  ///< blocks of 16 output channels in one of `groups`
  std::int64_t channels = 1;                        ///< input channels of a group
  std::int64_t taps = 1;        ///< whose weights are in use together: of an output row, of a tile in codes
  int block = 16;               ///< input channels of a block of the weights
  int lanes = 1;                ///< of them in one step: of codes those of a word, or of a pair
  bool positive = false;        ///< no code is negative, and the device multiplies such ones faster
  bool panels = true;           ///< whether sums can wait between passes over the input blocks
  std::int64_t patch = 0;       ///< values in the patch of a tile of one pixel,
  std::int64_t patchPixel = 0;  ///< and how many more for each further one

  /// A patch of so many rows and columns of input pixels, `step` of them between neighbouring output pixels.
  void setPatch(std::int64_t patchRows, std::int64_t patchColumns, std::int64_t step) {
    patch = patchRows * patchColumns * block, patchPixel = patchRows * step * block;
  }
  /// Input read where it lies, patches in scratch, and sums, if they wait, in y; else patches in private
  /// memory, sums in scratch.
  bool inPlace() const { return type == DataType::Float32 || (positive && block == 16); }
  bool codes() const { return type == DataType::Int8; }
  std::int64_t tilesPerRow(const TileTactic& t) const { return ceilDiv(columns, t.tx); }
  std::int64_t inputBlocks() const { return ceilDiv(channels, block); }
};
/// With type, block, lanes, and what follows from groups and channels.
TileWork tileWork(const OpView& op, const Window& window, const DeviceCaps& device);

/// Where the regions of a tactic lie: each `rows` x `columns` output pixels (of TileWork), `count` of them.
struct TileRegions {
  std::int64_t rows = 1, columns = 1, count = 1;
};
TileRegions tileRegions(const TileWork& work, const TileTactic& tactic);

/// P_PATCH: 0 where patches lie in scratch; else a power of two, so that few programs differ in it.
std::int64_t privatePatch(const TileWork& work, const TileTactic& tactic);
/// Scratch of all work-items: patches, or the sums that wait between passes.
std::size_t tileScratch(const TileWork& work, const TileTactic& tactic);
/// Why no tactic has room for the patch: "" where one has.
std::string whyNoPatch(const TileWork& work);

TacticSpace tileSpace(const TileWork& work, const DeviceCaps& device);
TileTactic tileFallback(const TileWork& work, const DeviceCaps& device);
/// Steps of register tiles that a tactic takes: to compare tactics by.
double tileSteps(const TileWork& work, const TileTactic& tactic, const DeviceCaps& device);
/// Expected fraction of the device's peak in f32 for the untuned tactic, where `lanes` of the output's lanes
/// are channels: what padding and short reductions leave. A dot product of codes does four multiply-adds.
double tileEfficiency(const TileWork& work, double lanes, const DeviceCaps& device);

/// Where weight [k][c][tap] of an operator lies in its constant, and at which tap of the packed order.
struct WeightOrder {
  std::string name;
  std::function<std::int64_t(std::int64_t k, std::int64_t c, std::int64_t tap)>
      source;  ///< c within the group
  std::function<std::int64_t(std::int64_t tap)> place;
};
/// Weights as tile.cl reads them, and for codes their corrections: the kernel's TAPS_OPERANDS.
std::vector<PackedConstant> packTileWeights(const Window& w, const TileWork& work, int tk,
                                            const WeightOrder& order);

/// What a family makes of an operator.
struct TileShape {
  Window window;
  TileWork work;
  WeightOrder order;
  std::int64_t h, w, oh, ow;          ///< extents as the kernel sees them
  std::int64_t step;                  ///< input pixels between neighbouring output pixels of a tile
  std::vector<std::int64_t> further;  ///< the kernel's arguments between KW and `rows`
  double operations;
};

/// A family whose kernel, clkernels/<kernel>/<kernel>.cl, makes its regions of tiles.
class TiledFamily : public KernelFamily, public ComparesTactics {
 public:
  TiledFamily(std::string_view name, std::string kernel, bool codes)
      : name_(name), kernel_(std::move(kernel)), codes_(codes) {}
  FamilyId id() const override { return {name_, 1}; }
  Verdict applies(const OpView& op, const DeviceCaps& device) const override;
  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return tileSpace(shape(p, device).work, device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(tileFallback(shape(p, device).work, device));
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override;
  Cost cost(const Problem& p, const DeviceCaps& device) const override;
  double expected(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override;
  std::int64_t packedChannels(const Problem& p, const Tactic& tactic,
                              const DeviceCaps& device) const override;

 protected:
  virtual TileShape shape(const OpView& op, const DeviceCaps& device) const = 0;
  bool codes() const { return codes_; }
  /// `like` with a planar output, where the result is floats out of codes: those are the network's outputs.
  void addPlanarOutput(std::vector<BlockChoice>& choices, const OpView& op, BlockChoice like) const;

 private:
  std::string_view name_;
  std::string kernel_;
  bool codes_;
};

}  // namespace tessera
