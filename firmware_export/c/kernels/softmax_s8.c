/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * SOFTMAX in fixed point. Qm.n is a number with m integer bits and n = 31 - m fraction bits, beside its sign.
 * The series, the constants and the roundings are gemmlowp's (github.com/google/gemmlowp, fixedpoint.h), because the
 * bits have to be.
 */
#include "edgenet_nn.h"

#define ONE_Q31 INT32_MAX
#define QUARTER_Q26 (1 << 24)

/* exp(-2^k) in Q0.31 for k = -2 to 4. */
static const int32_t exp_of_powers[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};

/* exp(a) for a in [-1/4, 0), both Q0.31: a series of the fourth degree around -1/8. */
static int32_t exp_near_minus_eighth(int32_t a)
{
    const int32_t exp_minus_eighth = 1895147668;
    const int32_t third = 715827883;
    const int32_t x = a + (1 << 28);
    const int32_t x2 = edgenet_high_mul(x, x);
    const int32_t x3 = edgenet_high_mul(x2, x);
    const int32_t x4_over_4 = edgenet_divide_by_power_of_two(edgenet_high_mul(x2, x2), 2);
    const int32_t tail = edgenet_divide_by_power_of_two(edgenet_high_mul(x4_over_4 + x3, third) + x2, 1);
    return exp_minus_eighth + edgenet_high_mul(x + tail, exp_minus_eighth);
}

/* exp(a) in Q0.31 for a <= 0 in Q5.26. */
static int32_t exp_of_negative(int32_t a)
{
    const int32_t rest = (a & (QUARTER_Q26 - 1)) - QUARTER_Q26;
    const int32_t remainder = rest - a; /* a multiple of 1/4 */
    int32_t result;
    if (a == 0) {
        return ONE_Q31;
    }
    result = exp_near_minus_eighth(rest * 32);
    for (int32_t k = 0; k < 7; k++) {
        if (remainder & (QUARTER_Q26 << k)) {
            result = edgenet_high_mul(result, exp_of_powers[k]);
        }
    }
    return result;
}

static int32_t exp_of_difference(const edgenet_softmax_s8_params *p, int32_t difference)
{
    return exp_of_negative(edgenet_high_mul(edgenet_shift_left(difference, p->left_shift), p->multiplier));
}

static void softmax_row(const edgenet_softmax_s8_params *p, const int8_t *x, int8_t *y)
{
    int32_t largest = INT8_MIN, sum = 0;
    edgenet_softmax_sum total;
    for (int32_t i = 0; i < p->depth; i++) {
        largest = x[i] > largest ? x[i] : largest;
    }
    for (int32_t i = 0; i < p->depth; i++) {
        if (x[i] - largest >= p->diff_min && sum < EDGENET_SOFTMAX_MOST) {
            sum += edgenet_divide_positive(exp_of_difference(p, x[i] - largest), EDGENET_SOFTMAX_BITS);
        }
    }
    total = edgenet_softmax_sum_of(sum); /* at least exp(0), so not 0 */
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t difference = x[i] - largest;
        y[i] = INT8_MIN;
        if (difference >= p->diff_min) {
            y[i] = edgenet_softmax_output(exp_of_difference(p, difference), total);
        }
    }
}

void edgenet_softmax_s8(const edgenet_softmax_s8_params *p, const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, input + row * p->depth, output + row * p->depth);
    }
}
