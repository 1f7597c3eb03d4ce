/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* FULLY_CONNECTED. Eight channels at a time are computed, so that each input that is loaded serves eight products. */
#include "edgenet_nn.h"

#define CHANNELS 8

/* Adds the i-th input, times its weights of eight channels, to the sums. */
#define STEP(i)                            \
    do {                                   \
        const int32_t value = x[i];        \
        a += value * w[CHANNELS * (i)];     \
        b += value * w[CHANNELS * (i) + 1]; \
        c += value * w[CHANNELS * (i) + 2]; \
        d += value * w[CHANNELS * (i) + 3]; \
        e += value * w[CHANNELS * (i) + 4]; \
        f += value * w[CHANNELS * (i) + 5]; \
        g += value * w[CHANNELS * (i) + 6]; \
        h += value * w[CHANNELS * (i) + 7]; \
    } while (0)

/* The sums of eight channels, whose weights lie side by side. */
EDGENET_OWN_REGISTERS static void eight_channels(const int8_t *x, const int8_t *w, int32_t n, int32_t *sums)
{
    int32_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    const int8_t *const end = x + n;
#if !EDGENET_NARROW_PRODUCTS
    /* Cores with 64-bit products also have the registers for it. */
    for (const int8_t *const end_of_sixes = x + n / 6 * 6; x != end_of_sixes; x += 6) {
        STEP(0);
        STEP(1);
        STEP(2);
        STEP(3);
        STEP(4);
        STEP(5);
        w += CHANNELS * 6;
    }
#endif
    for (; x != end; x++) {
        STEP(0);
        w += CHANNELS;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
    sums[4] = e;
    sums[5] = f;
    sums[6] = g;
    sums[7] = h;
}

static int32_t one_channel(const int8_t *x, const int8_t *w, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += (int32_t)x[i] * w[i];
    }
    return sum;
}

/* The outputs of count channels from c on. */
static inline void finish_as(int32_t form, const edgenet_fully_connected_s8_params *p, const int32_t *sums, int32_t c,
                             int32_t count, int8_t *output)
{
    const int32_t channels = p->per_channel ? -1 : 0;
    const int32_t *const biases = p->bias, *const multipliers = p->multiplier, *const constants = p->constant;
    const int8_t *const shifts = p->shift;
    for (const int32_t end = c + count; c != end; c++) {
        const int32_t q = c & channels, sum = edgenet_add_wrapping(*sums++, biases[c]);
        output[c] = (int8_t)edgenet_finish(form, sum, multipliers[q], constants[q], shifts[q]);
    }
}

/* A loop of its own for the form that most layers have. */
static void finish(const edgenet_fully_connected_s8_params *p, const int32_t *sums, int32_t c, int32_t count,
                   int8_t *output)
{
    if (p->form == EDGENET_STAIRCASE) {
        finish_as(EDGENET_STAIRCASE, p, sums, c, count, output);
    } else {
        finish_as(p->form, p, sums, c, count, output);
    }
}

void edgenet_fully_connected_s8(const edgenet_fully_connected_s8_params *p, const int8_t *input, int8_t *output)
{
    int8_t *const start = output;
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = p->weights;
        int32_t c = 0;
        while (c < p->channels) {
            int32_t sums[CHANNELS];
            const int32_t count = p->channels - c < CHANNELS ? 1 : CHANNELS;
            if (count == CHANNELS) {
                eight_channels(input, w, p->depth, sums);
            } else {
                sums[0] = one_channel(input, w, p->depth);
            }
            finish(p, sums, c, count, output);
            w += count * p->depth;
            c += count;
        }
        input += p->depth;
        output += p->channels;
    }
    edgenet_limit_s8(start, (int32_t)(output - start), p->activation_min, p->activation_max);
}
