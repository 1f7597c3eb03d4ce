/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* ADD and SUB where the exporter found factors that give the reference kernel's bits for every pair of inputs. */
#include "edgenet_nn.h"

void edgenet_add_s8(const edgenet_add_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output)
{
    const int32_t first_factor = p->first_factor, second_factor = p->second_factor;
    const int32_t constant = p->constant, shift = p->shift;
    const int32_t low = p->activation_min, high = p->activation_max;
    const int32_t length = p->broadcast.length;
    const int32_t first_step = p->broadcast.first_step, second_step = p->broadcast.second_step;
    edgenet_row row = {{0}, 0, 0};
    do {
        const int8_t *a = first + row.first, *b = second + row.second;
        for (int32_t i = 0; i < length; i++) {
            *output++ = edgenet_clamp_s8((*a * first_factor + *b * second_factor + constant) >> shift, low, high);
            a += first_step;
            b += second_step;
        }
    } while (edgenet_next_row(&p->broadcast, &row));
}
