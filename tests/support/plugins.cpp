#include "tests/support/plugins.hpp"

namespace tessera::test {

std::string everySecond(const std::string& name) {
  return R"json({
  "tessera_plugin": 1,
  "name": ")json" +
         name + R"json(",
  "version": "1.0",
  "types": [")json" +
         name + R"json(", "com.example::)json" + name + R"json("],
  "inputs": [{"name": "x"}, {"name": "shift", "optional": true}],
  "attributes": [{"name": "scale", "type": "float", "default": 1.5},
                 {"name": "mode", "type": "text", "values": ["plain", "negative"], "default": "plain"},
                 {"name": "begin", "type": "ints", "default": [0]}],
  "conditions": [{"holds": "rank(x) == 2 && extent(x, 1) % 2 == 0", "reason": "x needs 2 extents, the last of them even"}],
  "outputs": [{"name": "y", "shape": ["extent(x, 0)", "extent(x, 1) / 2"],
    "reference": "(mode == 1 ? -scale : scale) * x[i0, 2 * i1 + begin[0]] + (present(shift) ? shift[i1] : 0)"}],
  "tunables": [{"name": "WIDTH", "values": [1, 2, 3], "default": 1}],
  "constraints": [{"holds": "size(y) % WIDTH == 0", "reason": "WIDTH divides the output"}],
  "source": "second.cl",
  "kernels": [{"entry": "everySecond", "global": ["size(y) / WIDTH"], "arguments": ["x", "shift", "y",
    {"int": "extent(y, 1)"}, {"int": "begin[0]"}, {"int": "present(shift)"}, {"float": "scale"}],
    "defines": {"P_NEGATIVE": "mode"}}]
})json";
}

std::string everySecondKernel(const std::string& factor) {
  return R"(
__kernel void everySecond(__global const float* x, __global const float* shift, __global float* y, const int width,
                          const int begin, const int shifts, const float scale) {
  for (int k = 0; k < T_WIDTH; ++k) {
    const int i = get_global_id(0) * T_WIDTH + k;
    const float value = (P_NEGATIVE ? -scale : scale) * x[i / width * width * 2 + i % width * 2 + begin];
    y[i] = (shifts ? value + shift[i % width] : value) * )" +
         factor + R"(;
  }
}
)";
}

}  // namespace tessera::test
