// deconv_naive: transposed convolution, a work-item per output element, which gathers the inputs that reach it.
//
// Along an axis, input i reaches output o through tap k where i*stride + k*dilation = o + pad.
// Layouts, planar: x[xBase + n*xBatch + c*inPlane + (d*inH + h)*inW + w], y and residual alike with out*;
// weights[(c*groupOutputs + j)*kernelVolume + (kd*kernelH + kh)*kernelW + kw], f32, k = group*groupOutputs + j.
// x, y, residual: ELEMENT (P_ELEMENT); the sum is f32. Epilogue: see common/activation.cl.
#define PW_WIDTH 1
#include "common/activation.cl"
#define P_WIDTH 1
#include "common/element.cl"

// First input whose window still covers position t = o + pad; the window spans `span` cells.
static inline int firstInput(int t, int span, int stride) {
  return t < span ? 0 : (t - span) / stride + 1;
}

__kernel void deconv_naive(__global const ELEMENT* restrict x, __global const float* restrict weights,
                           __global const float* restrict bias, __global const ELEMENT* restrict residual,
                           __global const float* restrict slope, __global ELEMENT* restrict y, int count,
                           int outChannels, int groupOutputs, int groupChannels, int inD, int inH, int inW, int outD,
                           int outH, int outW, int kernelD, int kernelH, int kernelW, int strideD, int strideH,
                           int strideW, int dilationD, int dilationH, int dilationW, int padD, int padH, int padW,
                           int xBase, int xBatch, int yBase, int yBatch, int residualBase, int residualBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int w = i % outW + padW, h = i / outW % outH + padH, d = i / (outW * outH) % outD + padD;
  const int outPlane = outD * outH * outW, inPlane = inD * inH * inW, kernelVolume = kernelD * kernelH * kernelW;
  const int k = i / outPlane % outChannels, n = i / (outPlane * outChannels);

  const int firstChannel = k / groupOutputs * groupChannels;
  __global const float* filters = weights + (firstChannel * groupOutputs + k % groupOutputs) * kernelVolume;
  const int xItem = xBase + n * xBatch + firstChannel * inPlane;
  const int d0 = firstInput(d, dilationD * (kernelD - 1) + 1, strideD);
  const int h0 = firstInput(h, dilationH * (kernelH - 1) + 1, strideH);
  const int w0 = firstInput(w, dilationW * (kernelW - 1) + 1, strideW);
  float sum = 0.0f;
  for (int id = d0; id < inD && id * strideD <= d; ++id) {
    const int td = d - id * strideD;
    if (td % dilationD != 0) continue;
    for (int ih = h0; ih < inH && ih * strideH <= h; ++ih) {
      const int th = h - ih * strideH;
      if (th % dilationH != 0) continue;
      for (int iw = w0; iw < inW && iw * strideW <= w; ++iw) {
        const int tw = w - iw * strideW;
        if (tw % dilationW != 0) continue;
        const int tap = (td / dilationD * kernelH + th / dilationH) * kernelW + tw / dilationW;
        const int cell = xItem + (id * inH + ih) * inW + iw;
        for (int c = 0; c < groupChannels; ++c)
          sum += filters[c * groupOutputs * kernelVolume + tap] * loadElement(x, cell + c * inPlane);
      }
    }
  }
  const int at = k * outPlane + i % outPlane;
  const float rest = P_HAS_RESIDUAL ? loadElement(residual, residualBase + n * residualBatch + at) : 0.0f;
  storeElement(epilogue(sum, biasAt(bias, k), rest, slopeAt(slope, k)), y, yBase + n * yBatch + at);
}
