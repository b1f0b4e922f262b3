// The transform of the weights; see conv_winograd/transforms.cl for the other two and the source.
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

}  // namespace tessera
