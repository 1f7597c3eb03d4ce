/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* ADD: both inputs get 20 more bits and a common scale, then their sum gets the output's. */
#include "edgenet_nn.h"

#define LEFT_SHIFT 20

static int8_t sum_of(const edgenet_add_s8_params *p, int32_t first, int32_t second)
{
    const int32_t a = edgenet_shift_left(first + p->first_offset, LEFT_SHIFT);
    const int32_t b = edgenet_shift_left(second + p->second_offset, LEFT_SHIFT);
    const int32_t sum = edgenet_requantize(a, p->first_multiplier, p->first_shift) +
                        edgenet_requantize(b, p->second_multiplier, p->second_shift);
    const int32_t result = edgenet_requantize(sum, p->output_multiplier, p->output_shift) + p->output_offset;
    return edgenet_clamp_s8(result, p->activation_min, p->activation_max);
}

void edgenet_add_s8(const edgenet_add_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output)
{
    for (int32_t i = 0; i < p->shape[0]; i++) {
        for (int32_t j = 0; j < p->shape[1]; j++) {
            for (int32_t k = 0; k < p->shape[2]; k++) {
                const int8_t *a = first + i * p->first_stride[0] + j * p->first_stride[1] + k * p->first_stride[2];
                const int8_t *b = second + i * p->second_stride[0] + j * p->second_stride[1] + k * p->second_stride[2];
                for (int32_t l = 0; l < p->shape[3]; l++) {
                    *output++ = sum_of(p, *a, *b);
                    a += p->first_stride[3];
                    b += p->second_stride[3];
                }
            }
        }
    }
}
