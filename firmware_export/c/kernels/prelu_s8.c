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
            const int32_t product = x < 0 ? x * (*b + p->alpha_offset) : x;
            const int32_t multiplier = x < 0 ? p->negative_multiplier : p->positive_multiplier;
            const int32_t shift = x < 0 ? p->negative_shift : p->positive_shift;
            *output++ = (int8_t)edgenet_output(product, multiplier, shift, p->output_offset);
            a += first_step;
            b += second_step;
        }
    } while (edgenet_next_row(&p->broadcast, &row));
}
