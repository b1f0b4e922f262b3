// wgmma_probe: the sums that a team of four warps makes of 64 pixels and 64 channels by conv_wgmma's instruction, as integers.
//   y[pixel * 64 + channel] = sum over k of x[pixel][k] * w[channel][k]
// x and w hold pieces of 16 bytes: [piece of two][row of 64]
// They lie at both ends of PROBE_PIECES pieces of local memory, as many as tactics may take.
// P_HALF  as in conv_mma/mma.cl; D_MMA and D_WGMMA are 1
#define T_M 64
#define T_SUBS 1
#include "conv_mma/mma.cl"
#include "conv_wgmma/wgmma.cl"

__attribute__((reqd_work_group_size(128, 1, 1))) __kernel void wgmma_check(__global const PIECE* restrict x,
                                                                           __global const PIECE* restrict w,
                                                                           __global int* restrict y) {
  __local PIECE tiles[PROBE_PIECES];
  __local PIECE *xl = tiles, *wl = tiles + (PROBE_PIECES - 128);
  __local ulong words[1];
  EACH_SUM(DECLARE_SUM)
  const int item = get_local_id(0), lane = item % 32;
  const uint meeting = ADDRESS(words);
  if (item == 0) {
    initMeeting(meeting, 1);
    PROXY_FENCE();
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  if (item == 0) copyBulk(ADDRESS(wl), w, 128 * 16, meeting);
  copyTo(opaque(ADDRESS(xl)) + item * 16, x + item, 1);
  COMMIT_COPIES();
  WAIT_FOR_COPIES(0);
  PROXY_FENCE();
  awaitMeeting(meeting, 0);
  barrier(CLK_LOCAL_MEM_FENCE);
  EACH_SUM(CLEAR_SUM)
  WGMMA_FENCE();
  WGMMA(0, DESCRIPTOR(8, 64) | (ulong)(ADDRESS(xl) / 16), DESCRIPTOR(8, 64) | (ulong)(ADDRESS(wl) / 16));
  WGMMA_COMMIT();
  WGMMA_WAIT(0);
  GEMM_T acc[4][8];
  EACH_SUM(READ_SUM)
  for (int g = 0; g < 4; ++g)
    for (int s = 0; s < 8; ++s) {
      const int channel = g * 16 + s / 4 * 8 + lane % 4 * 2 + s % 2, pixel = item / 32 * 16 + s / 2 % 2 * 8 + lane / 4;
      y[pixel * 64 + channel] = (int)acc[g][s];
    }
}
