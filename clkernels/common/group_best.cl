// GROUP_BEST: the best of what a work-group's items found, for all of them in scores[0] and places[0]: the highest score, of
// equals the lower place; -1 where no item has any. A macro, since PoCL 3.1 lets threads share a kernel's own __local arrays
// once they have been handed to a function with barriers.
//   scores, places  __local arrays of GROUP entries, written by every item before; GROUP is a power of two
// Every item of the group has to reach it; it begins and ends with a barrier.
#define GROUP_BEST(scores, places, item, GROUP)                                     \
  barrier(CLK_LOCAL_MEM_FENCE);                                                     \
  for (int reach = (GROUP) / 2; reach > 0; reach /= 2) {                            \
    if ((item) < reach) {                                                           \
      const int other = places[(item) + reach], own = places[item];                 \
      const float a = scores[(item) + reach], b = scores[item];                     \
      if (other >= 0 && (own < 0 || a > b || (a == b && other < own))) {            \
        places[item] = other;                                                       \
        scores[item] = a;                                                           \
      }                                                                             \
    }                                                                               \
    barrier(CLK_LOCAL_MEM_FENCE);                                                   \
  }
