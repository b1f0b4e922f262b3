// nms_select, nms_count, nms_rows: NonMaxSuppression without sorting (runtime/ops/non_max_suppression.cpp).
//
// nms_select: a work-group per item and class. Each work-item keeps a list of candidates (boxes item, item + group size,
// ..); a round picks the best of all and drops from every list what overlaps it, so that work is candidates times
// selected boxes. Which box wins depends on scores and numbers only, never on timing.
// nms_count: adds up how many rows come before each item and class. nms_rows: writes them, and -1 behind the last.
//   boxes[bBase + n * bBatch + b * 4 + k], scores[sBase + n * sBatch + c * boxCount + b]; outputs likewise
//   candidates[(n * classes + c) * boxCount + ..], selected[(n * classes + c) * most + ..], counts[n * classes + c],
//   starts[n * classes + c]
// P_CENTERS   boxes are 0: two corners y1, x1, y2, x2, 1: centre x, y, width, height
// P_BY_SCORE  1: only boxes with a score above scoreThreshold
// P_GROUP     work-items of nms_select's group, a power of two
#pragma OPENCL FP_CONTRACT OFF
#define MATH_WIDTH 1
#include "common/defined_math.cl"
#include "common/group_best.cl"

#if !defined(P_CENTERS) || !defined(P_BY_SCORE) || !defined(P_GROUP)
#error "non_max_suppression needs P_CENTERS, P_BY_SCORE and P_GROUP"
#endif

// Corners x0, y0, x1, y1.
static inline float4 boxAt(__global const float* boxes, int b) {
  const float4 v = vload4(b, boxes);
#if P_CENTERS
  const float w = v.z / 2.0f, h = v.w / 2.0f;
  return (float4)(v.x - w, v.y - h, v.x + w, v.y + h);
#else
  return (float4)(fmin(v.y, v.w), fmin(v.x, v.z), fmax(v.y, v.w), fmax(v.x, v.z));
#endif
}

static inline int overlap(float4 a, float4 b, float threshold) {
  const float x0 = fmax(a.x, b.x), x1 = fmin(a.z, b.z), y0 = fmax(a.y, b.y), y1 = fmin(a.w, b.w);
  if (!(x1 > x0) || !(y1 > y0)) return 0;
  const float common = (x1 - x0) * (y1 - y0);
  const float areaA = (a.z - a.x) * (a.w - a.y), areaB = (b.z - b.x) * (b.w - b.y), both = areaA + areaB - common;
  if (!(common > 0.0f) || !(areaA > 0.0f) || !(areaB > 0.0f) || !(both > 0.0f)) return 0;
  return definedDivide_1(common, both) > threshold;
}

__kernel __attribute__((reqd_work_group_size(P_GROUP, 1, 1)))
void nms_select(__global const float* restrict boxes, __global const float* restrict scores,
                __global int* restrict candidates, __global int* restrict selected, __global int* restrict counts,
                int classes, int boxCount, int most, float iouThreshold, float scoreThreshold, int bBase, int bBatch,
                int sBase, int sBatch) {
  __local float bestScores[P_GROUP];
  __local int bestBoxes[P_GROUP];
  const int item = get_local_id(0), pair = get_group_id(0), n = pair / classes, c = pair % classes;
  __global const float* of = boxes + bBase + n * bBatch;
  __global const float* score = scores + sBase + n * sBatch + c * boxCount;
  __global int* mine = candidates + pair * boxCount;  // entry j of this work-item: mine[item + j * P_GROUP]
  int left = 0;
  for (int b = item; b < boxCount; b += P_GROUP) {
    const float s = score[b];
#if P_BY_SCORE
    if (!(s > scoreThreshold)) continue;
#endif
    if (s != s) continue;
    mine[item + left * P_GROUP] = b;
    ++left;
  }
  int kept = 0, last = -1;
  float4 lastBox = (float4)(0.0f);
  while (kept < most) {
    float bestScore = 0.0f;
    int best = -1, next = 0;
    for (int j = 0; j < left; ++j) {
      const int b = mine[item + j * P_GROUP];
      if (b == last || (last >= 0 && overlap(boxAt(of, b), lastBox, iouThreshold))) continue;
      mine[item + next * P_GROUP] = b;
      ++next;
      const float s = score[b];  // a list is in the boxes' order: of equals the first stays
      if (best < 0 || s > bestScore) {
        bestScore = s;
        best = b;
      }
    }
    left = next;
    bestScores[item] = bestScore;
    bestBoxes[item] = best;
    GROUP_BEST(bestScores, bestBoxes, item, P_GROUP)
    last = bestBoxes[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (last < 0) break;
    lastBox = boxAt(of, last);
    if (item == 0) selected[pair * most + kept] = last;
    ++kept;
  }
  if (item == 0) counts[pair] = kept;
}

__kernel void nms_count(__global const int* restrict counts, __global int* restrict starts, __global long* restrict total,
                        int pairs, int tBase) {
  if (get_global_id(0) != 0) return;
  int sum = 0;
  for (int i = 0; i < pairs; ++i) {
    starts[i] = sum;
    sum += counts[i];
  }
  starts[pairs] = sum;
  total[tBase] = sum;
}

__kernel void nms_rows(__global const int* restrict selected, __global const int* restrict counts,
                       __global const int* restrict starts, __global long* restrict rows, int count, int classes,
                       int pairs, int most, int rBase, int rBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int pair = i / most, k = i % most;
  if (k < counts[pair]) {
    __global long* row = rows + rBase + (starts[pair] + k) * rBatch;
    row[0] = pair / classes;
    row[1] = pair % classes;
    row[2] = selected[i];
  }
  if (i >= starts[pairs])
    for (int k3 = 0; k3 < 3; ++k3) rows[rBase + i * rBatch + k3] = -1;
}
