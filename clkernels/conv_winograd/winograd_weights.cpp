// The transform of the weights; see conv_winograd/transforms.cl for the other two and the source.
#include "clkernels/common/work_size.hpp"
#include "clkernels/conv_winograd/winograd.hpp"

namespace tessera {
namespace {

using Row = std::array<double, 3>;

const std::vector<Row>& weightMatrix(int m) {
  static const std::vector<Row> two{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  static const std::vector<Row> four{{1.0 / 4, 0, 0},
                                     {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                     {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                     {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                     {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                     {0, 0, 1}};
  static const std::vector<Row> six{{1, 0, 0},
                                    {-2.0 / 9, -2.0 / 9, -2.0 / 9},
                                    {-2.0 / 9, 2.0 / 9, -2.0 / 9},
                                    {1.0 / 90, 1.0 / 45, 2.0 / 45},
                                    {1.0 / 90, -1.0 / 45, 2.0 / 45},
                                    {32.0 / 45, 16.0 / 45, 8.0 / 45},
                                    {32.0 / 45, -16.0 / 45, 8.0 / 45},
                                    {0, 0, 1}};
  return m == 2 ? two : m == 4 ? four : six;
}

}  // namespace

PackedConstant winogradWeights(const Window& window, int m, int tk) {
  return {"conv_winograd m" + std::to_string(m) + " tk" + std::to_string(tk),
          [window, m, tk](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<float>();
            const std::vector<Row>& g = weightMatrix(m);
            const std::int64_t side = m + 2, C = window.channels, wide = tk * 16;
            HostTensor packed(DataType::Float32, {ceilDiv(window.outChannels, wide), side * side, C, wide});
            const auto to = packed.as<float>();
            for (std::int64_t k = 0; k < window.outChannels; ++k)
              for (std::int64_t c = 0; c < C; ++c) {
                const float* taps = &from[(k * C + c) * 9];
                for (std::int64_t i = 0; i < side; ++i) {
                  Row row{};  // row i of G g
                  for (int a = 0; a < 3; ++a)
                    for (int b = 0; b < 3; ++b) row[b] += g[i][a] * taps[a * 3 + b];
                  for (std::int64_t j = 0; j < side; ++j)
                    to[((k / wide * side * side + i * side + j) * C + c) * wide + k % wide] =
                        static_cast<float>(row[0] * g[j][0] + row[1] * g[j][1] + row[2] * g[j][2]);
                }
              }
            return packed;
          }};
}

}  // namespace tessera
