/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* ADD and SUB for all scales: both operands get 20 more bits and a common scale, then their sum gets the output's. */
#include "edgenet_nn.h"

#define LEFT_SHIFT 20

void edgenet_add_general_s8(const edgenet_add_general_s8_params *p, const int8_t *first, const int8_t *second,
                            int8_t *output)
{
    const int32_t length = p->broadcast.length;
    const int32_t first_step = p->broadcast.first_step, second_step = p->broadcast.second_step;
    edgenet_row row = {{0}, 0, 0};
    do {
        const int8_t *a = first + row.first, *b = second + row.second;
        for (int32_t i = 0; i < length; i++) {
            const int32_t x = edgenet_shift_left(*a + p->first_offset, LEFT_SHIFT);
            const int32_t y = edgenet_shift_left(*b + p->second_offset, LEFT_SHIFT);
            const int32_t sum = edgenet_requantize(x, p->first_multiplier, p->first_shift) +
                                edgenet_requantize(y, p->second_multiplier, p->second_shift) * p->second_sign;
            const int32_t result = edgenet_requantize(sum, p->output_multiplier, p->output_shift) + p->output_offset;
            *output++ = edgenet_clamp_s8(result, p->activation_min, p->activation_max);
            a += first_step;
            b += second_step;
        }
    } while (edgenet_next_row(&p->broadcast, &row));
}
