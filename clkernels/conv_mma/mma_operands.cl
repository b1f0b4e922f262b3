// Operands and epilogue of conv_mma.cl and its kin: halves, or codes with what makes and reads them.
// P_HALF  1: halves; else codes
// P_PAIRS  1: numbers as pairs of halves (conv_pairs/conv_pairs.cl), with P_HALF
// P_YBLOCK, P_RBLOCK, P_CHANNELS, P_XOFFSET..  see conv_mma.cl
#define PW_WIDTH 4
#include "common/activation.cl"
#include "common/operand.cl"
#ifndef P_PAIRS
#define P_PAIRS 0
#endif
#if P_HALF
#define RATE float
#define CODE_SCALE float
#else
#include "common/quant.cl"
#endif
#if !defined(P_YBLOCK) || !defined(P_RBLOCK) || !defined(P_CHANNELS) || !defined(P_XOFFSET) || !defined(P_XBATCH) || \
    !defined(P_YOFFSET) || !defined(P_YBATCH) || !defined(P_ROFFSET) || !defined(P_RBATCH)
#error "the places of a convolution's operands are missing"
#endif
