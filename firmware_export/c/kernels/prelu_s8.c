/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* PRELU: positive inputs and the products of negative ones with alpha have a multiplier each. */
#include "edgenet_nn.h"

void edgenet_prelu_s8(const edgenet_prelu_s8_params *p, const int8_t *input, const int8_t *alpha, int8_t *output)
{
    const int32_t length = p->broadcast.length;
    const int32_t first_step = p->broadcast.first_step, second_step = p->broadcast.second_step;
    edgenet_row row = {{0}, 0, 0};
    do {
        const int8_t *a = input + row.first, *b = alpha + row.second;
        for (int32_t i = 0; i < length; i++) {
            const int32_t x = *a + p->input_offset;
            const int32_t scaled = x < 0 ? edgenet_requantize(x * (*b + p->alpha_offset), p->negative_multiplier,
                                                              p->negative_shift)
                                         : edgenet_requantize(x, p->positive_multiplier, p->positive_shift);
            *output++ = edgenet_clamp_s8(scaled + p->output_offset, INT8_MIN, INT8_MAX);
            a += first_step;
            b += second_step;
        }
    } while (edgenet_next_row(&p->broadcast, &row));
}
