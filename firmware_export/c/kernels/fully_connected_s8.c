/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* FULLY_CONNECTED. */
#include "edgenet_nn.h"

void edgenet_fully_connected_s8(const edgenet_fully_connected_s8_params *p, const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = p->weights;
        for (int32_t c = 0; c < p->channels; c++) {
            const int32_t q = p->per_channel ? c : 0;
            int32_t sum = 0;
            for (int32_t i = 0; i < p->depth; i++) {
                sum += ((int32_t)input[i] + p->input_offset) * (int32_t)w[i];
            }
            w += p->depth;
            if (p->bias != NULL) {
                sum = edgenet_add_wrapping(sum, p->bias[c]);
            }
            sum = edgenet_requantize(sum, p->multiplier[q], p->shift[q]) + p->output_offset;
            *output++ = edgenet_clamp_s8(sum, p->activation_min, p->activation_max);
        }
        input += p->depth;
    }
}
