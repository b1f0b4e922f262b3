// conv_naive, deconv_naive, q_conv_naive, q_deconv_naive, q_fc_naive: a work-item per output element, any geometry. Work on
// every OpenCL 1.2 device; the measure of what others gain.
//
// P_TRANSPOSED 0 (convolution): input i reaches output o through tap k where i = o*stride + k*dilation - pad; 1
//   (deconvolution, which gathers the inputs that reach an output): where i*stride + k*dilation = o + pad.
// Layouts, by common/index.cl: x[offset(n, c, (d*inH + h)*inW + w)], y and the residual alike with out*, each with its own
//   channel block where they hold codes, planar where they hold floats.
//   weights[(k*groupChannels + c)*kernelVolume + tap], tap = (kd*kernelH + kh)*kernelW + kw; transposed
//   [(c*groupOutputs + k % groupOutputs)*kernelVolume + tap], c counting the channels of all groups.
// Types, epilogue: common/finish.cl. Floats are summed in the order c, kd, kh, kw; transposed id, ih, iw, c.
#define PW_WIDTH 1
#include "common/finish.cl"
#include "common/index.cl"

#ifndef P_TRANSPOSED
#error "conv_naive needs P_TRANSPOSED"
#endif
#if P_CODES
#define BLOCK(block) block
#define MULTIPLY_ADD(a, b, sum) as_int(as_uint(sum) + as_uint((int)(a) * (int)(b)))
#define ELEMENT(TYPE, p, i) ((p)[i])
#else
#define BLOCK(block) 1
#define MULTIPLY_ADD(a, b, sum) ((sum) + (a) * (b))
#define ELEMENT(TYPE, p, i) LOAD(TYPE, 1, p, i)
#endif

#if P_TRANSPOSED
// First input whose window still covers position t = o + pad; the window spans `span` cells.
static inline int firstInput(int t, int span, int stride) { return t < span ? 0 : (t - span) / stride + 1; }
#endif

__kernel void conv_naive(__global const P_X* restrict x, __global const P_WEIGHTS* restrict weights, FINISH_OPERANDS,
                         __global P_Y* restrict y, int count, int outChannels, int groupOutputs, int groupChannels,
                         int inD, int inH, int inW, int outD, int outH, int outW, int kernelD, int kernelH, int kernelW,
                         int strideD, int strideH, int strideW, int dilationD, int dilationH, int dilationW, int padD,
                         int padH, int padW, int xBase, int xBatch, int xBlock, int yBase, int yBatch, int yBlock,
                         int residualBase, int residualBatch, int residualBlock) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int w = i % outW, h = i / outW % outH, d = i / (outW * outH) % outD;
  const int outPlane = outD * outH * outW, inPlane = inD * inH * inW, kernelVolume = kernelD * kernelH * kernelW;
  const int channels = (outChannels + BLOCK(yBlock) - 1) / BLOCK(yBlock) * BLOCK(yBlock), p = i % outPlane;
  const int k = i / outPlane % channels, n = i / (outPlane * channels);
  const int at = imageOffset(n, k, p, outPlane, BLOCK(yBlock), yBase, yBatch);
  if (k >= outChannels) {  // a padding lane
    STORE(P_Y, 1, 0.0f, y, at);
    return;
  }

  const int firstChannel = k / groupOutputs * groupChannels;
  SUM sum = 0;
#if P_TRANSPOSED
  const int d1 = d + padD, h1 = h + padH, w1 = w + padW;
  __global const P_WEIGHTS* filters = weights + (firstChannel * groupOutputs + k % groupOutputs) * kernelVolume;
  const int d0 = firstInput(d1, dilationD * (kernelD - 1) + 1, strideD);
  const int h0 = firstInput(h1, dilationH * (kernelH - 1) + 1, strideH);
  const int w0 = firstInput(w1, dilationW * (kernelW - 1) + 1, strideW);
  for (int id = d0; id < inD && id * strideD <= d1; ++id) {
    const int td = d1 - id * strideD;
    if (td % dilationD != 0) continue;
    for (int ih = h0; ih < inH && ih * strideH <= h1; ++ih) {
      const int th = h1 - ih * strideH;
      if (th % dilationH != 0) continue;
      for (int iw = w0; iw < inW && iw * strideW <= w1; ++iw) {
        const int tw = w1 - iw * strideW;
        if (tw % dilationW != 0) continue;
        const int tap = (td / dilationD * kernelH + th / dilationH) * kernelW + tw / dilationW;
        const int cell = (id * inH + ih) * inW + iw;
        for (int c = 0; c < groupChannels; ++c) {
          const int from = imageOffset(n, firstChannel + c, cell, inPlane, BLOCK(xBlock), xBase, xBatch);
          sum = MULTIPLY_ADD(ELEMENT(P_WEIGHTS, filters, c * groupOutputs * kernelVolume + tap), ELEMENT(P_X, x, from), sum);
        }
      }
    }
  }
#else
  const int d0 = d * strideD - padD, h0 = h * strideH - padH, w0 = w * strideW - padW;
  __global const P_WEIGHTS* row = weights + k * groupChannels * kernelVolume;
  for (int c = 0; c < groupChannels; ++c) {
    const int channel = imageOffset(n, firstChannel + c, 0, inPlane, BLOCK(xBlock), xBase, xBatch);
    for (int kd = 0; kd < kernelD; ++kd) {
      const int id = d0 + kd * dilationD;
      for (int kh = 0; kh < kernelH; ++kh) {
        const int ih = h0 + kh * dilationH;
        if (id >= 0 && id < inD && ih >= 0 && ih < inH) {
          const int line = (id * inH + ih) * inW;
          for (int kw = 0; kw < kernelW; ++kw) {
            const int iw = w0 + kw * dilationW;
            if (iw >= 0 && iw < inW)
              sum = MULTIPLY_ADD(ELEMENT(P_WEIGHTS, row, kw), ELEMENT(P_X, x, channel + (line + iw) * BLOCK(xBlock)), sum);
          }
        }
        row += kernelW;
      }
    }
  }
#endif
  const Finish finish = FINISH;
  const int rest = imageOffset(n, k, p, outPlane, BLOCK(residualBlock), residualBase, residualBatch);
  storeFinished(finished(sum, finish, k, outChannels, p, rest), finish, y, at);
}
