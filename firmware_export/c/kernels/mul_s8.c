/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * MUL. The reference kernel rounds the product twice:
 *     high = floor((product * m + 2^30) / 2^31), then high / 2^n rounded, halves away from zero,
 * which is (high + 2^(n-1) - (1 where high < 0)) >> n, or high itself where n = 0. Here both are one multiplication,
 * additions and a shift. For n > 0:
 *   high is the upper word of 2 * product * m + 2^31, and the output's zero point times 2^n is added together with 2^(n-1).
 *   product < 0 may stand for high < 0: they differ only in product = -1, m = 2^30, where high = 0, and then
 *   (0 + 2^(n-1) - 1) >> n is 0, as it should be.
 */
#include "edgenet_nn.h"

void edgenet_mul_s8(const edgenet_mul_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output)
{
    const int32_t left = (p->shift > 0 ? p->shift : 0) + 1, right = p->shift > 0 ? 0 : -p->shift;
    const int32_t half = (int32_t)(((uint32_t)1 << right) >> 1), away = right > 0 ? -1 : 0;
    const int32_t upper = p->output_offset * (int32_t)((uint32_t)1 << right) + half;
    const int32_t first_offset = p->first_offset, second_offset = p->second_offset, multiplier = p->multiplier;
    const int32_t low = p->activation_min, high = p->activation_max;
    const int32_t length = p->broadcast.length;
    const int32_t first_step = p->broadcast.first_step, second_step = p->broadcast.second_step;
    edgenet_row row = {{0}, 0, 0};
    do {
        const int8_t *a = first + row.first, *b = second + row.second;
        for (int32_t i = 0; i < length; i++) {
            const int32_t product = (*a + first_offset) * (*b + second_offset);
            const int32_t scaled = edgenet_rounded_high_word(edgenet_shift_left(product, left), multiplier) + upper;
            *output++ = edgenet_clamp_s8((scaled + (product < 0 ? away : 0)) >> right, low, high);
            a += first_step;
            b += second_step;
        }
    } while (edgenet_next_row(&p->broadcast, &row));
}
