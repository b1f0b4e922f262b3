// SSD's DetectionOutput in four steps (runtime/ops/detection_output.cpp), all planar.
//
// det_decode: corners of every box, a work-item each.
// det_select: a work-group per item and class. Each round takes the best score after the last one (falling, of equals the
//   lower prior first) and keeps its box where it overlaps none that is kept: no sorting, and timing decides nothing.
// det_keep: which of an item's boxes are among its `keep` best, a work-item per place.
// det_rows: writes rows at the places that the kept ones before them leave, -1 behind the last, and the count.
//   boxes[(n * sets + s) * priors + p], kept[(n * classes + c) * candidates + k], counts[n * classes + c],
//   stays[as kept]
// P_CODE    0: corner, 1: centre and size, 2: corner and size
// P_SCALED  1: predictions are multiplied by the variances
// P_GROUP   work-items of det_select's group, a power of two
#pragma OPENCL FP_CONTRACT OFF

#if !defined(P_CODE) || !defined(P_SCALED) || !defined(P_GROUP)
#error "detection_output needs P_CODE, P_SCALED and P_GROUP"
#endif
#define VALUE float
#include "common/exact_divide.cl"
#define MATH_WIDTH 1
#include "common/defined_math.cl"
#include "common/group_best.cl"

__kernel void det_decode(__global const float* restrict locations, __global const float* restrict priors,
                         __global float4* restrict boxes, int count, int priorCount, int sets, int lBase, int lBatch,
                         int pBase) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int p = i % priorCount, s = i / priorCount % sets, n = i / (priorCount * sets);
  const float4 prior = vload4(p, priors + pBase), variance = vload4(priorCount + p, priors + pBase);
  float4 t = vload4(p * sets + s, locations + lBase + n * lBatch);
#if P_SCALED
  t = variance * t;
#endif
  const float w = prior.z - prior.x, h = prior.w - prior.y;
#if P_CODE == 0
  boxes[i] = prior + t;
#elif P_CODE == 1
  const float x = t.x * w + (prior.x + prior.z) / 2.0f, y = t.y * h + (prior.y + prior.w) / 2.0f;
  const float halfWidth = definedExp_1(t.z) * w / 2.0f, halfHeight = definedExp_1(t.w) * h / 2.0f;
  boxes[i] = (float4)(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight);
#else
  boxes[i] = prior + t * (float4)(w, h, w, h);
#endif
}

static inline float area(float4 b) { return b.z < b.x || b.w < b.y ? 0.0f : (b.z - b.x) * (b.w - b.y); }

static inline float overlapOf(float4 a, float4 b) {
  const float w = fmin(a.z, b.z) - fmax(a.x, b.x), h = fmin(a.w, b.w) - fmax(a.y, b.y);
  if (!(w > 0.0f) || !(h > 0.0f)) return 0.0f;
  const float common = w * h, both = area(a) + area(b);
  return definedDivide_1(common, both - common);
}

