// suppress_boxes: SuppressBoxes without sorting (runtime/ops/non_max_suppression.cpp), a work-group per item.
//
// Each work-item keeps a list of candidates (boxes item, item + group size, ..) with their scores; a round picks the best of
// all and drops from every list what overlaps it, or lets its score fall. Which box wins depends on scores and numbers only,
// never on timing.
//   boxes[bBase + n * bBatch + b * 4 + k], scores[sBase + n * sBatch + b], classes[cBase + n * cBatch + b]
//   candidates, live[n * boxCount + ..]; rows[rBase + n * rBatch + i * 6 + k], counts[tBase + n]
// P_KIND     0: hard, 1: soft, 2: none
// P_CLASSES  1: there are classes
// P_PER      1: boxes of different classes do not touch each other
// P_GROUP    work-items of the group, a power of two
#pragma OPENCL FP_CONTRACT OFF
#define MATH_WIDTH 1
#include "common/defined_math.cl"
#include "common/group_best.cl"

#if !defined(P_KIND) || !defined(P_CLASSES) || !defined(P_PER) || !defined(P_GROUP)
#error "suppress_boxes needs P_KIND, P_CLASSES, P_PER and P_GROUP"
#endif

static inline float overlapOf(float4 a, float4 b) {
  const float width = fmin(a.z, b.z) - fmax(a.x, b.x), height = fmin(a.w, b.w) - fmax(a.y, b.y);
  if (!(width > 0.0f) || !(height > 0.0f)) return 0.0f;
  const float common = width * height;
  const float both = (a.z - a.x) * (a.w - a.y) + (b.z - b.x) * (b.w - b.y) - common;
  return both > 0.0f ? definedDivide_1(common, both) : 0.0f;
}

__kernel __attribute__((reqd_work_group_size(P_GROUP, 1, 1)))
void suppress_boxes(__global const float* restrict boxes, __global const float* restrict scores,
                    __global const int* restrict classes, __global int* restrict candidates,
                    __global float* restrict live, __global float* restrict rows, __global int* restrict counts,
                    int boxCount, int most, float threshold, float overlap, float softness, int bBase, int bBatch, int sBase,
                    int sBatch, int cBase, int cBatch, int rBase, int rBatch, int tBase) {
  __local float bestScores[P_GROUP];
  __local int bestBoxes[P_GROUP];
  const int item = get_local_id(0), n = get_group_id(0);
  __global const float* of = boxes + bBase + n * bBatch;
  __global const float* score = scores + sBase + n * sBatch;
  __global float* row = rows + rBase + n * rBatch;
#if P_CLASSES
  __global const int* kind = classes + cBase + n * cBatch;
#endif
  __global int* mine = candidates + n * boxCount + item;  // entry j: mine[j * P_GROUP]
  __global float* scored = live + n * boxCount + item;
  int left = 0;
  for (int b = item; b < boxCount; b += P_GROUP) {
    const float s = score[b];
    if (!(s >= threshold)) continue;
    mine[left * P_GROUP] = b;
    scored[left * P_GROUP] = s;
    ++left;
  }
  int kept = 0, last = -1;
  float4 lastBox = (float4)(0.0f);
  while (kept < most) {
    float bestScore = 0.0f;
    int best = -1, next = 0;
    for (int j = 0; j < left; ++j) {
      const int b = mine[j * P_GROUP];
      float s = scored[j * P_GROUP];
      if (b == last) continue;
#if P_KIND < 2
      int meets = last >= 0;
#if P_CLASSES && P_PER
      meets = meets && kind[b] == kind[last];
#endif
      if (meets) {
        const float common = overlapOf(lastBox, vload4(b, of));
#if P_KIND == 0
        if (common > overlap) continue;
#else
        s *= definedExp_1(definedDivide_1(-common * common, softness));
        if (!(s >= threshold)) continue;
#endif
      }
#endif
      mine[next * P_GROUP] = b;
      scored[next * P_GROUP] = s;
      ++next;
      if (best < 0 || s > bestScore) {  // a list is in the boxes' order: of equals the first stays
        bestScore = s;
        best = b;
      }
    }
    left = next;
    bestScores[item] = bestScore;
    bestBoxes[item] = best;
    GROUP_BEST(bestScores, bestBoxes, item, P_GROUP)
    last = bestBoxes[0];
    bestScore = bestScores[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (last < 0) break;
    lastBox = vload4(last, of);
    if (item == 0) {
      vstore4(lastBox, 0, row + kept * 6);
      row[kept * 6 + 4] = bestScore;
#if P_CLASSES
      row[kept * 6 + 5] = (float)kind[last];
#else
      row[kept * 6 + 5] = 0.0f;
#endif
    }
    ++kept;
  }
  for (int i = kept * 6 + item; i < most * 6; i += P_GROUP) row[i] = 0.0f;
  if (item == 0) counts[tBase + n] = kept;
}
