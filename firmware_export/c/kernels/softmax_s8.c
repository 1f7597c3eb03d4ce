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
#define SUM_BITS 12 /* integer bits of the sum of exponentials, Q12.19 */
#define MAX_SUM (1 << 30) /* 2048; from 512 on every probability rounds to 0 */

/* exp(-2^k) in Q0.31 for k = -2 to 4. */
static const int32_t exp_of_powers[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};

/* x * 2^n, saturated. */
static int32_t saturating_shift_left(int32_t x, int32_t n)
{
    const int64_t wide = (int64_t)x * ((int64_t)1 << n);
    return wide > INT32_MAX ? INT32_MAX : (wide < INT32_MIN ? INT32_MIN : (int32_t)wide);
}

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
    result = exp_near_minus_eighth(saturating_shift_left(rest, 5));
    for (int32_t k = 0; k < 7; k++) {
        if (remainder & (QUARTER_Q26 << k)) {
            result = edgenet_high_mul(result, exp_of_powers[k]);
        }
    }
    return result;
}

/* 1 / (1 + a) for a in [0, 1], both Q0.31: three Newton-Raphson steps. */
static int32_t one_over_one_plus(int32_t a)
{
    const int32_t half = (int32_t)(((int64_t)a + ONE_Q31 + 1) >> 1);
    int32_t x = 1515870810 + edgenet_high_mul(-1010580540, half); /* Q2.29: 48/17 - 32/17 * half */
    for (int32_t i = 0; i < 3; i++) {
        x += saturating_shift_left(edgenet_high_mul((1 << 29) - edgenet_high_mul(x, half), x), 2);
    }
    return saturating_shift_left(x, 1);
}

static int32_t leading_zeros(uint32_t x)
{
    int32_t n = 0;
    while (!(x & 0x80000000U)) {
        x <<= 1;
        n++;
    }
    return n;
}

static int32_t exp_of_difference(const edgenet_softmax_s8_params *p, int32_t difference)
{
    return exp_of_negative(edgenet_high_mul(edgenet_shift_left(difference, p->left_shift), p->multiplier));
}

static void softmax_row(const edgenet_softmax_s8_params *p, const int8_t *x, int8_t *y)
{
    int32_t largest = INT8_MIN, sum = 0, zeros, reciprocal, exponent;
    for (int32_t i = 0; i < p->depth; i++) {
        largest = x[i] > largest ? x[i] : largest;
    }
    for (int32_t i = 0; i < p->depth; i++) {
        if (x[i] - largest >= p->diff_min && sum < MAX_SUM) {
            sum += edgenet_divide_by_power_of_two(exp_of_difference(p, x[i] - largest), SUM_BITS);
        }
    }
    zeros = leading_zeros((uint32_t)sum); /* sum is at least exp(0), so not 0 */
    reciprocal = one_over_one_plus((int32_t)(((uint32_t)sum << zeros) - 0x80000000U));
    exponent = SUM_BITS - zeros + 31 - 8;
    for (int32_t i = 0; i < p->depth; i++) {
        int32_t result = 0;
        if (x[i] - largest >= p->diff_min) {
            result = edgenet_high_mul(exp_of_difference(p, x[i] - largest), reciprocal);
            result = exponent > 31 ? 0 : edgenet_divide_by_power_of_two(result, exponent);
        }
        y[i] = edgenet_clamp_s8(result + INT8_MIN, INT8_MIN, INT8_MAX);
    }
}

void edgenet_softmax_s8(const edgenet_softmax_s8_params *p, const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, input + row * p->depth, output + row * p->depth);
    }
}
