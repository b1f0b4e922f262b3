// Packing of weights for register tiles.
#include "clkernels/common/storage.hpp"
#include "clkernels/conv_direct/tile.hpp"

namespace tessera {
namespace {

// [group][tile][input blocks][taps][block / lanes][TK * 16][lanes]: the channels that a step takes lie
// together.
template <class T>
PackedConstant weightTiles(const Window& w, int block, int tk, std::int64_t lanes, const WeightOrder& order) {
  return {
      order.name + " b" + std::to_string(block) + " by " + std::to_string(lanes) + " tk" + std::to_string(tk),
      [=](const std::vector<const HostTensor*>& inputs) {
        const auto from = inputs.at(1)->as<T>();
        const std::int64_t C = w.groupChannels(), K = w.groupOutputs(), taps = w.kernelVolume();
        const std::int64_t wide = tk * 16, tiles = ceilDiv(K, wide), blocks = ceilDiv(C, block);
        HostTensor packed(dataTypeOf<T>(), {w.group, tiles, blocks, taps, block, wide});
        const auto to = packed.as<T>();
        for (std::int64_t k = 0; k < w.outChannels; ++k) {
          const std::int64_t tile = k / K * tiles + k % K / wide;
          for (std::int64_t c = 0; c < C; ++c)
            for (std::int64_t tap = 0; tap < taps; ++tap) {
              const std::int64_t step =
                  ((tile * blocks + c / block) * taps + order.place(tap)) * (block / lanes) +
                  c % block / lanes;
              to[(step * wide + k % K % wide) * lanes + c % lanes] = from[order.source(k, c, tap)];
            }
        }
        return packed;
      }};
}

// [group][tile][taps][TK * 16]: -128 times the sum of a tap's weights
PackedConstant corrections(const Window& w, int tk, const WeightOrder& order) {
  return {order.name + " corrections tk" + std::to_string(tk),
          [w, tk, order](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<std::int8_t>();
            const std::int64_t C = w.groupChannels(), K = w.groupOutputs(), taps = w.kernelVolume();
            const std::int64_t wide = tk * 16, tiles = ceilDiv(K, wide);
            HostTensor packed(DataType::Int32, {w.group, tiles, taps, wide});
            const auto to = packed.as<std::int32_t>();
            for (std::int64_t k = 0; k < w.outChannels; ++k)
              for (std::int64_t tap = 0; tap < taps; ++tap) {
                std::int32_t sum = 0;
                for (std::int64_t c = 0; c < C; ++c) sum += from[order.source(k, c, tap)];
                const std::int64_t tile = k / K * tiles + k % K / wide;
                to[(tile * taps + order.place(tap)) * wide + k % K % wide] = -128 * sum;
              }
            return packed;
          }};
}

}  // namespace

std::vector<PackedConstant> packTileWeights(const Window& w, const TileWork& work, int tk,
                                            const WeightOrder& order) {
  if (!work.codes()) return {inStorage(work.type, weightTiles<float>(w, work.block, tk, work.lanes, order))};
  return {weightTiles<std::int8_t>(w, work.block, tk, work.lanes, order), corrections(w, tk, order)};
}

}  // namespace tessera
