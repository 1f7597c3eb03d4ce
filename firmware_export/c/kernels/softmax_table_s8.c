/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* SOFTMAX with a table of exponentials: a sum, one reciprocal, one multiplication for each output. */
#include "edgenet_nn.h"

static void softmax_row(const edgenet_softmax_table_s8_params *p, const int8_t *x, int8_t *y)
{
    int32_t largest = INT8_MIN, sum = 0;
    edgenet_softmax_sum total;
    for (int32_t i = 0; i < p->depth; i++) {
        largest = x[i] > largest ? x[i] : largest;
    }
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t difference = largest - x[i];
        if (difference < p->count && sum < EDGENET_SOFTMAX_MOST) {
            sum += edgenet_divide_positive(p->table[difference], EDGENET_SOFTMAX_BITS);
        }
    }
    total = edgenet_softmax_sum_of(sum); /* at least exp(0), so not 0 */
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t difference = largest - x[i];
        y[i] = INT8_MIN;
        if (difference < p->count) {
            y[i] = edgenet_softmax_output(p->table[difference], total);
        }
    }
}

void edgenet_softmax_table_s8(const edgenet_softmax_table_s8_params *p, const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, input + row * p->depth, output + row * p->depth);
    }
}
