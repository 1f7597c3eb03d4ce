/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* FULLY_CONNECTED of a few weights, channel after channel: for networks that are smaller than a fast kernel. */
#include "edgenet_nn.h"

void edgenet_fully_connected_small_s8(const edgenet_fully_connected_small_s8_params *p, const int8_t *input,
                                      int8_t *output)
{
    const int32_t every = p->per_channel ? -1 : 0;
    int8_t *const start = output;
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = p->weights;
        for (int32_t c = 0; c < p->channels; c++) {
            const int32_t q = c & every;
            int32_t sum = p->bias[c];
            for (int32_t k = 0; k < p->depth; k++) {
                sum = edgenet_add_wrapping(sum, input[k] * *w++);
            }
            *output++ = (int8_t)edgenet_finish(p->form, sum, p->multiplier[q], p->constant[q], p->shift[q]);
        }
        input += p->depth;
    }
    edgenet_limit_s8(start, (int32_t)(output - start), p->activation_min, p->activation_max);
}
