// CLBlast's routines.
#include "launch/library_call.hpp"

#ifdef TESSERA_HAS_CLBLAST
#include <clblast.h>
#endif

namespace tessera {
namespace {

#ifdef TESSERA_HAS_CLBLAST
void check(clblast::StatusCode status, const char* what) {
  if (status != clblast::StatusCode::kSuccess)
    throw Error(ErrorCode::DeviceError, std::string("CLBlast's ") + what + " failed with status " +
                                            std::to_string(static_cast<int>(status)));
}

void sgemm(const cl::CommandQueue& queue, const KernelCall& call, const std::vector<cl::Buffer>& operands,
           cl::Event* event) {
  const auto number = [&](std::size_t i) { return static_cast<std::size_t>(call.args.at(i).integer); };
  const auto transpose = [&](std::size_t i) {
    return number(i) ? clblast::Transpose::kYes : clblast::Transpose::kNo;
  };
  constexpr std::size_t a = 3, b = 7, c = 11, copies = 15;
  constexpr auto layout = clblast::Layout::kRowMajor;
  cl_command_queue handle = queue();
  std::size_t wanted = 0;
  check(clblast::GemmTempBufferSize<float>(layout, transpose(a + 1), transpose(b + 1), number(0), number(1),
                                           number(2), number(a + 2), number(a + 3), number(b + 2),
                                           number(b + 3), number(c + 2), number(c + 3), &handle, wanted),
        "GemmTempBufferSize");
  if (const std::size_t given = operands.at(copies).getInfo<CL_MEM_SIZE>(); wanted > given)
    throw Error(ErrorCode::DeviceError, "CLBlast's Gemm wants " + std::to_string(wanted) +
                                            " bytes for copies; it has " + std::to_string(given));
  cl_event done = nullptr;
  check(
      clblast::Gemm<float>(layout, transpose(a + 1), transpose(b + 1), number(0), number(1), number(2), 1.0f,
                           operands.at(a)(), number(a + 2), number(a + 3), operands.at(b)(), number(b + 2),
                           number(b + 3), 0.0f, operands.at(c)(), number(c + 2), number(c + 3), &handle,
                           event ? &done : nullptr, wanted ? operands.at(copies)() : nullptr),
      "Gemm");
  if (event) *event = cl::Event(done);
}
#endif

}  // namespace

void enqueueLibraryCall(const cl::CommandQueue& queue, const KernelCall& call,
                        const std::vector<cl::Buffer>& operands, const std::vector<cl::Event>* waits,
                        cl::Event* event, cl::Event* begin) {
  if (waits && !waits->empty()) queue.enqueueBarrierWithWaitList(waits);
  if (begin) queue.enqueueMarkerWithWaitList(nullptr, begin);
#ifdef TESSERA_HAS_CLBLAST
  if (call.library == "clblast" && call.entry == "sgemm") return sgemm(queue, call, operands, event);
#endif
  throw Error(ErrorCode::Unsupported, "the routine " + call.entry + " of " + call.library +
                                          " is not known, or Tessera was built without that library");
}

}  // namespace tessera
