/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* MUL, rounded as the reference kernel does, for factors that mul_s8 does not take. */
#include "edgenet_nn.h"

void edgenet_mul_general_s8(const edgenet_mul_general_s8_params *p, const int8_t *first, const int8_t *second,
                            int8_t *output)
{
    const int32_t length = p->broadcast.length;
    const int32_t first_step = p->broadcast.first_step, second_step = p->broadcast.second_step;
    edgenet_row row = {{0}, 0, 0};
    do {
        const int8_t *a = first + row.first, *b = second + row.second;
        for (int32_t i = 0; i < length; i++) {
            const int32_t product = (*a + p->first_offset) * (*b + p->second_offset);
            const int32_t scaled = edgenet_output(product, p->multiplier, p->shift, p->output_offset);
            *output++ = edgenet_clamp_s8(scaled, p->activation_min, p->activation_max);
            a += first_step;
            b += second_step;
        }
    } while (edgenet_next_row(&p->broadcast, &row));
}
