/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* MEAN and SUM: a sum over the reduced axes for every place along the kept ones. */
#include "edgenet_nn.h"

static int32_t sum_over_reduced(const edgenet_mean_s8_params *p, const int8_t *x)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < p->reduced[0]; i++) {
        for (int32_t j = 0; j < p->reduced[1]; j++) {
            const int8_t *from = x + i * p->reduced_stride[0] + j * p->reduced_stride[1];
            for (int32_t k = 0; k < p->reduced[2]; k++) {
                sum += *from;
                from += p->reduced_stride[2];
            }
        }
    }
    return sum + p->reduced[0] * p->reduced[1] * p->reduced[2] * p->input_offset;
}

void edgenet_mean_s8(const edgenet_mean_s8_params *p, const int8_t *input, int8_t *output)
{
    for (int32_t i = 0; i < p->kept[0]; i++) {
        for (int32_t j = 0; j < p->kept[1]; j++) {
            for (int32_t k = 0; k < p->kept[2]; k++) {
                const int32_t at = i * p->kept_stride[0] + j * p->kept_stride[1] + k * p->kept_stride[2];
                const int32_t mean = edgenet_requantize(sum_over_reduced(p, input + at), p->multiplier, p->shift);
                *output++ = edgenet_clamp_s8(mean + p->output_offset, INT8_MIN, INT8_MAX);
            }
        }
    }
}
