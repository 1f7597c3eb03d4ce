/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* FULLY_CONNECTED with weights or biases that other operators compute, or with weights that have a zero point. */
#include "edgenet_nn.h"

#include <string.h>

static int32_t dot(const edgenet_fully_connected_computed_s8_params *p, const int8_t *x, const int8_t *w)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < p->depth; i++) {
        sum += ((int32_t)x[i] + p->input_offset) * ((int32_t)w[i] + p->weights_offset);
    }
    return sum;
}

void edgenet_fully_connected_computed_s8(const edgenet_fully_connected_computed_s8_params *p, const int8_t *input,
                                         const int8_t *weights, const void *bias, int8_t *output)
{
    const int8_t *biases = (const int8_t *)bias;
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t c = 0; c < p->channels; c++) {
            const int32_t q = p->per_channel ? c : 0;
            int32_t sum = dot(p, input, weights + c * p->depth);
            int32_t b = 0;
            if (p->has_bias) {
                memcpy(&b, biases + c * (int32_t)sizeof b, sizeof b);
            }
            sum = edgenet_requantize(edgenet_add_wrapping(sum, b), p->multiplier[q], p->shift[q]) + p->output_offset;
            *output++ = edgenet_clamp_s8(sum, p->activation_min, p->activation_max);
        }
        input += p->depth;
    }
}
