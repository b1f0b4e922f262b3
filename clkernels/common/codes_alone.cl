// codes_alone: common/quant.cl for kernels whose results pass no activation, bias or residual on their way to codes.
// PW_WIDTH  as common/quant.cl
#define P_ACT None
#define P_ALPHA 0.0f
#define P_BETA 0.0f
#define P_HAS_BIAS 0
#define P_HAS_RESIDUAL 0
#define P_SLOPE 0
#define P_RESIDUAL_CODED 0
#define P_CORRECTED 0
#define P_BOUNDS 0
#include "common/activation.cl"
#include "common/quant.cl"
