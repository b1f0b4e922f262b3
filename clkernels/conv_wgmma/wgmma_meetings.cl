// Meetings of conv_wgmma and conv_pairs, where those that copy and those that multiply wait for each other, and the copies of weights.
//
// A stage of patches (X, two at most) or of weights (W) is full once its meeting counted the copies, and empty once every multiplying
// warp arrived. Wants ITEMS, COPIERS, TAPS, T_BATCH, T_STAGES and W_PIECES, pieces of a tap's weights.
#define FULL_X(stage) (meetings + (stage) * 8)
#define EMPTY_X(stage) (meetings + (2 + (stage)) * 8)
#define FULL_W(stage) (meetings + (4 + (stage)) * 8)
#define EMPTY_W(stage) (meetings + (4 + T_STAGES + (stage)) * 8)
#define MEETINGS (4 + 2 * T_STAGES)

static inline void makeMeetings(uint meetings) {
  if (get_local_id(0) == 0) {
    for (int s = 0; s < 2; ++s) initMeeting(FULL_X(s), COPIERS), initMeeting(EMPTY_X(s), ITEMS / 32);
    for (int s = 0; s < T_STAGES; ++s) initMeeting(FULL_W(s), 1), initMeeting(EMPTY_W(s), ITEMS / 32);
    PROXY_FENCE();
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}

typedef struct {
  int stage, parity;
} Turn;
static inline Turn nextTurn(Turn t, int stages) {
  const int last = t.stage + 1 == stages;
  return (Turn){last ? 0 : t.stage + 1, t.parity ^ last};
}

// One item's work: weights, a batch at a time.
static inline void copyWeights(int first, int last, __global const PIECE* w, uint wl, uint meetings) {
  Turn turn = {0, 1};
  w += first * (TAPS * W_PIECES);
#pragma unroll 1
  for (int left = (last - first) * (TAPS / T_BATCH); left > 0; --left) {
    awaitMeeting(EMPTY_W(turn.stage), turn.parity);
    copyBulk(wl + turn.stage * (T_BATCH * W_PIECES * 16), w, T_BATCH * W_PIECES * 16, FULL_W(turn.stage));
    w += T_BATCH * W_PIECES;
    turn = nextTurn(turn, T_STAGES);
  }
}
