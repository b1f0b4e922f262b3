// conv_naive: convolution, a work-item per output element. Works everywhere; the measure of what others gain.
//
// Layouts, planar: x[xBase + n*xBatch + c*inPlane + (d*inH + h)*inW + w], y and residual alike with out*;
// weights[(k*groupChannels + c)*kernelVolume + (kd*kernelH + kh)*kernelW + kw], f32.
// x, y, residual: ELEMENT (P_ELEMENT); the sum is f32, in the order c, kd, kh, kw.
// Epilogue: see common/activation.cl.
#define PW_WIDTH 1
#include "common/activation.cl"
#define P_WIDTH 1
#include "common/element.cl"

__kernel void conv_naive(__global const ELEMENT* restrict x, __global const float* restrict weights,
                         __global const float* restrict bias, __global const ELEMENT* restrict residual,
                         __global const float* restrict slope, __global ELEMENT* restrict y, int count, int outChannels,
                         int groupOutputs, int groupChannels, int inD, int inH, int inW, int outD, int outH, int outW,
                         int kernelD, int kernelH, int kernelW, int strideD, int strideH, int strideW, int dilationD,
                         int dilationH, int dilationW, int padD, int padH, int padW, int xBase, int xBatch, int yBase,
                         int yBatch, int residualBase, int residualBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int w = i % outW, h = i / outW % outH, d = i / (outW * outH) % outD;
  const int outPlane = outD * outH * outW, inPlane = inD * inH * inW;
  const int k = i / outPlane % outChannels, n = i / (outPlane * outChannels);

  const int firstChannel = k / groupOutputs * groupChannels;
  const int d0 = d * strideD - padD, h0 = h * strideH - padH, w0 = w * strideW - padW;
  __global const float* row = weights + k * groupChannels * kernelD * kernelH * kernelW;
  float sum = 0.0f;
  for (int c = 0; c < groupChannels; ++c) {
    const int plane = xBase + n * xBatch + (firstChannel + c) * inPlane;
    for (int kd = 0; kd < kernelD; ++kd) {
      const int id = d0 + kd * dilationD;
      for (int kh = 0; kh < kernelH; ++kh) {
        const int ih = h0 + kh * dilationH;
        if (id >= 0 && id < inD && ih >= 0 && ih < inH) {
          const int line = plane + (id * inH + ih) * inW;
          for (int kw = 0; kw < kernelW; ++kw) {
            const int iw = w0 + kw * dilationW;
            if (iw >= 0 && iw < inW) sum += row[kw] * loadElement(x, line + iw);
          }
        }
        row += kernelW;
      }
    }
  }
  const int at = k * outPlane + i % outPlane;
  const float rest = P_HAS_RESIDUAL ? loadElement(residual, residualBase + n * residualBatch + at) : 0.0f;
  storeElement(epilogue(sum, biasAt(bias, k), rest, slopeAt(slope, k)), y, yBase + n * yBatch + at);
}
