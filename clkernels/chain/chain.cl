// chain: a whole network in one launch. Its steps are functions (clkernels/text/chain_function.hpp) that work-groups which stay on
// their units run over tiles or items, in phases: all groups meet between two.
//
// The text before this file is generated: the functions, CHAIN_PARAMETERS, CHAIN_PHASES and chainBytes, the most local memory that
// a phase takes. CHAIN_PHASES sees
//   item, group, groups   place in the work-group, the group among those that take part, how many these are
//   memory                local memory
//   ahead(..)             in CHAIN_AHEAD_0 and on, the constants of the phase behind
//   sync                  [0] groups that have come to meetings, [1] groups that are done, [2] groups that saw all others,
//                         [3] groups that came at the beginning, from bit TAKES_PART on those that take part,
//                         counters of the steps from P_COUNTERS on; with P_SHARES from P_TAKEN on, a cache line each, how many
//                         units of each share of a kernel are taken, then how many of all are done; zero before a launch and after it;
//                         from P_TIMES on the unit's clock at the beginning of each phase and at the end, 64 bits each
//   keeps                 whether the item keeps the time
// P_ITEMS  of a work-group
// D_MEET   1: groups meet by PTX (release, acquire at the device's scope); 0: there is one group only, or
// P_SHARES > 0: groups of one item take units of work until a phase has none left, each from a share of its own first, of which
//          there are P_SHARES, then from others'
//
// Groups that meet have to be on the device at the same time: whoever launches finds out how many can be, by a launch with
// `probing` 1, which gives up after a while. Something may keep some from coming all the same, another process that shares the
// device by time (NVIDIA's devices go on with the groups that were there, and others get no place until these end) or a kernel of
// another queue: then those that came in time do the work, and later ones find it taken. Groups that take units need not be on
// the device together: one waits only for units that another has begun, and that one runs.
#if !defined(P_SHARES) || !defined(P_TAKEN) || !defined(P_ITEMS) || !defined(P_COUNTERS) || !defined(P_TIMES) || !defined(D_MEET) || !defined(CHAIN_PHASES) || !defined(CHAIN_PARAMETERS)
#error "chain needs P_SHARES, P_TAKEN, P_ITEMS, P_COUNTERS, D_MEET and the generated phases"
#endif

#if D_MEET
static inline void come(volatile __global uint* count) {
  asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(count) : "memory");
}
static inline uint seen(volatile __global uint* count) {
  uint value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(count) : "memory");
  return value;
}
// Some seconds: a group that is not there will not come any more, and an error is better than a device that hangs.
#define MOST_LOOKS (1u << 24)
// About a millisecond: groups that have not come by then have no place.
#define FIRST_LOOKS (1u << 12)
#define TAKES_PART 16  // bits below it count who came

// The group's number among those that take part, which all are on the device, and how many these are; (-1, 0) behind them.
static inline int2 comers(volatile __global uint* word) {
  const uint all = get_num_groups(0), place = atomic_inc(word);
  uint now = place + 1;
  for (uint looks = 0; now >> TAKES_PART == 0; ++looks) {
    if (now == all) return (int2)(get_group_id(0), all);
    now = seen(word);
    if (looks < FIRST_LOOKS || now >> TAKES_PART != 0 || now == all) continue;
    // Whoever has come takes part, once the word says so; a group that comes meanwhile changes it first.
    const uint most = now | now << TAKES_PART, found = atomic_cmpxchg(word, now, most);
    now = found == now ? most : found;
  }
  const uint part = now >> TAKES_PART;
  return (place & ((1u << TAKES_PART) - 1)) < part ? (int2)(place, part) : (int2)(-1, 0);
}
#endif

#if P_SHARES
static inline uint look(volatile __global uint* count) { return __atomic_load_n(count, __ATOMIC_ACQUIRE); }
static inline uint countUp(volatile __global uint* count, uint by) {
  return __atomic_fetch_add(count, by, __ATOMIC_ACQ_REL);
}
// The first of `each` units of a share that are now the caller's; from `units` on there are none left.
static inline int takeUnits(volatile __global uint* taken, int units, int each) {
  return look(taken) >= (uint)units ? units : (int)countUp(taken, each);
}
// A moment, and now and then what is left of the thread's time: whoever is waited for may be waiting for the core.
static inline void waitABit(uint looks) {
#if defined(__x86_64__)
#if defined(__linux__)
  if (looks % 1024 == 0) {
    long call = 24;  // sched_yield
    __asm__ volatile("syscall" : "+a"(call) : : "rcx", "r11", "memory");
  }
#endif
  __builtin_ia32_pause();
#endif
}
// Returns when all units of a phase are done, of which the caller did `own`.
static inline void finishPhase(volatile __global uint* done, uint own, uint all) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);  // stores around the caches, too
  if (own) countUp(done, own);
  for (uint looks = 1; look(done) < all; ++looks) waitABit(looks);
}
// Does `work` for the units `t` of one kernel's `all`, `each` at a time. A counter has a cache line.
#define CHAIN_LINE 16
#define CHAIN_TAKE(word, all, each, work)                                                                  \
  for (int other = 0; other < P_SHARES; ++other) {                                                         \
    const int share = (first + other) % P_SHARES, begin = (long)(all) * share / P_SHARES;                  \
    const int units = (int)((long)(all) * (share + 1) / P_SHARES) - begin;                                 \
    for (int at; (at = takeUnits(sync + (word) + share * CHAIN_LINE, units, each)) < units;)               \
      for (int t = begin + at; t < begin + min(at + (each), units); ++t, ++own) work                       \
  }
