/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* CONCATENATION: one input's rows into their places. */
#include "edgenet_nn.h"

void edgenet_concatenation_s8(const edgenet_concatenation_s8_params *p, const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < p->rows; row++) {
        int8_t *to = output + row * p->output_width + p->output_start;
        for (int32_t i = 0; i < p->width; i++) {
            to[i] = *input++;
        }
    }
}
