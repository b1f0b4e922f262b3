// The transform of the weights; see conv_winograd/transforms.cl for the other two and the source.
#include <algorithm>
#include <cstdlib>

#include "clkernels/common/work_size.hpp"
#include "clkernels/conv_winograd/winograd.hpp"

namespace tessera {
namespace {

using Row = std::array<double, 3>;

}  // namespace

// G of F(m, 3): a row per finite point p of interpolation, (1, p, p^2) over the product of its distances to
// the others; (0, 0, 1) for the one at infinity.
std::vector<Row> winogradWeightMatrix(int m) {
  const std::vector<double> points =
      m == 2 ? std::vector<double>{0, 1, -1} : std::vector<double>{0, 0.625, -0.625, 1.5, -1.5};
  std::vector<Row> rows;
  for (const double p : points) {
    double distances = 1;
    for (const double q : points) distances *= p == q ? 1 : p - q;
    rows.push_back({1 / distances, p / distances, p * p / distances});
  }
  rows.push_back({0, 0, 1});
  return rows;
}

HostTensor winogradWeights(const Window& window, int m, const HostTensor& weights) {
  const auto from = weights.as<float>();
  const std::vector<Row> g = winogradWeightMatrix(m);
  const std::int64_t side = m + 2, kernels = window.outChannels * window.channels;
  HostTensor transformed(DataType::Float32, {side * side, window.outChannels, window.channels});
  const auto to = transformed.as<float>();
  for (std::int64_t kernel = 0; kernel < kernels; ++kernel) {
    const float* taps = &from[kernel * 9];
    for (std::int64_t i = 0; i < side; ++i) {
      Row row{};  // row i of G g
      for (int a = 0; a < 3; ++a)
        for (int b = 0; b < 3; ++b) row[b] += g[i][a] * taps[a * 3 + b];
      for (std::int64_t j = 0; j < side; ++j)
        to[(i * side + j) * kernels + kernel] =
            static_cast<float>(row[0] * g[j][0] + row[1] * g[j][1] + row[2] * g[j][2]);
    }
  }
  return transformed;
}

PackedConstant packWinogradWeights(const Window& window, int m, int tk) {
  return {"conv_winograd m" + std::to_string(m) + " tk" + std::to_string(tk),
          [window, m, tk](const std::vector<const HostTensor*>& inputs) {
            const HostTensor transformed = winogradWeights(window, m, *inputs.at(1));
            const auto from = transformed.as<float>();
            const std::int64_t elements = std::int64_t{m + 2} * (m + 2), K = window.outChannels,
                               C = window.channels;
            const std::int64_t wide = tk * 16;
            HostTensor packed(DataType::Float32, {ceilDiv(K, wide), elements, C, wide});
            const auto to = packed.as<float>();
            for (std::int64_t e = 0; e < elements; ++e)
              for (std::int64_t k = 0; k < K; ++k)
                for (std::int64_t c = 0; c < C; ++c)
                  to[((k / wide * elements + e) * C + c) * wide + k % wide] = from[(e * K + k) * C + c];
            return packed;
          }};
}

namespace {

using IntegerRow = std::array<int, 3>;

// G times 24 for m = 4, but the last row times 6, so that all fits 16 bits; times 2 for m = 2
// (winograd_codes.cl).
const std::vector<IntegerRow>& integerMatrix(int m) {
  static const std::vector<IntegerRow> two{{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  static const std::vector<IntegerRow> four{{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4},
                                            {1, 2, 4}, {1, -2, 4},   {0, 0, 6}};
  return m == 2 ? two : four;
}

// A sum that one output transform can give back is less, in absolute value.
std::int64_t sumLimit(int m) { return m == 2 ? std::int64_t{1} << 29 : std::int64_t{1} << 25; }

constexpr std::int64_t kGreatestCode = 128;

HostTensor packCodes(const Window& w, int m, int tk, std::span<const std::int8_t> from) {
  const auto& g = integerMatrix(m);
  const std::int64_t side = m + 2, C = w.channels, wide = tk * 16, steps = ceilDiv(C, 2);
  HostTensor packed(DataType::Int32, {ceilDiv(w.outChannels, wide), side * side, steps, wide});
  const auto to = packed.as<std::int32_t>();
  for (std::int64_t k = 0; k < w.outChannels; ++k)
    for (std::int64_t c = 0; c < C; ++c) {
      const std::int8_t* taps = &from[(k * C + c) * 9];
      for (std::int64_t i = 0; i < side; ++i) {
        IntegerRow row{};  // row i of G g
        for (int a = 0; a < 3; ++a)
          for (int b = 0; b < 3; ++b) row[b] += g[i][a] * taps[a * 3 + b];
        for (std::int64_t j = 0; j < side; ++j) {
          const int value = row[0] * g[j][0] + row[1] * g[j][1] + row[2] * g[j][2];
          const auto half = static_cast<std::uint32_t>(static_cast<std::uint16_t>(value)) << (16 * (c % 2));
          auto& pair = to[((k / wide * side * side + i * side + j) * steps + c / 2) * wide + k % wide];
          pair = static_cast<std::int32_t>(static_cast<std::uint32_t>(pair) | half);
        }
      }
    }
  return packed;
}

// Of one output channel: whether the products of all its runs of so many input blocks stay below the limit.
bool passFits(std::span<const std::int64_t> blockSums, std::int64_t pass, std::int64_t limit) {
  const auto blocks = static_cast<std::int64_t>(blockSums.size());
  for (std::int64_t first = 0; first < blocks; first += pass) {
    std::int64_t sum = 0;
    for (std::int64_t b = first; b < std::min(blocks, first + pass); ++b) sum += blockSums[b];
    if (sum * kGreatestCode >= limit) return false;
  }
  return true;
}

// Per tile of output channels, how many input blocks one output transform may take.
HostTensor packPasses(const Window& w, int m, int tk, std::span<const std::int8_t> from) {
  const std::int64_t C = w.channels, wide = tk * 16, blocks = ceilDiv(C, 16);
  HostTensor passes(DataType::Int32, {ceilDiv(w.outChannels, wide)});
  const auto to = passes.as<std::int32_t>();
  std::ranges::fill(to, static_cast<std::int32_t>(blocks));
  for (std::int64_t k = 0; k < w.outChannels; ++k) {
    std::vector<std::int64_t> sums(blocks);
    for (std::int64_t c = 0; c < C; ++c)
      for (int tap = 0; tap < 9; ++tap) sums[c / 16] += std::abs(int{from[(k * C + c) * 9 + tap]});
    std::int32_t& pass = to[k / wide];
    while (pass > 1 && !passFits(sums, pass, sumLimit(m))) pass = (pass + 1) / 2;
  }
  return passes;
}

}  // namespace

bool winogradMayNeedPasses(const Window& w, int m) {
  return w.channels * 9 * kGreatestCode * kGreatestCode >= sumLimit(m);
}

std::vector<PackedConstant> packWinogradCodes(const Window& window, int m, int tk) {
  const std::string shape = " m" + std::to_string(m) + " tk" + std::to_string(tk);
  using Inputs = std::vector<const HostTensor*>;
  return {{"q_conv_winograd" + shape,
           [=](const Inputs& inputs) { return packCodes(window, m, tk, inputs.at(1)->as<std::int8_t>()); }},
          {"q_conv_winograd passes" + shape,
           [=](const Inputs& inputs) { return packPasses(window, m, tk, inputs.at(1)->as<std::int8_t>()); }}};
}

}  // namespace tessera