#endif

// The first group's first item keeps the time.
static inline void keepTime(volatile __global uint* sync, int phase, bool first) {
#if P_SHARES
  if (first) ((volatile __global ulong*)(sync + P_TIMES))[phase] = __builtin_readcyclecounter();
#elif D_MEET
  if (!first) return;
  ulong now;
  asm volatile("mov.u64 %0, %%clock64;" : "=l"(now));
  ((volatile __global ulong*)(sync + P_TIMES))[phase] = now;
#endif
}

// Returns when all groups have come, before phase 1, 2..: they are counted over all meetings of the launch.
static inline void meet(volatile __global uint* sync, int phase, uint groups, bool first) {
  const uint all = phase * groups;
#if P_ITEMS > 1
  barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
#endif
#if D_MEET
  if (get_local_id(0) == 0) {
    come(sync);
    for (uint looks = 0; seen(sync) < all; ++looks)
      if (looks == MOST_LOOKS) asm volatile("trap;");
  }
  keepTime(sync, phase, first);
  barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
#endif
}

// The last group, whether it took part or not, leaves zeros for the next launch.
static inline void leave(volatile __global uint* sync) {
  const uint groups = get_num_groups(0);
#if D_MEET
  if (get_local_id(0) != 0 || atomic_inc(sync + 1) != groups - 1) return;
  sync[0] = 0;
  sync[1] = 0;
  sync[3] = 0;
#elif P_SHARES
  if (countUp(sync + 1, 1) != groups - 1) return;
  sync[0] = 0;
  sync[1] = 0;
  for (int i = P_TAKEN; i < P_TIMES; ++i) sync[i] = 0;
#endif
}

// Counts the groups that see all of them arrive.
static inline void probeGroups(volatile __global uint* sync, uint groups) {
#if D_MEET
  if (get_local_id(0) != 0) return;
  come(sync);
  for (uint looks = 0; looks < 1u << 14; ++looks)
    if (seen(sync) >= groups) {
      atomic_inc(sync + 2);
      return;
    }
#endif
}

// Asks for memory that is constant, so that the second-level cache has it once it is wanted.
static inline void ahead(__global const char* from, ulong begin, ulong bytes) {
#if D_MEET
  for (ulong at = get_global_id(0) * 128ul; at < bytes; at += get_global_size(0) * 128ul)
    asm volatile("prefetch.global.L2 [%0];" ::"l"(from + begin + at));
#endif
}

// Steps of a phase, one after the other; the first of their units of work goes to group `first`.
#define CHAIN_FIRST(first) (((first) == 0 ? group : (int)((group + groups - (first) % groups) % groups)))
#define CHAIN_PLACE(t, e0, e1) (t) % (e0), (t) / (e0) % (e1), (t) / ((e0) * (e1))

__kernel __attribute__((reqd_work_group_size(P_ITEMS, 1, 1))) void chain(CHAIN_PARAMETERS volatile __global uint* sync, int probing) {
#if P_SHARES
  // On the thread's stack: PoCL's threads would share what a kernel declares as local.
  typedef char chainFitsTheStack[chainBytes <= 512 << 10 ? 1 : -1];
  int4 chainMemory[(chainBytes + 15) / 16] __attribute__((aligned(64)));
  __local char* memory = (__local char*)(size_t)chainMemory;
#else
  __local int4 chainMemory[(chainBytes + 15) / 16];
  __local char* memory = (__local char*)chainMemory;
#endif
  const int item = get_local_id(0);
  int group = get_group_id(0), groups = get_num_groups(0);
  if (probing) {
    probeGroups(sync, groups);
    return;
  }
#if D_MEET
  if (item == 0) *(__local int2*)memory = comers(sync + 3);
  barrier(CLK_LOCAL_MEM_FENCE);
  group = ((__local int2*)memory)->x, groups = ((__local int2*)memory)->y;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (groups == 0) {
    leave(sync);
    return;
  }
#endif
  const bool keeps = group == 0 && item == 0;
#if P_SHARES
  const int first = (int)(countUp(sync, 1) % P_SHARES);
  uint own = 0;
#endif
  keepTime(sync, 0, keeps);
  CHAIN_PHASES
  keepTime(sync, P_PHASES, keeps);
  leave(sync);
}
