// Bodies of dot4 against the definition, on adversarial values.
#include <random>

#include "cl/dot4_probe.hpp"
#include "clkernels/common/dot4.hpp"

namespace tessera {
namespace {

std::int32_t definition(std::int32_t a, std::int32_t b, std::int32_t acc) {
  auto sum = static_cast<std::uint32_t>(acc);
  for (int i = 0; i < 4; ++i)
    sum += static_cast<std::uint32_t>(std::int32_t{static_cast<std::int8_t>(a >> (8 * i))} *
                                      std::int32_t{static_cast<std::int8_t>(b >> (8 * i))});
  return static_cast<std::int32_t>(sum);
}

// All pairs of extreme bytes in every lane, and random words, with accumulators near the ends of the range.
void adversarial(std::vector<std::int32_t>& a, std::vector<std::int32_t>& b, std::vector<std::int32_t>& acc) {
  const std::int32_t bytes[] = {0, 1, -1, 127, -127, -128, 64, -77};
  const std::int32_t sums[] = {0, 1, -1, 0x7fffffff, static_cast<std::int32_t>(0x80000000), 12345678};
  std::mt19937 random(7);
  for (const auto x : bytes)
    for (const auto y : bytes)
      for (int lane = 0; lane < 4; ++lane)
        for (const auto s : sums) {
          a.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(x & 0xff) << (8 * lane)));
          b.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(y & 0xff) * 0x01010101u));
          acc.push_back(s);
        }
  while (a.size() % 1024) {
    a.push_back(static_cast<std::int32_t>(random()));
    b.push_back(static_cast<std::int32_t>(random()));
    acc.push_back(static_cast<std::int32_t>(random()));
  }
}

}  // namespace

std::size_t dot4Lanes(Dot4Body body) { return body == Dot4Body::Vnni || body == kDot4Avx2 ? 16 : 1; }

KernelCall dot4Check(Dot4Body body) {
  KernelCall call{
      "dot4_probe/dot4_probe.cl", "dot4_check", {{"D_DOT4", std::to_string(static_cast<int>(body))}}};
  std::vector<std::int32_t> a, b, acc;
  adversarial(a, b, acc);
  call.global = {a.size() / dot4Lanes(body)}, call.local = {16};
  for (int i = 0; i < 3; ++i) call.args.push_back(KernelArg::input(i));
  call.args.push_back(KernelArg::output(0));
  return call;
}

std::string whyWrong(const Device& device, const cl::CommandQueue& queue, const cl::Program& program,
                     Dot4Body body) {
  const cl::Context& context = device.impl().context();
  std::vector<std::int32_t> a, b, acc;
  adversarial(a, b, acc);
  const std::size_t bytes = a.size() * sizeof(std::int32_t);
  const auto upload = [&](std::vector<std::int32_t>& v) {
    return cl::Buffer(context, CL_MEM_COPY_HOST_PTR, bytes, v.data());
  };
  const cl::Buffer da = upload(a), db = upload(b), dc = upload(acc), dy(context, CL_MEM_READ_WRITE, bytes);
  cl::Kernel check(program, "dot4_check");
  check.setArg(0, da), check.setArg(1, db), check.setArg(2, dc), check.setArg(3, dy);
  queue.enqueueNDRangeKernel(check, cl::NullRange, cl::NDRange(a.size() / dot4Lanes(body)), cl::NDRange(16));
  std::vector<std::int32_t> y(a.size());
  queue.enqueueReadBuffer(dy, CL_TRUE, 0, bytes, y.data());
  for (std::size_t i = 0; i < a.size(); ++i)
    if (y[i] != definition(a[i], b[i], acc[i])) return "it computes another value than the definition";
  return {};
}

}  // namespace tessera