__kernel __attribute__((reqd_work_group_size(P_GROUP, 1, 1)))
void det_select(__global const float* restrict scores, __global const float4* restrict boxes,
                __global int* restrict kept, __global int* restrict counts, int classes, int priorCount, int sets,
                int background, int candidates, float threshold, float eta, float confidence, int sBase, int sBatch) {
  __local float bestScores[P_GROUP];
  __local int bestPriors[P_GROUP];
  const int item = get_local_id(0), pair = get_group_id(0), n = pair / classes, c = pair % classes;
  __global const float* score = scores + sBase + n * sBatch + c;
  __global const float4* box = boxes + (n * sets + (sets == 1 ? 0 : c)) * priorCount;
  __global int* mine = kept + pair * candidates;
  float last = INFINITY, limit = threshold;
  int lastPrior = -1, found = 0;
  for (int round = 0; c != background && round < candidates; ++round) {
    float best = 0.0f;
    int at = -1;
    for (int p = item; p < priorCount; p += P_GROUP) {
      const float s = score[p * classes];
      const int after = s < last || (s == last && p > lastPrior);
      if (s > confidence && after && (at < 0 || s > best)) {
        best = s;
        at = p;
      }
    }
    bestScores[item] = best;
    bestPriors[item] = at;
    GROUP_BEST(bestScores, bestPriors, item, P_GROUP)
    last = bestScores[0];
    lastPrior = bestPriors[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lastPrior < 0) break;
    int clash = 0;
    for (int k = item; k < found; k += P_GROUP) clash |= !(overlapOf(box[lastPrior], box[mine[k]]) <= limit);
    bestPriors[item] = clash;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int reach = P_GROUP / 2; reach > 0; reach /= 2) {
      if (item < reach) bestPriors[item] |= bestPriors[item + reach];
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    clash = bestPriors[0];
    if (!clash) {
      if (item == 0) mine[found] = lastPrior;
      ++found;
      if (eta < 1.0f && limit > 0.5f) limit *= eta;
    }
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);  // everyone has read `clash`, and may read `mine`
  }
  if (item == 0) counts[pair] = found;
}

__kernel void det_keep(__global const float* restrict scores, __global const int* restrict kept,
                       __global const int* restrict counts, __global int* restrict stays, int count, int classes,
                       int candidates, int keep, int sBase, int sBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int pair = i / candidates, k = i % candidates, n = pair / classes, c = pair % classes;
  int stay = k < counts[pair];
  if (stay && keep >= 0) {
    __global const float* score = scores + sBase + n * sBatch;
    const float own = score[kept[i] * classes + c];
    int before = 0;  // of the item's boxes, those with higher scores, of equals those of lower classes and places
    for (int d = 0; d < classes; ++d) {
      const int other = n * classes + d;
      for (int j = 0; j < counts[other]; ++j) {
        const float s = score[kept[other * candidates + j] * classes + d];
        before += s > own || (s == own && (d < c || (d == c && j < k)));
      }
    }
    stay = before < keep;
  }
  stays[i] = stay;
}

static inline int rowsOfItem(__global const int* counts, int n, int classes, int keep) {
  int all = 0;
  for (int c = 0; c < classes; ++c) all += counts[n * classes + c];
  return keep >= 0 ? min(all, keep) : all;
}

__kernel void det_rows(__global const float* restrict scores, __global const float4* restrict boxes,
                       __global const int* restrict kept, __global const int* restrict counts,
                       __global const int* restrict stays, __global float* restrict rows, __global long* restrict total,
                       int count, int rowCount, int batch, int classes, int priorCount, int sets, int candidates,
                       int keep, int sBase, int sBatch, int yBase, int tBase) {
  const int i = get_global_id(0);
  if (i < rowCount || i == 0) {
    int all = 0;
    for (int n = 0; n < batch; ++n) all += rowsOfItem(counts, n, classes, keep);
    if (i == 0) total[tBase] = all;
    if (i >= all && i < rowCount)
      for (int k = 0; k < 7; ++k) rows[yBase + i * 7 + k] = -1.0f;
  }
  if (i >= count || !stays[i]) return;
  const int pair = i / candidates, n = pair / classes, c = pair % classes;
  int at = 0;
  for (int m = 0; m < n; ++m) at += rowsOfItem(counts, m, classes, keep);
  for (int d = 0; d <= c; ++d) {
    const int other = n * classes + d, end = d == c ? i % candidates : counts[other];
    for (int j = 0; j < end; ++j) at += stays[other * candidates + j];
  }
  const int prior = kept[i];
  const float4 box = boxes[(n * sets + (sets == 1 ? 0 : c)) * priorCount + prior];
  __global float* row = rows + yBase + at * 7;
  row[0] = n;
  row[1] = c;
  row[2] = scores[sBase + n * sBatch + prior * classes + c];
  vstore4(box, 0, row + 3);
}
