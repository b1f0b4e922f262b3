// q_conv_naive, q_deconv_naive, q_fc_naive: INT8 with a work-item per output element, any geometry, any channel blocks.
// The measure of what others gain, and what every OpenCL 1.2 device can run.
//
// Layouts: x and y by common/index.cl (offset(n, c, p), their own blocks); the residual lies as y does;
// weights[(k*groupChannels + c)*kernelVolume + tap] (convolution), [(c*groupOutputs + j)*kernelVolume + tap]
// (deconvolution). Sums are 32-bit, modulo 2^32. Epilogue: common/quant.cl.
#define PW_WIDTH 1
#include "common/activation.cl"
#include "common/index.cl"
#include "common/quant.cl"

typedef struct {
  int n, k, d, h, w;
} Position;

static inline Position positionOf(int i, int outChannels, int outD, int outH, int outW) {
  Position at;
  at.w = i % outW, at.h = i / outW % outH, at.d = i / (outW * outH) % outD;
  at.k = i / (outW * outH * outD) % outChannels, at.n = i / (outW * outH * outD * outChannels);
  return at;
}

static inline int mac(uint sum, char a, char b) { return as_int(sum + as_uint((int)a * (int)b)); }

#define ARGUMENTS                                                                                                   \
  __global const char *restrict x, __global const char *restrict weights, __global const float *restrict bias,      \
      __global const Q_RESIDUAL *restrict residual, __global const float *restrict slope,                           \
      __global const float *restrict multiplier, __global Q_RESULT *restrict y, float rate, float residualScale,    \
      int count, int outChannels, int groupOutputs, int groupChannels, int inD, int inH, int inW, int outD,         \
      int outH, int outW, int kernelD, int kernelH, int kernelW, int strideD, int strideH, int strideW,             \
      int dilationD, int dilationH, int dilationW, int padD, int padH, int padW, int xBase, int xBatch, int xBlock, \
      int yBase, int yBatch, int yBlock, int residualBase, int residualBatch, int residualBlock

// Applies the epilogue and stores; channels from outChannels on are padding lanes.
#define FINISH(sum)                                                                                            \
  const int plane = outD * outH * outW, p = (at.d * outH + at.h) * outW + at.w;                                \
  const float rest =                                                                                           \
      P_HAS_RESIDUAL                                                                                           \
          ? loadResidual(residual, imageOffset(at.n, at.k, p, plane, residualBlock, residualBase, residualBatch), \
                         residualScale)                                                                        \
          : 0.0f;                                                                                              \
  storeResult(quantisedEpilogue(sum, multiplier[at.k], biasAt(bias, at.k), rest, slopeAt(slope, at.k)), y,     \
              imageOffset(at.n, at.k, p, plane, yBlock, yBase, yBatch), rate);

#define PADDING_LANE(padded)                                                                                  \
  const Position at = positionOf(i, padded, outD, outH, outW);                                                \
  if (at.k >= outChannels) {                                                                                  \
    y[imageOffset(at.n, at.k, (at.d * outH + at.h) * outW + at.w, outD * outH * outW, yBlock, yBase, yBatch)] = 0; \
    return;                                                                                                   \
  }

__kernel void q_conv_naive(ARGUMENTS) {
  const int i = get_global_id(0);
  if (i >= count) return;
  PADDING_LANE((outChannels + yBlock - 1) / yBlock * yBlock)
  const int firstChannel = at.k / groupOutputs * groupChannels;
  __global const char* row = weights + at.k * groupChannels * kernelD * kernelH * kernelW;
  int sum = 0;
  for (int c = 0; c < groupChannels; ++c)
    for (int kd = 0; kd < kernelD; ++kd)
      for (int kh = 0; kh < kernelH; ++kh)
        for (int kw = 0; kw < kernelW; ++kw, ++row) {
          const int id = at.d * strideD - padD + kd * dilationD, ih = at.h * strideH - padH + kh * dilationH;
          const int iw = at.w * strideW - padW + kw * dilationW;
          if (id >= 0 && id < inD && ih >= 0 && ih < inH && iw >= 0 && iw < inW)
            sum = mac(as_uint(sum), *row,
                      x[imageOffset(at.n, firstChannel + c, (id * inH + ih) * inW + iw, inD * inH * inW, xBlock, xBase, xBatch)]);
        }
  FINISH(sum)
}

__kernel void q_deconv_naive(ARGUMENTS) {
  const int i = get_global_id(0);
  if (i >= count) return;
  PADDING_LANE((outChannels + yBlock - 1) / yBlock * yBlock)
  const int firstChannel = at.k / groupOutputs * groupChannels, kernelVolume = kernelD * kernelH * kernelW;
  int sum = 0;
  for (int kd = 0; kd < kernelD; ++kd)
    for (int kh = 0; kh < kernelH; ++kh)
      for (int kw = 0; kw < kernelW; ++kw) {
        const int td = at.d + padD - kd * dilationD, th = at.h + padH - kh * dilationH, tw = at.w + padW - kw * dilationW;
        if (td < 0 || th < 0 || tw < 0 || td % strideD || th % strideH || tw % strideW) continue;
        const int id = td / strideD, ih = th / strideH, iw = tw / strideW;
        if (id >= inD || ih >= inH || iw >= inW) continue;
        for (int c = 0; c < groupChannels; ++c)
          sum = mac(as_uint(sum),
                    weights[((firstChannel + c) * groupOutputs + at.k % groupOutputs) * kernelVolume + (kd * kernelH + kh) * kernelW + kw],
                    x[imageOffset(at.n, firstChannel + c, (id * inH + ih) * inW + iw, inD * inH * inW, xBlock, xBase, xBatch)]);
      }
  FINISH(sum)
}
